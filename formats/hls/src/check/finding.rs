//! What a check finds, made to be printed.

use std::fmt;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Against a SHOULD of the standard, or known to stop some players.
    Warning,
    /// Against a MUST of the standard.
    Error,
}

/// A rule of the standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rule {
    /// Its name here, stable over releases: `target-duration`.
    pub id: &'static str,
    /// How bad it is to break it.
    pub severity: Severity,
    /// Where it stands in RFC 8216bis: `4.4.3.1`. A finding on a tag's form has that tag's clause instead.
    pub clause: &'static str,
    /// The rule in a sentence, without a full stop.
    pub sentence: &'static str,
}

/// A rule broken at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The line, from 1; 0 when the playlist as a whole is meant.
    pub line: usize,
    /// The rule.
    pub rule: Rule,
    /// The clause of RFC 8216bis.
    pub clause: &'static str,
    /// What is there instead; it may hold text of the playlist, with control characters escaped.
    pub detail: String,
}

/// The findings of one playlist of a presentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Where the playlist is.
    pub uri: String,
    /// What is found, by line; empty when all is well.
    pub findings: Vec<Finding>,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

impl Finding {
    /// Severity, rule, what is there, clause and the rule's name: all but the place.
    fn message(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rule { id, severity, sentence, .. } = self.rule;
        write!(f, "{severity}: {sentence}: {} (RFC 8216bis \u{a7}{}) [{id}]", self.detail, self.clause)
    }
}

impl fmt::Display for Finding {
    /// One line: `line 7: error: …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        self.message(f)
    }
}

impl fmt::Display for Report {
    /// A line a finding, as compilers write them: `video.m3u8:7: error: …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            write!(f, "{}", self.uri.escape_debug())?;
            if finding.line > 0 {
                write!(f, ":{}", finding.line)?;
            }
            f.write_str(": ")?;
            finding.message(f)?;
            f.write_str("\n")?;
        }
        Ok(())
    }
}

/// The most findings in one playlist; what is wrong in every line is wrong in the first thousand.
const MAX_FINDINGS: usize = 1_000;
/// The most characters of a playlist's text that a finding repeats.
const MAX_QUOTED: usize = 80;

/// Findings on their way together.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<Finding>);

impl Findings {
    /// A rule broken on a line.
    pub(crate) fn add(&mut self, line: usize, rule: Rule, detail: impl Into<String>) {
        self.add_of(line, rule, rule.clause, detail);
    }

    /// A rule broken, by the clause of the tag that breaks it.
    pub(crate) fn add_of(&mut self, line: usize, rule: Rule, clause: &'static str, detail: impl Into<String>) {
        if self.0.len() < MAX_FINDINGS {
            self.0.push(Finding { line, rule, clause, detail: detail.into() });
        }
    }

    /// By line, then as they were found.
    pub(crate) fn sorted(mut self) -> Vec<Finding> {
        self.0.sort_by_key(|finding| finding.line);
        self.0
    }
}

/// Text of a playlist, shortened and safe to print.
pub(crate) fn quoted(text: &str) -> String {
    let short: String = text.chars().take(MAX_QUOTED).collect();
    let more = if short.len() < text.len() { "\u{2026}" } else { "" };
    format!("{short:?}{more}")
}
