//! A tenant's rows on their way out: what a module says may leave, and the reading of it.
//!
//! A table or column that nobody has spoken about stays. All of one module's rows are read from one snapshot, so they
//! fit together; different modules' snapshots are moments apart.

use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use serde_json::{Map, Value};
use sqlx::{
    AssertSqlSafe, Column, ConnectOptions, Connection, Row, SqliteConnection, SqlitePool, TypeInfo, ValueRef,
    postgres::PgRow,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteRow},
};
use tessera_contract::{Cx, Failure};
use tessera_types::TenantId;
use tokio::sync::mpsc;

use crate::{OpenError, Store, StoreConfig, postgres::Purpose, store::Backend, trouble, tx::Scope};

/// Rows read ahead of whoever writes them.
const AHEAD: usize = 64;

/// What a module says of its tables that have a column `tenant`. Each is exported or withheld, with the reason.
#[derive(Debug)]
pub struct TenantTables {
    /// The module's name.
    pub module: &'static str,
    /// What leaves with a tenant, in this order.
    pub exported: &'static [TenantTable],
    /// What does not, and why not.
    pub withheld: &'static [(&'static str, &'static str)],
}

/// A table that leaves with a tenant.
#[derive(Debug)]
pub struct TenantTable {
    /// Its name.
    pub name: &'static str,
    /// The columns that order its rows.
    pub order: &'static [&'static str],
    /// The columns that leave; never `tenant`, which is the same in all rows.
    pub columns: &'static [&'static str],
    /// Those of them whose text is JSON: it leaves as the value it is.
    pub json: &'static [&'static str],
    /// The columns that stay, and why.
    pub withheld: &'static [(&'static str, &'static str)],
}

impl TenantTable {
    /// A table of which all `columns` leave.
    pub const fn new(name: &'static str, order: &'static [&'static str], columns: &'static [&'static str]) -> Self {
        Self { name, order, columns, json: &[], withheld: &[] }
    }

    /// The same with these columns' text read as JSON.
    pub const fn json(self, columns: &'static [&'static str]) -> Self {
        Self { json: columns, ..self }
    }

    /// The same with columns that stay, each with its reason.
    pub const fn without(self, withheld: &'static [(&'static str, &'static str)]) -> Self {
        Self { withheld, ..self }
    }

    /// Reads the tenant's rows. All names are literals of ours.
    fn select(&self) -> String {
        let (columns, order) = (self.columns.join(", "), self.order.join(", "));
        format!("select {columns} from {} where tenant = $1 order by {order}", self.name)
    }
}

/// The tables of the store itself, which are in every module's: none leaves.
pub const STORE_TABLES: &[(&str, &str)] = &[
    ("tessera_outbox", "events tell others of what the exported rows say already"),
    ("tessera_idempotency", "answers kept for retries, secrets among them; they run out within days"),
    ("tessera_jobs", "work under way belongs to the deployment that does it"),
    ("tessera_parked", "events waiting for a fault to be mended belong to this deployment"),
    ("tessera_versions", "positions in logs that are not there elsewhere"),
];

/// A row on its way out.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportedRow {
    /// The module.
    pub module: &'static str,
    /// The table.
    pub table: &'static str,
    /// Column to value: text, numbers, booleans, null; bytes as lower-case hexadecimal; times as they are stored,
    /// microseconds since 1970 in UTC.
    pub row: Map<String, Value>,
}

/// Reads what of one module leaves with a tenant.
#[derive(Clone)]
pub struct Exporter {
    source: Source,
    tables: &'static TenantTables,
}

#[derive(Clone)]
enum Source {
    Store(Store),
    File(SqlitePool),
}

impl Exporter {
    /// From an open store.
    pub fn of(store: &Store, tables: &'static TenantTables) -> Self {
        Self { source: Source::Store(store.clone()), tables }
    }

    /// From a store that another process may have open. A file is only read; it has to be there.
    ///
    /// # Errors
    /// The file or the server cannot be used.
    pub async fn beside(
        config: &StoreConfig,
        module: &'static crate::Module,
        tables: &'static TenantTables,
        clock: std::sync::Arc<dyn tessera_types::Clock>,
    ) -> Result<Self, OpenError> {
        let source = match config {
            StoreConfig::Postgres { .. } => Source::Store(Store::open(config, module, clock).await?),
            StoreConfig::Sqlite { folder } => {
                let path = folder.join(format!("{}.db", module.name));
                let options = SqliteConnectOptions::new().filename(&path).read_only(true).disable_statement_logging();
                let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await;
                Source::File(pool.map_err(|error| OpenError::file(path, error))?)
            }
        };
        Ok(Self { source, tables })
    }

