//! Findings, and how they are shown.

use std::{fmt::Write, io::IsTerminal, path::Path, time::Duration};

use serde_json::{Value, json};

/// What all looks found.
#[derive(Default)]
pub(super) struct Report {
    about: String,
    groups: Vec<Group>,
}

/// The findings of one area.
pub(super) struct Group {
    name: &'static str,
    findings: Vec<Finding>,
}

struct Finding {
    check: &'static str,
    state: State,
    found: String,
    remedy: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Good,
    /// It works, and somebody should know.
    Note,
    /// It does not work, or will not.
    Bad,
}

impl State {
    const fn shown(self) -> (&'static str, char, &'static str) {
        match self {
            Self::Good => ("good", '✓', "32"),
            Self::Note => ("note", '!', "33"),
            Self::Bad => ("bad", '✗', "31"),
        }
    }
}

impl Group {
    /// It is as it should be.
    pub(super) fn good(&mut self, check: &'static str, found: impl Into<String>) {
        self.add(check, State::Good, found.into(), None);
    }

    /// It works, and somebody should know.
    pub(super) fn note(&mut self, check: &'static str, found: impl Into<String>, remedy: impl Into<String>) {
        self.add(check, State::Note, found.into(), Some(remedy.into()));
    }

    /// It does not work, or will not.
    pub(super) fn bad(&mut self, check: &'static str, found: impl Into<String>, remedy: impl Into<String>) {
        self.add(check, State::Bad, found.into(), Some(remedy.into()));
    }

    fn add(&mut self, check: &'static str, state: State, found: String, remedy: Option<String>) {
        self.findings.push(Finding { check, state, found, remedy });
    }
}

impl Report {
    /// Whose report it is.
    pub(super) fn about(&mut self, data: &Path, server: Option<&str>) {
        let data = std::path::absolute(data).unwrap_or_else(|_| data.to_owned());
        let server = server.map_or("no server runs on it".to_owned(), |process| format!("served by process {process}"));
        self.about = format!("Tessera {}: data in {}, {server}", env!("CARGO_PKG_VERSION"), data.display());
    }

    /// The group of this name, in the order of first use.
    pub(super) fn group(&mut self, name: &'static str) -> &mut Group {
        let at = self.groups.iter().position(|group| group.name == name).unwrap_or_else(|| {
            self.groups.push(Group { name, findings: vec![] });
            self.groups.len() - 1
        });
        &mut self.groups[at]
    }

    /// Whether nothing is bad.
    pub(super) fn is_sound(&self) -> bool {
        self.count(State::Bad) == 0
    }

    fn count(&self, state: State) -> usize {
        self.groups.iter().flat_map(|group| &group.findings).filter(|finding| finding.state == state).count()
    }

    /// For a person, or as JSON.
    pub(super) fn render(&self, as_json: bool) -> String {
        let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        if as_json { format!("{:#}", self.json()) } else { self.text(colours) }
    }

    fn json(&self) -> Value {
        let findings = self.groups.iter().flat_map(|group| {
            group.findings.iter().map(|finding| {
                json!({
                    "group": group.name, "check": finding.check, "state": finding.state.shown().0,
                    "found": finding.found, "remedy": finding.remedy,
                })
            })
        });
        json!({
            "version": env!("CARGO_PKG_VERSION"), "ok": self.is_sound(), "findings": findings.collect::<Vec<_>>(),
        })
    }

    fn text(&self, colours: bool) -> String {
        let mut text = format!("{}\n", self.about);
        for group in self.groups.iter().filter(|group| !group.findings.is_empty()) {
            let _ = writeln!(text, "\n{}", paint(group.name, "1", colours)); // a String takes all that is written
            for Finding { check, state, found, remedy } in &group.findings {
                let (_, mark, colour) = state.shown();
                let mark = paint(&mark.to_string(), colour, colours);
                let found = found.replace('\n', "\n                   ");
                let _ = writeln!(text, "  {mark} {check:<14} {found}");
                if let Some(remedy) = remedy {
                    let _ = writeln!(text, "                   → {remedy}");
                }
            }
        }
        let (bad, notes) = (self.count(State::Bad), self.count(State::Note));
        let _ = match (bad, notes) {
            (0, 0) => writeln!(text, "\nEverything is as it should be."),
            (0, _) => writeln!(text, "\nIt works. To know: {}.", number(notes, "thing")),
            (_, 0) => writeln!(text, "\nTo mend: {}.", number(bad, "thing")),
            (_, _) => writeln!(text, "\nTo mend: {}; to know: {}.", number(bad, "thing"), number(notes, "thing")),
        };
        text
    }
}

fn paint(text: &str, colour: &str, colours: bool) -> String {
    if colours { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
}

/// `1 film`, `3 films`.
pub(super) fn number(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Bytes in the unit that suits them.
pub(super) fn bytes(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// A duration in the unit that suits it.
pub(super) fn duration(duration: Duration) -> String {
    match duration.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds @ 7200..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_what_to_mend_and_what_to_know() {
        let mut report = Report::default();
        report.about(Path::new("/nowhere/data"), Some("17"));
        report.group("Setup").good("FFmpeg", "5.1");
        assert!(report.is_sound());
        assert!(report.text(false).ends_with("Everything is as it should be.\n"), "{}", report.text(false));
        report.group("Data").bad("disk", "full", "free some space");
        report.group("Setup").note("clock", "unknown", "look at it");
        assert!(!report.is_sound());
        let text = report.text(false);
        assert!(text.contains("/nowhere/data, served by process 17\n"), "{text}");
        assert!(text.contains("  ✗ disk           full\n                   → free some space\n"), "{text}");
        assert!(text.ends_with("To mend: 1 thing; to know: 1 thing.\n"), "{text}");
        let json = report.json();
        assert_eq!((&json["ok"], &json["findings"][2]["state"]), (&json!(false), &json!("bad")));
    }

    #[test]
    fn figures_have_the_unit_that_suits_them() {
        for (bytes_, shown) in [(0, "0 kB"), (1, "1 kB"), (2_400_000, "2.4 MB"), (32_000_000_000, "32.0 GB")] {
            assert_eq!(bytes(bytes_), shown);
        }
        for (seconds, shown) in [(3, "3 s"), (150, "2 min"), (10_000, "2 h"), (400_000, "4 days")] {
            assert_eq!(duration(Duration::from_secs(seconds)), shown);
        }
    }
}
