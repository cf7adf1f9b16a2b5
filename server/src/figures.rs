//! What every metric is, and the gauges that have to be looked at. docs/observability.md has the same list, in words;
//! a scenario compares the two with what a running server says.

use std::{path::Path, sync::Arc};

use metrics::Unit;
use tessera_runtime::telemetry::{Metrics, look_at_disk};

use crate::{deployment::Deployment, remotes};

enum Kind {
    Counter,
    Gauge,
    Histogram,
}
use Kind::{Counter, Gauge, Histogram};

/// Name, kind, unit and meaning.
type Described = (&'static str, Kind, Unit, &'static str);

const FIGURES: &[Described] = &[
    // Requests
    (
        "tessera_http_request_seconds",
        Histogram,
        Unit::Seconds,
        "Time until the head of an answer, by module and status.",
    ),
    ("tessera_http_failures_total", Counter, Unit::Count, "Answers of 500 and above, by module."),
    ("tessera_http_requests_active", Gauge, Unit::Count, "Requests that are being answered."),
    ("tessera_http_response_bytes_total", Counter, Unit::Bytes, "Bytes of answers that were sent, by module."),
    ("tessera_http_connections", Gauge, Unit::Count, "Connections that are open."),
    ("tessera_http_connections_limit", Gauge, Unit::Count, "Connections that may be open."),
    (
        "tessera_http_connections_refused_total",
        Counter,
        Unit::Count,
        "Connections refused: their address has too many.",
    ),
    ("tessera_http_rate_limited_total", Counter, Unit::Count, "Requests refused by the rate limits by address."),
    ("tessera_http_panics_total", Counter, Unit::Count, "Requests whose handler panicked."),
    // Operations
    ("tessera_operation_seconds", Histogram, Unit::Seconds, "Time of an operation, by module, contract and outcome."),
    ("tessera_operation_failures_total", Counter, Unit::Count, "Operations that failed by our fault."),
    ("tessera_unknown_fields_total", Counter, Unit::Count, "Fields of newer modules that were ignored."),
    // Modules in other processes
    ("tessera_remote_attempts_total", Counter, Unit::Count, "Attempts at calls to modules elsewhere, by outcome."),
    ("tessera_remote_retries_total", Counter, Unit::Count, "Attempts that were not the first one at their call."),
    ("tessera_remote_refused_total", Counter, Unit::Count, "Attempts not made, since the module is left alone."),
    ("tessera_remote_breaker_open", Gauge, Unit::Count, "1 while a module has failed too often to be asked."),
    ("tessera_remote_addresses_left_out", Gauge, Unit::Count, "Addresses of a module that have failed too often."),
    (
        "tessera_place_weight",
        Gauge,
        Unit::Count,
        "Part of a module's calls that a place has, by its weight; 0 if none.",
    ),
    ("tessera_rollbacks_total", Counter, Unit::Count, "Places taken back, for they did worse than the first."),
    ("tessera_shadow_answers_total", Counter, Unit::Count, "Answers of a place in the shadow, by how they compare."),
    // Flags
    ("tessera_flag_evaluations_total", Counter, Unit::Count, "Flags that were asked for, by variant and reason."),
    ("tessera_flags", Gauge, Unit::Count, "Flags that the file defines."),
    ("tessera_flags_file_broken", Gauge, Unit::Count, "1 while the file cannot be taken and older flags stand."),
    // Stores
    ("tessera_store_commit_seconds", Histogram, Unit::Seconds, "Time of a commit, by module."),
    ("tessera_store_commit_writes", Histogram, Unit::Count, "Writes in one commit, by module."),
    ("tessera_store_conflicts_total", Counter, Unit::Count, "Transactions run again after a conflict, by module."),
    ("tessera_store_errors_total", Counter, Unit::Count, "Statements that failed, by module and kind."),
    (
        "tessera_store_writes_waiting",
        Gauge,
        Unit::Count,
        "Writes that a module's writer has not ended: 1024 in its queue and 256 in its hand at most.",
    ),
    ("tessera_store_connections", Gauge, Unit::Count, "Connections of a module to its database that are in use."),
    ("tessera_store_connections_limit", Gauge, Unit::Count, "Connections that a module may have to its database."),
    ("tessera_store_file_bytes", Gauge, Unit::Bytes, "Size of a module's database file."),
    ("tessera_store_wal_bytes", Gauge, Unit::Bytes, "Size of the write-ahead log beside it."),
    // Events
    ("tessera_events_delivered_total", Counter, Unit::Count, "Events handled, by module and consumer."),
    ("tessera_events_parked_total", Counter, Unit::Count, "Events given up and parked."),
    ("tessera_events_relayed_total", Counter, Unit::Count, "Events brought to the broker, by module."),
    (
        "tessera_relay_oldest_timestamp_seconds",
        Gauge,
        Unit::Seconds,
        "When the oldest event happened that is not brought to the broker yet, by module; 0 without one.",
    ),
    ("tessera_webhook_calls_total", Counter, Unit::Count, "Calls of addresses that wanted an event, by outcome."),
    ("tessera_events_parked_subjects", Gauge, Unit::Count, "Subjects whose events are parked now."),
    (
        "tessera_events_oldest_timestamp_seconds",
        Gauge,
        Unit::Seconds,
        "Time of the oldest event not handled; 0 without one.",
    ),
    // Jobs
    ("tessera_jobs", Gauge, Unit::Count, "Jobs by module, kind and state."),
    ("tessera_jobs_oldest_due_seconds", Gauge, Unit::Seconds, "How long the oldest job that is due has waited."),
    ("tessera_jobs_ended_total", Counter, Unit::Count, "Attempts at jobs by how they ended."),
    ("tessera_job_seconds", Histogram, Unit::Seconds, "Time of an attempt at a job."),
    // Modules
    ("tessera_billing_charges_total", Counter, Unit::Count, "Charges, and questions after them, by outcome."),
    ("tessera_delivery_packagers_busy", Gauge, Unit::Count, "Segments that are being packaged."),
    ("tessera_delivery_packagers_limit", Gauge, Unit::Count, "Segments that may be packaged at once."),
    ("tessera_delivery_segment_bytes", Gauge, Unit::Bytes, "Packaged segments in memory, kept or being sent."),
    ("tessera_delivery_segment_bytes_limit", Gauge, Unit::Bytes, "How many there may be."),
    ("tessera_delivery_segments_total", Counter, Unit::Count, "Whole segments asked for, by what the cache had."),
    (
        "tessera_delivery_damaged_blobs_total",
        Counter,
        Unit::Count,
        "Reads of stored files that are not what was stored.",
    ),
    ("tessera_drm_licences_total", Counter, Unit::Count, "Licence requests by form and outcome."),
    ("tessera_entitlement_leases", Gauge, Unit::Count, "Stream slots that are held."),
    ("tessera_identity_hashes_active", Gauge, Unit::Count, "Passwords that are being hashed or wait for it."),
    ("tessera_identity_hashes_limit", Gauge, Unit::Count, "Passwords that may; further ones are turned away."),
    ("tessera_identity_password_hashes_total", Counter, Unit::Count, "Passwords hashed."),
    ("tessera_identity_sign_ins_total", Counter, Unit::Count, "Attempts to sign in, by outcome."),
    ("tessera_media_assets_total", Counter, Unit::Count, "Assets that became ready, failed or were cancelled."),
    ("tessera_origin_refusals_total", Counter, Unit::Count, "Media requests that were refused, by code."),
    // Traces
    ("tessera_trace_spans_total", Counter, Unit::Count, "Spans for the collector, by what became of them."),
    // Process and machine
    ("tessera_build_info", Gauge, Unit::Count, "1, with the version."),
    ("tessera_module_info", Gauge, Unit::Count, "1, with the version of a module that the process serves."),
    ("tessera_disk_size_bytes", Gauge, Unit::Bytes, "Size of the disk that holds the data folder."),
    ("tessera_disk_free_bytes", Gauge, Unit::Bytes, "What is free on it to those without special rights."),
    ("process_cpu_seconds_total", Gauge, Unit::Seconds, "Time on the processor, user and system."),
    ("process_max_fds", Gauge, Unit::Count, "File descriptors that may be open."),
    ("process_open_fds", Gauge, Unit::Count, "File descriptors that are open."),
    ("process_resident_memory_bytes", Gauge, Unit::Bytes, "Resident memory."),
    ("process_start_time_seconds", Gauge, Unit::Seconds, "When the process started, since 1970."),
    ("process_threads", Gauge, Unit::Count, "Threads."),
];

