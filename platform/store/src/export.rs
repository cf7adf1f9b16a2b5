//! A tenant's rows on their way out: what a module says may leave, and the reading of it.
//!
//! A table or column that nobody has spoken about stays. All of one module's rows are read from one snapshot, so they
//! fit together; different modules' snapshots are moments apart.

use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use serde_json::{Map, Value};
use sqlx::AssertSqlSafe;
use tessera_contract::{Cx, Failure};
use tessera_types::TenantId;
use tokio::sync::mpsc;

use crate::{
    OpenError, Store, StoreConfig,
    error::{Answer, EngineError},
    file::OpenFile,
    params,
    postgres::Purpose,
    row::{Columns, Value as Stored},
    store::Backend,
    trouble,
    tx::Scope,
};

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
    File(OpenFile),
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
                let file = OpenFile::new(&path).read_only();
                file.open().map_err(|error| OpenError::file(path, error))?;
                Source::File(file)
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

async fn read(source: &Source, tables: &'static TenantTables, cx: &Cx, sender: &Sender) -> Answer<()> {
    match source {
        Source::File(file) => read_file(file.clone(), tables, cx.tenant.clone(), sender.clone()).await,
        Source::Store(store) => match store.backend() {
            Backend::Sqlite(sqlite) => {
                let file = OpenFile::new(&sqlite.path).read_only();
                read_file(file, tables, cx.tenant.clone(), sender.clone()).await
            }
            Backend::Postgres(postgres) => {
                let mut tx = postgres.begin(&Scope::Tenant(Box::new(cx.clone())), Purpose::Read).await?;
                for table in tables.exported {
                    let query = sqlx::query(AssertSqlSafe(table.select())).bind(cx.tenant.as_str());
                    let mut rows = query.fetch(&mut *tx);
                    while let Some(row) = rows.try_next().await? {
                        let row = exported(tables, table, |at| row.value(at))?;
                        if sender.send(Ok(row)).await.is_err() {
                            return Ok(()); // nobody waits for it any more
                        }
                    }
                }
                Ok(tx.commit().await?)
            }
        },
    }
}

/// Reads it on a thread that may wait, for the disk and for whoever writes the rows.
async fn read_file(file: OpenFile, tables: &'static TenantTables, tenant: TenantId, sender: Sender) -> Answer<()> {
    let reading = tokio::task::spawn_blocking(move || {
        let mut file = file.open()?;
        // The first statement fixes what all the others see (SQLite: "Isolation", WAL mode).
        file.run("begin")?;
        for table in tables.exported {
            file.each(&table.select(), &params![&tenant], |row| {
                let booleans =
                    |at| row.as_ref().columns().nth(at).is_some_and(|column| column.decl_type() == Some("boolean"));
                let value = |at| match row.value(at)? {
                    Stored::Int(value) if booleans(at) => Ok(Stored::Bool(value != 0)),
                    value => Ok(value),
                };
                Ok(sender.blocking_send(Ok(exported(tables, table, value)?)).is_ok())
            })?;
        }
        file.run("commit")
    });
    reading.await.unwrap_or(Err(EngineError::Lost))
}

fn exported(
    tables: &'static TenantTables,
    table: &'static TenantTable,
    value: impl Fn(usize) -> Answer<Stored>,
) -> Answer<ExportedRow> {
    let mut row = Map::new();
    for (at, column) in table.columns.iter().enumerate() {
        let value = match value(at)? {
            Stored::Null => Value::Null,
            Stored::Text(text) if table.json.contains(column) => {
                serde_json::from_str(&text).unwrap_or(Value::String(text))
            }
            Stored::Text(text) => text.into(),
            Stored::Int(value) => value.into(),
            Stored::Float(value) => value.into(),
            Stored::Bool(value) => value.into(),
            Stored::Bytes(bytes) => hex(&bytes).into(),
        };
        row.insert((*column).to_owned(), value);
    }
    Ok(ExportedRow { module: tables.module, table: table.name, row })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
