//! One statement on either engine: binding, running, reading rows.

use sqlx::{FromRow, PgConnection, Postgres, Sqlite, SqliteConnection, postgres::PgRow, sqlite::SqliteRow};
use tessera_contract::{Failure, FailureKind};
use tessera_types::TenantId;

use crate::Param;

/// A row that both engines can give: `#[derive(sqlx::FromRow)]` on a struct, or a tuple.
pub trait Row: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin + 'static {}

impl<T> Row for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin + 'static {}

/// A connection of either engine, borrowed for one statement.
pub(crate) enum Connection<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

macro_rules! bind {
    ($query:expr, $params:expr) => {{
        let mut query = $query;
        for param in $params {
            query = match param {
                Param::Text(value) => query.bind(value),
                Param::Int(value) => query.bind(value),
                Param::Float(value) => query.bind(value),
                Param::Bool(value) => query.bind(value),
                Param::Bytes(value) => query.bind(value),
            };
        }
        query
    }};
}

impl Connection<'_> {
    pub(crate) async fn execute(self, sql: &'static str, params: Vec<Param>) -> sqlx::Result<u64> {
        Ok(match self {
            Self::Sqlite(c) => bind!(sqlx::query::<Sqlite>(sql), params).execute(c).await?.rows_affected(),
            Self::Postgres(c) => bind!(sqlx::query::<Postgres>(sql), params).execute(c).await?.rows_affected(),
        })
    }

    pub(crate) async fn all<T: Row>(self, sql: &'static str, params: Vec<Param>) -> sqlx::Result<Vec<T>> {
        match self {
            Self::Sqlite(c) => bind!(sqlx::query_as::<Sqlite, T>(sql), params).fetch_all(c).await,
            Self::Postgres(c) => bind!(sqlx::query_as::<Postgres, T>(sql), params).fetch_all(c).await,
        }
    }

    pub(crate) async fn optional<T: Row>(self, sql: &'static str, params: Vec<Param>) -> sqlx::Result<Option<T>> {
        match self {
            Self::Sqlite(c) => bind!(sqlx::query_as::<Sqlite, T>(sql), params).fetch_optional(c).await,
            Self::Postgres(c) => bind!(sqlx::query_as::<Postgres, T>(sql), params).fetch_optional(c).await,
        }
    }
}

/// Binds the tenant as `$1` where there is one, and refuses a tenant's statement that does not use it: a statement
/// without its tenant is a fault of ours that must not reach an engine without row-level security.
///
/// PostgreSQL cannot hold U+0000 in a text, so that neither engine takes it: it is the request's mistake.
pub(crate) fn scoped(tenant: Option<&TenantId>, sql: &str, params: Vec<Param>) -> Result<Vec<Param>, Failure> {
    if params.iter().any(|param| matches!(param, Param::Text(Some(text)) if text.contains('\0'))) {
        return Err(Failure::new(
            FailureKind::InvalidRequest,
            "a text holds the character U+0000, which is never stored",
        ));
    }
    let Some(tenant) = tenant else { return Ok(params) };
    if !(mentions_first_param(sql) && sql.contains("tenant")) {
        let detail = format!("a tenant's statement must use `$1` as its tenant (params begin at `$2`): {sql}");
        return Err(Failure::new(FailureKind::Internal, detail));
    }
    Ok(std::iter::once(Param::from(tenant)).chain(params).collect())
}

fn mentions_first_param(sql: &str) -> bool {
    sql.match_indices("$1").any(|(at, _)| !sql[at + 2..].starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_without_its_tenant_is_refused() {
        let acme: TenantId = "acme".parse().unwrap();
        for (sql, accepted) in [
            ("select id from titles where tenant = $1 and id = $2", true),
            ("insert into titles (tenant, id) values ($1, $2)", true),
            ("select id from titles where id = $2", false),
            ("select id from titles where tenant = $10", false),
            ("select id from titles where id = $1", false),
        ] {
            assert_eq!(scoped(Some(&acme), sql, vec![]).is_ok(), accepted, "{sql}");
            assert!(scoped(None, sql, vec![]).is_ok(), "the system may: {sql}");
        }
    }
}