    /// What the module says of its tables.
    pub fn tables(&self) -> &'static TenantTables {
        self.tables
    }

    /// The tenant's rows, table by table, from one snapshot. A failure is the last item.
    pub fn rows(&self, cx: &Cx) -> BoxStream<'static, Result<ExportedRow, Failure>> {
        let (sender, receiver) = mpsc::channel(AHEAD);
        let (source, tables, cx) = (self.source.clone(), self.tables, cx.clone());
        tokio::spawn(async move {
            if let Err(error) = read(&source, tables, &cx, &sender).await {
                let failure = trouble::failure(tables.module, "exporting", "select … where tenant = $1", error);
                // A reader that went away wants to hear nothing.
                let _ = sender.send(Err(failure)).await;
            }
        });
        futures::stream::unfold(receiver, |mut receiver| async { receiver.recv().await.map(|row| (row, receiver)) })
            .boxed()
    }
}

type Sender = mpsc::Sender<Result<ExportedRow, Failure>>;

async fn read(source: &Source, tables: &'static TenantTables, cx: &Cx, sender: &Sender) -> sqlx::Result<()> {
    match source {
        Source::File(pool) => read_file(&mut *pool.acquire().await?, tables, &cx.tenant, sender).await,
        Source::Store(store) => match store.backend() {
            Backend::Sqlite(sqlite) => {
                read_file(&mut *sqlite.readers.acquire().await?, tables, &cx.tenant, sender).await
            }
            Backend::Postgres(postgres) => {
                let mut tx = postgres.begin(&Scope::Tenant(Box::new(cx.clone())), Purpose::Read).await?;
                for table in tables.exported {
                    let query = sqlx::query(AssertSqlSafe(table.select())).bind(cx.tenant.as_str());
                    let mut rows = query.fetch(&mut *tx);
                    while let Some(row) = rows.try_next().await? {
                        if !send(sender, tables, table, |at| of_postgres(&row, at)).await? {
                            return Ok(());
                        }
                    }
                }
                tx.commit().await
            }
        },
    }
}

async fn read_file(
    connection: &mut SqliteConnection,
    tables: &'static TenantTables,
    tenant: &TenantId,
    sender: &Sender,
) -> sqlx::Result<()> {
    // The first statement fixes what all the others see (SQLite: "Isolation", WAL mode).
    let mut tx = connection.begin().await?;
    for table in tables.exported {
        let mut rows = sqlx::query(AssertSqlSafe(table.select())).bind(tenant.as_str()).fetch(&mut *tx);
        while let Some(row) = rows.try_next().await? {
            if !send(sender, tables, table, |at| of_sqlite(&row, at)).await? {
                return Ok(());
            }
        }
    }
    tx.commit().await
}

/// Hands a row on; `false` when nobody waits for it any more.
async fn send(
    sender: &Sender,
    tables: &'static TenantTables,
    table: &'static TenantTable,
    value: impl Fn(usize) -> sqlx::Result<Value>,
) -> sqlx::Result<bool> {
    let mut row = Map::new();
    for (at, column) in table.columns.iter().enumerate() {
        let value = match value(at)? {
            Value::String(text) if table.json.contains(column) => {
                serde_json::from_str(&text).unwrap_or(Value::String(text))
            }
            value => value,
        };
        row.insert((*column).to_owned(), value);
    }
    Ok(sender.send(Ok(ExportedRow { module: tables.module, table: table.name, row })).await.is_ok())
}

fn of_sqlite(row: &SqliteRow, at: usize) -> sqlx::Result<Value> {
    let raw = row.try_get_raw(at)?;
    if raw.is_null() {
        return Ok(Value::Null);
    }
    if row.column(at).type_info().name() == "BOOLEAN" {
        return row.try_get::<bool, _>(at).map(Value::from);
    }
    let stored = raw.type_info().name().to_owned();
    Ok(match stored.as_str() {
        "INTEGER" => row.try_get_unchecked::<i64, _>(at)?.into(),
        "REAL" => row.try_get_unchecked::<f64, _>(at)?.into(),
        "BLOB" => hex(&row.try_get_unchecked::<Vec<u8>, _>(at)?).into(),
        _ => row.try_get_unchecked::<String, _>(at)?.into(),
    })
}

fn of_postgres(row: &PgRow, at: usize) -> sqlx::Result<Value> {
    if row.try_get_raw(at)?.is_null() {
        return Ok(Value::Null);
    }
    Ok(match row.column(at).type_info().name() {
        "INT8" => row.try_get::<i64, _>(at)?.into(),
        "FLOAT8" => row.try_get::<f64, _>(at)?.into(),
        "BOOL" => row.try_get::<bool, _>(at)?.into(),
        "TEXT" => row.try_get::<String, _>(at)?.into(),
        // `blob` is a domain of the module's schema over bytea.
        _ => hex(&row.try_get_unchecked::<Vec<u8>, _>(at)?).into(),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
