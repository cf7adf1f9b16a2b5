//! A few facts about the process, read when somebody asks, under the names Prometheus's own clients use.

use std::fs;

/// Ticks a second in `/proc/self/stat`: fixed at 100 on Linux for user space (`USER_HZ`).
const TICKS: f64 = 100.0;
/// Bytes of a page where `/proc/self/statm` counts pages. 4 KiB on the machines this is built for.
const PAGE: f64 = 4096.0;

/// Sets the gauges. What the system does not tell is left out.
pub(super) fn record() {
    metrics::gauge!("tessera_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    if let Some(pages) = resident_pages() {
        metrics::gauge!("process_resident_memory_bytes").set(pages * PAGE);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        metrics::gauge!("process_open_fds").set(open.count() as f64);
    }
    if let Some(most) = rustix::process::getrlimit(rustix::process::Resource::Nofile).current {
        metrics::gauge!("process_max_fds").set(most as f64);
    }
    if let Some(Stat { cpu, threads, started }) = stat() {
        metrics::gauge!("process_cpu_seconds_total").set(cpu);
        metrics::gauge!("process_threads").set(threads);
        if let Some(booted) = booted() {
            metrics::gauge!("process_start_time_seconds").set(booted + started);
        }
    }
}

fn resident_pages() -> Option<f64> {
    fs::read_to_string("/proc/self/statm").ok()?.split_ascii_whitespace().nth(1)?.parse().ok()
}

struct Stat {
    /// Seconds on the CPU.
    cpu: f64,
    threads: f64,
    /// Seconds after the machine's start.
    started: f64,
}

/// proc(5): fields 14, 15, 20 and 22, counted after the name in parentheses.
fn stat() -> Option<Stat> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some(Stat { cpu: (number(11)? + number(12)?) / TICKS, threads: number(17)?, started: number(19)? / TICKS })
}

/// When the machine started, in seconds since 1970.
fn booted() -> Option<f64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}
