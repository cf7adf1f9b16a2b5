//! The two channels of a command: results on standard output, words to the person on standard error.

use std::io::{ErrorKind, Write};

/// Gives a result. A reader that has seen enough (`tessera openapi | head`) ends the command quietly.
pub(crate) fn tell(text: &str) {
    let written = writeln!(std::io::stdout().lock(), "{text}");
    if written.is_err_and(|error| error.kind() == ErrorKind::BrokenPipe) {
        std::process::exit(0);
    }
}

/// Tells the person at the keyboard something.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}"); // nobody is there to be told that nobody is there
}
