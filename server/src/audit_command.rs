//! `tessera audit`: reading and checking the trail, beside a running server or without one.

use std::{path::Path, process::ExitCode, sync::Arc};

use tessera_audit::AuditService;
use tessera_contract::{Contract, Cx};
use tessera_contract_audit::{Audit as Trail, AuditOutcome, AuditRecord, ListRecords};
use tessera_types::{SystemClock, TenantId};

use crate::{
    cli::{Audit, Place},
    deployment::open_audit,
    error::CommandError,
    output::{say, tell},
    settings,
};

/// What a broken trail ends with.
const BROKEN: u8 = 2;

/// Does what was asked.
pub(crate) async fn run(config: Option<&Path>, command: Audit) -> Result<ExitCode, CommandError> {
    match command {
        Audit::List { tenant, subject, operation, target, limit, json, place } => {
            let audit = open(config, &place).await?;
            let request = ListRecords { subject, operation, target, ..ListRecords::default() };
            list(audit, &tenant, request, limit, json).await?;
            Ok(ExitCode::SUCCESS)
        }
        Audit::Verify { tenant, known, place } => {
            let audit = open(config, &place).await?;
            let tenants = match tenant {
                Some(tenant) => vec![tenant],
                None => audit.tenants().await.map_err(|e| CommandError::caused("listing the trails", e))?,
            };
            if tenants.is_empty() {
                say("There is no trail yet: nothing was done.");
            }
            let mut holds = true;
            for tenant in tenants {
                holds &= verify(&audit, &tenant, known.as_ref()).await?;
            }
            Ok(if holds { ExitCode::SUCCESS } else { ExitCode::from(BROKEN) })
        }
    }
}

async fn open(config: Option<&Path>, place: &Place) -> Result<Arc<AuditService>, CommandError> {
    let root = settings::load(config, place)?;
    let secrets = root.secrets(&root.data)?;
    open_audit(&root, &root.store_of(&tessera_audit::MODULE, &root.data)?, &secrets, Arc::new(SystemClock)).await
}

async fn list(
    audit: Arc<AuditService>,
    tenant: &TenantId,
    mut request: ListRecords,
    limit: usize,
    json: bool,
) -> Result<(), CommandError> {
    let (trail, cx) = (<dyn Trail>::guarded(audit), Cx::operator(tenant.clone(), &SystemClock));
    let mut left = limit;
    while left > 0 {
        request.limit = Some(u32::try_from(left).unwrap_or(u32::MAX).min(100));
        let page = trail.list_records(&cx, request.clone()).await;
        let page = page.map_err(|e| CommandError::caused("reading the trail", e))?;
        for record in &page.data {
            match json {
                true => tell(&serde_json::to_string(record).map_err(|e| CommandError::caused("writing JSON", e))?),
                false => tell(&line(record)),
            }
        }
        left = left.saturating_sub(page.data.len());
        request.cursor = page.next_cursor;
        if request.cursor.is_none() {
            break;
        }
    }
    Ok(())
}

fn line(record: &AuditRecord) -> String {
    let what = &record.what;
    let outcome = match what.outcome {
        AuditOutcome::Done => "done",
        AuditOutcome::Refused => "refused",
        AuditOutcome::Unknown => "unknown",
    };
    let targets: Vec<String> = what.targets.iter().map(|target| format!("{}={}", target.field, target.id)).collect();
    let from = what.address.as_deref().unwrap_or("-");
    format!(
        "{:>6}  {}  {}  {}  {}.{}  {outcome}  {}",
        record.number,
        what.at,
        what.subject,
        from,
        what.contract,
        what.operation,
        targets.join(" ")
    )
}

/// Checks one trail and says what it found; whether it holds.
async fn verify(audit: &AuditService, tenant: &TenantId, known: Option<&(i64, String)>) -> Result<bool, CommandError> {
    let found = audit.verify(tenant, known).await;
    let found = found.map_err(|e| CommandError::caused(format!("reading the trail of {tenant}"), e))?;
    match &found.broken {
        None => {
            tell(&format!("{tenant}: {} records hold; the end is {}:{}", found.records, found.last, found.head));
            Ok(true)
        }
        Some(broken) => {
            tell(&format!("{tenant}: BROKEN at record {}: {}", broken.number, broken.why));
            Ok(false)
        }
    }
}
