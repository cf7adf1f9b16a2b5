//! `tessera contract check`: whether an implementation at some address keeps a contract's promises.

use std::{collections::BTreeMap, net::SocketAddr, path::Path, process::ExitCode, sync::Arc};

use serde::Deserialize;
use serde_json::{Value, json};
use tessera_contract::{
    Clients, CxSigner, Protocol,
    conformance::{HttpProbe, Probe, Report, Role, Side, SignedHttp, Subject, Verdict, check},
    grpc_client, http_client,
};
use tessera_contracts::{ALL, find};
use tessera_runtime::{
    config::Secret,
    secrets::{Secrets, StoredRing},
};
use tessera_types::{SystemClock, TenantId};

use crate::{deployment::CX_SECRET, error::CommandError, openapi::known, output::tell, tool_certs::ToolCerts};

/// Contracts whose rules need their management contract too: identity's make the keys that they look at.
const WITH_MANAGEMENT: &[&str] = &["identity"];

/// Which implementation, and how to call it.
pub(crate) struct Check<'a> {
    pub(crate) contract: &'a str,
    /// The contract's own address, mount included.
    pub(crate) url: &'a str,
    /// How operations that travel by gRPC are called.
    pub(crate) protocol: Protocol,
    /// Starting state and credentials of a stranger's implementation.
    pub(crate) fixtures: Option<&'a Path>,
    /// Call as a module of this deployment, with its secret.
    pub(crate) data: Option<&'a Path>,
    /// Call as a module, with the key in this file.
    pub(crate) key: Option<&'a Path>,
    /// With the certificate in this folder, with `data` or `key`.
    pub(crate) certs: Option<&'a Path>,
    /// Two tenants that the deployment has, with `data` or `key`.
    pub(crate) tenants: &'a [TenantId],
    pub(crate) json: bool,
}

/// `--fixtures`.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Fixtures {
    /// What the rules call the starting state; each contract's rules document theirs.
    #[serde(default)]
    state: Value,
    /// Bearer credentials by tenant and role.
    #[serde(default)]
    credentials: BTreeMap<Side, Credentials>,
    /// Host header by tenant, where names do not resolve.
    #[serde(default)]
    hosts: BTreeMap<Side, String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Credentials {
    staff: Option<String>,
    staff_without_scope: Option<String>,
    service: Option<String>,
    viewers: BTreeMap<String, String>,
}

/// The exit status of a report; docs/conformance.md has the table. 1 is an error of the command itself.
fn status(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Conforming => 0,
        Verdict::NotConforming => 2,
        Verdict::NotReachable => 3,
        Verdict::Slow => 4,
        Verdict::NotChecked => 5,
    }
}

/// Runs the rules and prints the report. Answers with the exit status of its verdict.
pub(crate) async fn run(options: Check<'_>) -> Result<ExitCode, CommandError> {
    let entry = find(options.contract)
        .ok_or_else(|| CommandError::new(format!("there is no contract {:?}; {}", options.contract, known())))?;
    let fixtures = read(options.fixtures)?;
    let state = if fixtures.state.is_null() { json!({}) } else { fixtures.state.clone() };
    if options.protocol == Protocol::Grpc && entry.info.by_grpc().next().is_none() {
        return Err(CommandError::new(format!("no operation of {} travels by gRPC", options.contract)));
    }
    let probe = probe(&options, entry.info.mount, fixtures)?;
    // A rule may use operations of its own contract alone, for a management contract is not promised: with one exception.
    let managed = WITH_MANAGEMENT.contains(&entry.info.name);
    let contracts: Vec<_> = ALL
        .iter()
        .filter(|other| other.info.name == entry.info.name || (managed && other.module == entry.module))
        .map(|entry| (entry.info, (entry.document)()))
        .collect();
    let subject = Subject::new(&contracts, probe.as_ref(), state).map_err(|e| CommandError::new(e.to_string()))?;
    let report = check(entry.info.name, entry.rules, &subject).await;
    print(&report, options.json)?;
    Ok(ExitCode::from(status(report.verdict)))
}

