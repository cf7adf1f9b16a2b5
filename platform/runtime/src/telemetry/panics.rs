//! A panic is a log line like any other.

use std::{backtrace::Backtrace, panic::PanicHookInfo};

/// From now on a panic is told to the log, with its place, instead of being printed.
pub(super) fn to_log() {
    std::panic::set_hook(Box::new(tell));
}

fn tell(panic: &PanicHookInfo<'_>) {
    let said = panic.payload_as_str().unwrap_or("no text");
    let at = panic.location().map(ToString::to_string).unwrap_or_default();
    let backtrace = Backtrace::capture(); // taken when RUST_BACKTRACE asks for it
    let backtrace =
        (backtrace.status() == std::backtrace::BacktraceStatus::Captured).then(|| tracing::field::display(&backtrace));
    let thread = std::thread::current();
    tracing::error!(target: "tessera::panic", said, at, thread = thread.name(), backtrace, "a panic");
}
