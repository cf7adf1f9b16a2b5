//! Reading: under a tenant, or as the system.

use tessera_contract::{Cx, Failure};

use crate::{
    Param, Row, Store,
    error::{Answer, EngineError},
    postgres::{Postgres, Purpose},
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
        let rows = match self.store.backend() {
            Backend::Sqlite(sqlite) => sqlite.readers.read(move |file| file.all(sql, &params)).await,
            Backend::Postgres(postgres) => self.all_of(postgres, sql, params).await,
        };
        rows.map_err(|e| self.failure(sql, e))
    }

    /// The row, if there is one.
    pub async fn optional<T: Row>(&self, sql: &'static str, params: Vec<Param>) -> Result<Option<T>, Failure> {
        let params = self.scoped(sql, params)?;
        let row = match self.store.backend() {
            Backend::Sqlite(sqlite) => sqlite.readers.read(move |file| file.optional(sql, &params)).await,
            Backend::Postgres(postgres) => self.optional_of(postgres, sql, params).await,
        };
        row.map_err(|e| self.failure(sql, e))
    }

    /// The row that must be there (`count(*)`); its absence is a fault of ours.
    pub async fn one<T: Row>(&self, sql: &'static str, params: Vec<Param>) -> Result<T, Failure> {
        let row = self.optional(sql, params).await?;
        row.ok_or_else(|| self.failure(sql, EngineError::NoRow))
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

    async fn all_of<T: Row>(&self, server: &Postgres, sql: &'static str, params: Vec<Param>) -> Answer<Vec<T>> {
        let mut tx = server.begin(&self.scope, Purpose::Read).await?;
        let rows = Connection::Postgres(&mut tx).all(sql, params).await;
        // Nothing was written: how it ends changes nothing.
        let _ = tx.commit().await;
        rows
    }

    async fn optional_of<T: Row>(&self, server: &Postgres, sql: &'static str, params: Vec<Param>) -> Answer<Option<T>> {
        let mut tx = server.begin(&self.scope, Purpose::Read).await?;
        let row = Connection::Postgres(&mut tx).optional(sql, params).await;
        let _ = tx.commit().await;
        row
    }

    fn failure(&self, sql: &str, error: EngineError) -> Failure {
        trouble::failure(self.store.module().name, "reading", sql, error)
    }
}