fn read(path: Option<&Path>) -> Result<Fixtures, CommandError> {
    let Some(path) = path else { return Ok(Fixtures::default()) };
    let doing = format!("reading {}", path.display());
    let text = std::fs::read_to_string(path).map_err(|e| CommandError::caused(doing.clone(), e))?;
    serde_json::from_str(&text).map_err(|e| CommandError::caused(doing, e))
}

fn probe(options: &Check<'_>, module: &str, fixtures: Fixtures) -> Result<Box<dyn Probe>, CommandError> {
    let (base, clock) = (options.url.trim_end_matches('/').to_owned(), Arc::new(SystemClock));
    let http = match (options.certs, options.protocol) {
        (Some(certs), protocol) => ToolCerts::open(certs)?.clients(module, &base, protocol)?,
        (None, Protocol::Http) => http_client().into(),
        (None, Protocol::Grpc) => {
            let grpc = grpc_client(&at(&base, fixtures.hosts.values())?);
            Clients::of(http_client(), Some(grpc))
        }
    };
    if let Some(secret) = secret(options)? {
        let [ours, theirs] = options.tenants else {
            return Err(CommandError::new("with --data or --key name two tenants: --tenants demo,other"));
        };
        let signer = CxSigner::new(secret.expose(), clock.clone());
        return Ok(Box::new(SignedHttp { http, base, signer, tenants: [ours.clone(), theirs.clone()], clock }));
    }
    if options.certs.is_some() {
        return Err(CommandError::new("with --certs a check calls as a module: give --data or --key"));
    }
    let mut credentials = BTreeMap::new();
    for (side, of_side) in fixtures.credentials {
        let roles = [
            (Role::Staff, of_side.staff),
            (Role::StaffWithoutScope, of_side.staff_without_scope),
            (Role::Service, of_side.service),
        ];
        credentials.extend(roles.into_iter().filter_map(|(role, token)| Some(((side, role), token?))));
        credentials.extend(of_side.viewers.into_iter().map(|(name, token)| ((side, Role::Viewer(name)), token)));
    }
    Ok(Box::new(HttpProbe { http, base, credentials, hosts: fixtures.hosts, clock }))
}

/// The hosts of the fixtures at the address that is checked, as their names need not resolve.
fn at<'h>(base: &str, hosts: impl Iterator<Item = &'h String>) -> Result<Vec<(String, SocketAddr)>, CommandError> {
    let url = reqwest::Url::parse(base).map_err(|e| CommandError::caused("reading the address", e))?;
    let names: Vec<String> = hosts.map(|host| host.split(':').next().unwrap_or(host).to_owned()).collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let found = url.socket_addrs(|| None).map_err(|e| CommandError::caused(format!("resolving {base}"), e))?;
    Ok(found.first().map_or_else(Vec::new, |first| names.into_iter().map(|name| (name, *first)).collect()))
}

/// What calls are signed with, as a module's.
fn secret(options: &Check<'_>) -> Result<Option<Secret<[u8; 32]>>, CommandError> {
    if let Some(data) = options.data {
        let secrets = Secrets::open(data).map_err(|e| CommandError::caused("reading the deployment's secrets", e))?;
        let secret = secrets.get_or_create(CX_SECRET).map_err(|e| CommandError::caused("reading a secret", e))?;
        return Ok(Some(secret));
    }
    let Some(file) = options.key else { return Ok(None) };
    let text =
        std::fs::read_to_string(file).map_err(|e| CommandError::caused(format!("reading {}", file.display()), e))?;
    let ring = StoredRing::parse(&text)
        .ok_or_else(|| CommandError::new(format!("{} does not hold a key of 64 hexadecimal digits", file.display())))?;
    Ok(Some(ring.current().key().clone()))
}

fn print(report: &Report, as_json: bool) -> Result<(), CommandError> {
    if as_json {
        let text = serde_json::to_string_pretty(report).map_err(|e| CommandError::caused("writing the report", e))?;
        tell(&text);
    } else {
        tell(&report.to_string());
    }
    Ok(())
}
