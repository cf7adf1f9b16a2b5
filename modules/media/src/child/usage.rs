//! The processor time of a child and of all that it has started, from the kernel's account of them (proc(5)).

use std::{fs, time::Duration};

use rustix::{
    param::clock_ticks_per_second,
    process::{Pid, WaitId, WaitIdOptions, waitid},
};

/// Processes of a child that are looked at.
const PROCESSES_MAX: usize = 256;

/// Waits for the child to end and leaves it to be waited for by others: answers what it and all that it has waited for
/// have used. `None` when somebody else was first.
pub(super) fn at_the_end(child: u32) -> Option<Duration> {
    let pid = Pid::from_raw(child.cast_signed())?;
    waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).ok()?;
    of_one(child)
}

/// What the child and all below it have used, as long as they are there.
pub(super) fn of_tree(child: u32) -> Option<Duration> {
    let (mut used, mut open, mut seen) = (of_one(child)?, vec![child], 1);
    while let Some(parent) = open.pop() {
        for below in children(parent) {
            used += of_one(below).unwrap_or_default();
            seen += 1;
            if seen > PROCESSES_MAX {
                return Some(used);
            }
            open.push(below);
        }
    }
    Some(used)
}

fn children(parent: u32) -> Vec<u32> {
    let listed = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
    listed.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// A process and those that it has waited for.
fn of_one(pid: u32) -> Option<Duration> {
    ticks(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
        .map(|ticks| Duration::from_secs_f64(ticks as f64 / clock_ticks_per_second() as f64))
}

/// `utime`, `stime`, `cutime` and `cstime` together: fields 14 to 17, counted from behind the name, which may hold anything.
fn ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let times: Vec<u64> = fields.split_ascii_whitespace().skip(11).take(4).map_while(|n| n.parse().ok()).collect();
    (times.len() == 4).then(|| times.iter().fold(0_u64, |sum, ticks| sum.saturating_add(*ticks)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_is_read_whatever_the_program_is_called() {
        let rest = "S 1 2 3 4 -1 5 6 7 8 9 100 20 3 0 20 0 1";
        assert_eq!(ticks(&format!("42 (ffmpeg) {rest}")), Some(123));
        assert_eq!(ticks(&format!("42 (a) 1 2 3 (b)) {rest}")), Some(123));
        for broken in ["", "42", "42 (x)", "42 (x) S 1 2", "42 (x) S 1 2 3 4 -1 5 6 7 8 9 100 20 x 0"] {
            assert_eq!(ticks(broken), None, "{broken}");
        }
    }
}
