//! The machine: its clock, memory and limits.

use std::{fs, process::Command, time::Duration};

use tessera_runtime::clock::last_seen;

use super::{
    Patient,
    report::{Group, bytes, duration},
};

/// A clock that is this far behind the last use of the data is wrong.
const BEHIND: Duration = Duration::from_secs(60);
/// A service whose data was not used for so long is stopped, or its clock is wrong.
const AHEAD: Duration = Duration::from_secs(365 * 24 * 3600);
/// What a server, a database and one FFmpeg need.
const MEMORY: u64 = 1_000_000_000;
/// Files besides connections.
const OTHER_FILES: u64 = 256;

pub(super) fn look(patient: &Patient<'_>, group: &mut Group) {
    clock(patient, group);
    memory(group);
    let wanted = patient.root.server.limits.connections as u64 + OTHER_FILES;
    match open_files(patient.server.as_deref()) {
        Some(limit) if limit < wanted => group.note(
            "open files",
            format!("at most {limit}, and server.limits.connections needs {wanted}"),
            format!("raise the limit (LimitNOFILE={wanted} in a systemd unit), or take fewer connections"),
        ),
        Some(limit) => group.good("open files", format!("up to {limit}")),
        None => {}
    }
}

fn clock(patient: &Patient<'_>, group: &mut Group) {
    let now = patient.now.to_string();
    let shown = now.get(..16).unwrap_or(&now).replace('T', " ");
    if let Some(last) = last_seen(&patient.root.data) {
        let (behind, ahead) = (last.since(patient.now), patient.now.since(last));
        if behind > BEHIND {
            let found = format!("{shown} UTC is {} before the time when this data was last used", duration(behind));
            return group.bad("clock", found, "set the machine's clock right; until then time goes on at half pace");
        }
        if ahead > AHEAD {
            let found = format!("{shown} UTC is {} after this data was last used", duration(ahead));
            return group.note("clock", found, "if that is not so, set the machine's clock right before a start");
        }
    }
    let said = Command::new("timedatectl").args(["show", "--property=NTPSynchronized", "--value"]).output();
    match said.ok().filter(|said| said.status.success()).map(|said| said.stdout.starts_with(b"yes")) {
        Some(true) => group.good("clock", format!("{shown} UTC, kept right over the network")),
        Some(false) => {
            group.note("clock", format!("{shown} UTC, kept right by nobody"), "apt-get install systemd-timesyncd")
        }
        None => group.good("clock", format!("{shown} UTC; whether somebody keeps it right is not known here")),
    }
}

fn memory(group: &mut Group) {
    let Ok(text) = fs::read_to_string("/proc/meminfo") else { return };
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim().split(' ').next()?.parse::<u64>().ok()?.saturating_mul(1024))
    };
    let (Some(total), Some(available)) = (value("MemTotal:"), value("MemAvailable:")) else { return };
    let found = format!("{} of {} available", bytes(available), bytes(total));
    match available < MEMORY {
        true => group.note("memory", found, "transcoding needs a gigabyte: stop something, or add memory"),
        false => group.good("memory", found),
    }
}

/// The limit of the server's process, or of this one.
fn open_files(server: Option<&str>) -> Option<u64> {
    let limits = fs::read_to_string(format!("/proc/{}/limits", server.unwrap_or("self"))).ok()?;
    let line = limits.lines().find(|line| line.starts_with("Max open files"))?;
    line.split_whitespace().nth(3)?.parse().ok()
}
