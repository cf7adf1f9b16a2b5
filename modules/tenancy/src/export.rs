//! A tenant's data as one file of JSON Lines; docs/contracts/tenancy.md describes it.
//!
//! The first line says what follows, the last one that nothing is missing: its counts, and the SHA-256 of every byte
//! before it. A file without that line is no export.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use futures::{Stream, StreamExt};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tessera_contract::{Cx, Failure};
use tessera_runtime::edge::Tenant;
use tessera_store::Exporter;
use tessera_types::Clock;
use tokio::sync::mpsc;

/// The form of the file; another number is another form.
const FORM: u32 = 1;
/// Bytes handed on at a time.
const CHUNK: usize = 64 * 1024;

/// What an export has in it, once its stream has ended well.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Rows over all tables.
    pub rows: i64,
    /// Bytes of the file.
    pub bytes: i64,
}

/// The file's bytes, and where its totals are found after the last of them. `cx` is a context of the tenant, `hosts` its
/// own host names. A failing stream is no file.
pub fn export(
    cx: &Cx,
    tenant: &Tenant,
    hosts: &[String],
    exporters: Vec<Exporter>,
    clock: Arc<dyn Clock>,
) -> (impl Stream<Item = Result<Bytes, Failure>> + Send + use<>, Arc<Mutex<Totals>>) {
    let totals = Arc::new(Mutex::new(Totals::default()));
    let (sender, receiver) = mpsc::channel(2);
    let writer = Writer { sender, pending: Vec::new(), digest: Sha256::new(), rows: BTreeMap::new(), bytes: 0 };
    let (cx, facts, counted) = (cx.clone(), facts(tenant, hosts), totals.clone());
    tokio::spawn(async move {
        let sender = writer.sender.clone();
        match write(writer, &cx, facts, &exporters, clock.as_ref()).await {
            Ok(Some(ended)) => *counted.lock().unwrap_or_else(PoisonError::into_inner) = ended,
            Ok(None) => {} // nobody reads it any more
            Err(failure) => drop(sender.send(Err(failure)).await),
        }
    });
    let stream = futures::stream::unfold(receiver, |mut receiver: mpsc::Receiver<Result<Bytes, Failure>>| async {
        receiver.recv().await.map(|chunk| (chunk, receiver))
    });
    (stream, totals)
}

/// The directory's own row.
fn facts(tenant: &Tenant, hosts: &[String]) -> Value {
    json!({
        "tenant_id": tenant.id, "name": tenant.display_name, "kind": tenant.kind.as_str(), "state": tenant.state.as_str(),
        "suspended_because": tenant.suspended_because, "default_locale": tenant.default_locale,
        "default_territory": tenant.default_territory, "hosts": hosts, "created_at": tenant.created_at.as_micros(),
        "clock_offset_seconds": tenant.clock_offset.as_secs(),
    })
}

struct Writer {
    sender: mpsc::Sender<Result<Bytes, Failure>>,
    pending: Vec<u8>,
    digest: Sha256,
    rows: BTreeMap<String, i64>,
    bytes: i64,
}

impl Writer {
    /// Adds a line; `false` when nobody reads on.
    async fn line(&mut self, line: &Value) -> bool {
        let text = line.to_string();
        for part in [text.as_bytes(), b"\n"] {
            self.digest.update(part);
            self.pending.extend_from_slice(part);
            self.bytes += i64::try_from(part.len()).unwrap_or(i64::MAX);
        }
        self.pending.len() < CHUNK || self.flush().await
    }

    async fn row(&mut self, table: String, row: Map<String, Value>) -> bool {
        let going = self.line(&json!({"table": table, "row": row})).await;
        *self.rows.entry(table).or_default() += 1;
        going
    }

    async fn flush(&mut self) -> bool {
        let chunk = Bytes::from(std::mem::take(&mut self.pending));
        self.sender.send(Ok(chunk)).await.is_ok()
    }
}

/// Writes it all; `None` when nobody reads on.
async fn write(
    mut writer: Writer,
    cx: &Cx,
    facts: Value,
    exporters: &[Exporter],
    clock: &dyn Clock,
) -> Result<Option<Totals>, Failure> {
    let head = json!({
        "tessera_export": FORM, "tenant": cx.tenant, "written_by": concat!("tessera ", env!("CARGO_PKG_VERSION")),
        "begun_at": clock.now(), "withheld": withheld(exporters),
    });
    let Value::Object(facts) = facts else { return Ok(None) };
    if !writer.line(&head).await || !writer.row("platform.tenants".into(), facts).await {
        return Ok(None);
    }
    for exporter in exporters {
        let module = json!({"module": exporter.tables().module, "snapshot_at": clock.now()});
        if !writer.line(&module).await {
            return Ok(None);
        }
        let mut rows = exporter.rows(cx);
        while let Some(row) = rows.next().await {
            let row = row?;
            if !writer.row(format!("{}.{}", row.module, row.table), row.row).await {
                return Ok(None);
            }
        }
    }
    let digest: String = writer.digest.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let rows = writer.rows.values().sum();
    let tail = json!({"end": true, "ended_at": clock.now(), "rows": writer.rows, "sha256": digest});
    let whole = writer.line(&tail).await && writer.flush().await;
    Ok(whole.then_some(Totals { rows, bytes: writer.bytes }))
}

/// What stays, and why: by table, or by table and column.
fn withheld(exporters: &[Exporter]) -> BTreeMap<String, &'static str> {
    let mut said = BTreeMap::new();
    for tables in exporters.iter().map(Exporter::tables) {
        said.extend(tables.withheld.iter().map(|(table, why)| (format!("{}.{table}", tables.module), *why)));
        for table in tables.exported {
            let name = format!("{}.{}", tables.module, table.name);
            said.extend(table.withheld.iter().map(|(column, why)| (format!("{name}.{column}"), *why)));
        }
    }
    said
}