/// Tells the recorder what every metric is. Call it once the recorder is installed.
pub(crate) fn describe() {
    for (name, kind, unit, help) in FIGURES {
        match kind {
            Counter => metrics::describe_counter!(*name, *unit, *help),
            Gauge => metrics::describe_gauge!(*name, *unit, *help),
            Histogram => metrics::describe_histogram!(*name, *unit, *help),
        }
    }
    // Nothing of these is said before it happens, and a first time cannot be seen as a rise.
    metrics::counter!("tessera_delivery_damaged_blobs_total").increment(0);
    metrics::counter!("tessera_http_panics_total").increment(0);
    metrics::counter!("tessera_http_rate_limited_total").increment(0);
    metrics::counter!("tessera_http_connections_refused_total").increment(0);
    remotes::begin_figures();
}

/// The metrics, with what has to be looked at whenever they are read.
pub(crate) fn looking(metrics: Metrics, deployment: &Arc<Deployment>, data: &Path) -> Metrics {
    for (module, version) in deployment.here.versions() {
        metrics::gauge!("tessera_module_info", "module" => module, "version" => version).set(1.0);
    }
    let (deployment, data) = (deployment.clone(), data.to_owned());
    metrics.looking(vec![Box::new(move || {
        deployment.stores().iter().for_each(tessera_store::Store::look);
        deployment.modules.delivery.iter().for_each(|delivery| delivery.look());
        deployment.modules.identity.iter().for_each(|identity| identity.look());
        look_at_disk(&data);
    })])
}

/// Looks at what takes a query.
pub(crate) async fn look(deployment: &Deployment) {
    for store in deployment.stores() {
        if let Err(failure) = store.look_at_jobs().await {
            tracing::warn!(module = store.module().name, %failure, "counting jobs for metrics");
        }
    }
    if let Some(entitlement) = &deployment.modules.built_in_entitlement
        && let Err(failure) = entitlement.look_at_leases().await
    {
        tracing::warn!(%failure, "counting stream slots for metrics");
    }
}
