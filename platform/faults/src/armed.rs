//! What a point does in a build with debug assertions.

use std::{
    cell::RefCell,
    fmt::Display,
    fs::{self, File, OpenOptions},
    io::Write,
    path::PathBuf,
    sync::{LazyLock, Mutex, PoisonError},
};

type Decide = Box<dyn FnMut(&str) -> bool>;

thread_local! {
    static DECIDE: RefCell<Option<Decide>> = const { RefCell::new(None) };
}

/// What the environment asks for; nothing usually.
static ASKED: LazyLock<Option<Mutex<Asked>>> = LazyLock::new(|| {
    let kill = std::env::var("FAULTS_KILL_AT").ok();
    let orders = std::env::var_os("FAULTS_KILL_FILE").map(PathBuf::from);
    let trace =
        std::env::var_os("FAULTS_TRACE").and_then(|path| OpenOptions::new().append(true).create(true).open(path).ok());
    let asked = kill.is_some() || orders.is_some() || trace.is_some();
    let fuse = Fuse::new(kill.as_deref().unwrap_or_default());
    asked.then(|| Mutex::new(Asked { fuse, orders, order: String::new(), trace }))
});

struct Asked {
    fuse: Fuse,
    /// The file that says where to end, and may come while the process runs.
    orders: Option<PathBuf>,
    /// What it said last.
    order: String,
    trace: Option<File>,
}

/// A point, and how often it is passed before the process ends there.
#[derive(Debug, PartialEq, Eq)]
struct Fuse {
    point: String,
    passes: u32,
}

impl Fuse {
    /// `name`, or `name#3` for the third time. What is neither is a point that nobody passes.
    fn new(text: &str) -> Self {
        let text = text.trim();
        match text.split_once('#').and_then(|(point, passes)| Some((point, passes.parse().ok()?))) {
            Some((point, passes)) => Self { point: point.to_owned(), passes },
            None => Self { point: text.to_owned(), passes: 1 },
        }
    }

    /// Whether the process ends at this pass of `name`.
    fn burns(&mut self, name: &str) -> bool {
        if self.passes == 0 || self.point != name {
            return false;
        }
        self.passes -= 1;
        self.passes == 0
    }
}

pub(crate) fn install(decide: Option<Decide>) {
    DECIDE.with(|slot| *slot.borrow_mut() = decide);
}

pub(crate) fn reached(kind: &'static str, what: &dyn Display) -> bool {
    let failing = DECIDE.with(|slot| slot.try_borrow().is_ok_and(|decide| decide.is_some()));
    if !failing && ASKED.is_none() {
        return false;
    }
    let name = format!("{kind}:{what}");
    if let Some(asked) = &*ASKED {
        asked.lock().unwrap_or_else(PoisonError::into_inner).pass(&name);
    }
    DECIDE.with(|slot| match slot.try_borrow_mut() {
        Ok(mut decide) => decide.as_mut().is_some_and(|decide| decide(&name)),
        // The deciding closure itself passes a point: that one does not fail.
        Err(_) => false,
    })
}

impl Asked {
    fn pass(&mut self, name: &str) {
        if let Some(trace) = &mut self.trace {
            // A trace that cannot be written shows as a point that is missing.
            let _ = writeln!(trace, "{name}");
        }
        if let Some(orders) = &self.orders {
            let order = fs::read_to_string(orders).unwrap_or_default(); // no file is no order
            if order != self.order {
                self.fuse = Fuse::new(&order);
                self.order = order;
            }
        }
        if self.fuse.burns(name) {
            die();
        }
    }
}

/// Ends the process at once: no destructor, no flush, as a power cut would.
fn die() -> ! {
    let killed = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    debug_assert!(killed.is_ok(), "a process may kill itself");
    loop {
        std::thread::park();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fuse_burns_at_its_pass_of_its_point_and_once() {
        for (text, at) in [("commit.after:billing", 1), (" commit.after:billing#3\n", 3)] {
            let mut fuse = Fuse::new(text);
            assert!(!fuse.burns("commit.before:billing"), "{text}");
            let passes: Vec<bool> = (0..5).map(|_| fuse.burns("commit.after:billing")).collect();
            let burnt: Vec<usize> = (1..=5).filter(|pass| passes[pass - 1]).collect();
            assert_eq!(burnt, [at], "{text}");
        }
    }

    #[test]
    fn what_is_no_point_is_passed_by_nobody() {
        for text in ["", "#", "commit.after:billing#", "commit.after:billing#x", "commit.after:billing#0"] {
            assert!(!Fuse::new(text).burns("commit.after:billing"), "{text:?}");
        }
    }

    #[test]
    fn a_step_fails_where_it_is_told_to_until_the_guard_is_gone() {
        let failing = crate::fail_when(|name| name == "call.before:drm.route");
        assert!(crate::reached("call.before", "drm.route") && !crate::reached("call.after", "drm.route"));
        drop(failing);
        assert!(!crate::reached("call.before", "drm.route"));
    }
}
