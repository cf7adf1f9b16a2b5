//! Reading: under a tenant, or as the system.

use sqlx::{Postgres as Pg, Transaction};
use tessera_contract::{Cx, Failure};

use crate::{
    Param, Row, Store,
    postgres::Purpose,
    readers,
    statement::{Connection, scoped},
    store::Backend,
    trouble,
    tx::Scope,
};

/// Reads committed data. Each call is one statement of its own.
///
/// For a tenant, `$1` is the tenant and bound by this handle; params begin at `$2`.
#[derive(Clone)]
pub struct Reader {
    store: Store,
    scope: Scope,
}

enum Reading {
    Sqlite(readers::Reading),
    Postgres(Transaction<'static, Pg>),
}

impl Reading {
    fn connection(&mut self) -> Connection<'_> {
        match self {
            Self::Sqlite(conn) => Connection::Sqlite(conn),
            Self::Postgres(tx) => Connection::Postgres(tx),
        }
    }

    async fn end(self) {
        if let Self::Postgres(tx) = self {
            // Nothing was written: how it ends changes nothing.
            let _ = tx.commit().await;
        }
    }
}

impl Store {
    /// Reads of `cx`'s tenant: `$1` is the tenant.
    pub fn tenant(&self, cx: &Cx) -> Reader {
        Reader { store: self.clone(), scope: Scope::Tenant(Box::new(cx.clone())) }
    }

    /// Reads over all tenants, for the relay, workers and sweepers, and for what is known before the tenant is
    /// (hosts, API keys).
    pub fn system(&self) -> Reader {
        Reader { store: self.clone(), scope: Scope::System }
    }
}

impl Reader {
    /// All rows.
    pub async fn all<T: Row>(&self, sql: &'static str, params: Vec<Param>) -> Result<Vec<T>, Failure> {
        let params = self.scoped(sql, params)?;
        let mut reading = self.begin().await.map_err(|e| self.failure(sql, e))?;
        let rows = reading.connection().all(sql, params).await;
        reading.end().await;
        rows.map_err(|e| self.failure(sql, e))
    }

    /// The row, if there is one.
    pub async fn optional<T: Row>(&self, sql: &'static str, params: Vec<Param>) -> Result<Option<T>, Failure> {
        let params = self.scoped(sql, params)?;
        let mut reading = self.begin().await.map_err(|e| self.failure(sql, e))?;
        let row = reading.connection().optional(sql, params).await;
        reading.end().await;
        row.map_err(|e| self.failure(sql, e))
    }

    /// The row that must be there (`count(*)`); its absence is a fault of ours.
    pub async fn one<T: Row>(&self, sql: &'static str, params: Vec<Param>) -> Result<T, Failure> {
        let row = self.optional(sql, params).await?;
        row.ok_or_else(|| self.failure(sql, sqlx::Error::RowNotFound))
    }

    /// The first column of the row that must be there.
    pub async fn scalar<T>(&self, sql: &'static str, params: Vec<Param>) -> Result<T, Failure>
    where
        (T,): Row,
    {
        self.one::<(T,)>(sql, params).await.map(|(value,)| value)
    }

    fn scoped(&self, sql: &str, params: Vec<Param>) -> Result<Vec<Param>, Failure> {
        match &self.scope {
            Scope::Tenant(cx) => scoped(Some(&cx.tenant), sql, params),
            Scope::System => scoped(None, sql, params),
        }
    }

    async fn begin(&self) -> sqlx::Result<Reading> {
        match self.store.backend() {
            Backend::Sqlite(sqlite) => sqlite.readers.acquire().await.map(Reading::Sqlite),
            Backend::Postgres(postgres) => postgres.begin(&self.scope, Purpose::Read).await.map(Reading::Postgres),
        }
    }

    fn failure(&self, sql: &str, error: sqlx::Error) -> Failure {
        trouble::failure(self.store.module().name, "reading", sql, error)
    }
}
