//! What of every module leaves with a tenant. The module says; this is the list of those that were asked.

use std::sync::Arc;

use tessera_store::{Exporter, Module, Store, StoreConfig, TenantTables};
use tessera_types::Clock;

use crate::error::CommandError;

/// Every module that has rows of tenants, in the order in which they are exported.
static MODULES: &[(&Module, &TenantTables)] = &[
    (&tessera_tenancy::MODULE, &tessera_tenancy::TABLES),
    (&tessera_identity::MODULE, &tessera_identity::TABLES),
    (&tessera_viewers::MODULE, &tessera_viewers::TABLES),
    (&tessera_catalog::MODULE, &tessera_catalog::TABLES),
    (&tessera_media::MODULE, &tessera_media::TABLES),
    (&tessera_drm::MODULE, &tessera_drm::TABLES),
    (&tessera_billing::MODULE, &tessera_billing::TABLES),
    (&tessera_entitlement::MODULE, &tessera_entitlement::TABLES),
    (&tessera_playback::MODULE, &tessera_playback::TABLES),
    (&tessera_sandbox_gateway::MODULE, &tessera_sandbox_gateway::TABLES),
    (&tessera_audit::MODULE, &tessera_audit::TABLES),
    (&tessera_webhooks::MODULE, &tessera_webhooks::TABLES),
];

/// Exporters of open stores.
pub(crate) fn exporters(stores: &[&Store]) -> Vec<Exporter> {
    let of = |(module, tables): &(&Module, &'static TenantTables)| {
        let store = stores.iter().find(|store| store.module().name == module.name)?;
        Some(Exporter::of(store, tables))
    };
    MODULES.iter().filter_map(of).collect()
}

/// Exporters that only read, for a command; a server may be running.
pub(crate) async fn beside(store: &StoreConfig, clock: &Arc<dyn Clock>) -> Result<Vec<Exporter>, CommandError> {
    let mut exporters = Vec::with_capacity(MODULES.len());
    for (module, tables) in MODULES {
        let exporter = Exporter::beside(store, module, tables, clock.clone()).await;
        exporters.push(exporter.map_err(|e| CommandError::caused(format!("opening {}", module.name), e))?);
    }
    Ok(exporters)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use tessera_store::{STORE_TABLES, params};
    use tessera_types::SystemClock;

    use super::*;
    use crate::{config::Root, deployment::Deployment};

    const COLUMNS: &str = "select t.name, c.name from sqlite_master t join pragma_table_info(t.name) c \
        where t.type = 'table' order by t.name, c.cid";

    /// Everything that is said of a module's tables: column names of an exported one, `None` for a withheld one.
    fn said(tables: &TenantTables) -> BTreeMap<&str, Option<BTreeSet<&str>>> {
        let exported = tables.exported.iter().map(|table| {
            let withheld = table.withheld.iter().map(|(column, _)| *column);
            (table.name, Some(table.columns.iter().copied().chain(withheld).collect()))
        });
        let withheld = tables.withheld.iter().map(|(table, _)| (*table, None));
        exported.chain(withheld).collect()
    }

    #[tokio::test]
    async fn every_table_and_column_of_a_tenant_is_exported_or_withheld_with_a_reason() {
        let data = tessera_testing::temp_dir();
        let deployment = Deployment::open(&Root::default(), data.path(), Arc::new(SystemClock)).await.unwrap();
        for store in deployment.stores() {
            let rows: Vec<(String, String)> = store.system().all(COLUMNS, params![]).await.unwrap();
            let mut there: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
            for (table, column) in &rows {
                there.entry(table).or_default().insert(column);
            }
            there.retain(|table, columns| {
                columns.contains("tenant") && STORE_TABLES.iter().all(|(own, _)| own != table)
            });
            let name = store.module().name;
            let entry = MODULES.iter().find(|(module, _)| module.name == name);
            let Some((_, tables)) = entry else {
                assert!(there.is_empty(), "{name} has tables of tenants and says nothing of them: {there:?}");
                continue;
            };
            let said = said(tables);
            let (named, found): (Vec<_>, Vec<_>) = (said.keys().collect(), there.keys().collect());
            assert_eq!(named, found, "{name}: tables that are spoken of, and tables that are there");
            for (table, columns) in said {
                let Some(columns) = columns else { continue };
                let there: BTreeSet<&str> = there[table].iter().copied().filter(|column| *column != "tenant").collect();
                assert_eq!(columns, there, "{name}.{table}: columns that are spoken of, and columns that are there");
            }
            let mut reasons = tables.withheld.iter().chain(tables.exported.iter().flat_map(|table| table.withheld));
            assert!(reasons.all(|(_, why)| !why.is_empty()), "{name}: a reason is missing");
            for table in tables.exported {
                assert!(table.json.iter().all(|column| table.columns.contains(column)), "{name}.{}: json", table.name);
            }
        }
        for store in deployment.stores() {
            store.close().await;
        }
    }
}
