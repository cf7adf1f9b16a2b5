//! One statement on either engine: binding, running, reading rows.

use sqlx::{PgConnection, Postgres, postgres::PgRow};
use tessera_contract::{Failure, FailureKind};
use tessera_types::TenantId;

use crate::{Param, Row, error::Answer, file::File, row};

/// A connection of either engine, borrowed for one statement.
pub(crate) enum Connection<'c> {
    Sqlite(&'c mut File),
    Postgres(&'c mut PgConnection),
}

type Query = sqlx::query::Query<'static, Postgres, sqlx::postgres::PgArguments>;

fn query(sql: &'static str, params: Vec<Param>) -> Query {
    params.into_iter().fold(sqlx::query(sql), |query, param| match param {
        Param::Text(value) => query.bind(value),
        Param::Int(value) => query.bind(value),
        Param::Float(value) => query.bind(value),
        Param::Bool(value) => query.bind(value),
        Param::Bytes(value) => query.bind(value),
    })
}

impl Connection<'_> {
    pub(crate) async fn execute(self, sql: &'static str, params: Vec<Param>) -> Answer<u64> {
        match self {
            Self::Sqlite(file) => file.execute(sql, &params),
            Self::Postgres(c) => Ok(query(sql, params).execute(c).await?.rows_affected()),
        }
    }

    pub(crate) async fn all<T: Row>(self, sql: &'static str, params: Vec<Param>) -> Answer<Vec<T>> {
        match self {
            Self::Sqlite(file) => file.all(sql, &params),
            Self::Postgres(c) => query(sql, params).fetch_all(c).await?.iter().map(row::read).collect(),
        }
    }

    pub(crate) async fn optional<T: Row>(self, sql: &'static str, params: Vec<Param>) -> Answer<Option<T>> {
        match self {
            Self::Sqlite(file) => file.optional(sql, &params),
            Self::Postgres(c) => {
                let row: Option<PgRow> = query(sql, params).fetch_optional(c).await?;
                row.as_ref().map(row::read).transpose()
            }
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
