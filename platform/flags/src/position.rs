//! Where in a file something stands, and what is wrong there.

use std::fmt;

/// Something in a file that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {what}")]
pub struct Finding {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong, and what to do about it.
    pub what: String,
}

impl Finding {
    /// At the part of `text` that `part` is; at its beginning, if it is none.
    pub(crate) fn at(text: &str, part: &str, what: impl fmt::Display) -> Self {
        let offset = (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
        let before = text.get(..offset).unwrap_or("");
        let line = before.rsplit('\n').next().unwrap_or("");
        Self { line: before.matches('\n').count() + 1, column: line.chars().count() + 1, what: what.to_string() }
    }

    /// Of a text that is no JSON.
    pub(crate) fn of_syntax(error: &serde_json::Error) -> Self {
        let said = error.to_string();
        let what = said.split(" at line ").next().unwrap_or(&said);
        Self { line: error.line().max(1), column: error.column().max(1), what: format!("this is no JSON: {what}") }
    }
}

/// What is wrong with a file, a line each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(.0))]
pub struct Findings(pub Vec<Finding>);

fn lines(findings: &[Finding]) -> String {
    findings.iter().map(Finding::to_string).collect::<Vec<_>>().join("; ")
}

/// `wanted`, if one of `known` looks like it: for the end of a message.
pub fn did_you_mean<'k>(wanted: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    /// How alike two words have to be.
    const ALIKE: f64 = 0.75;
    let scored = known.into_iter().map(|known| (strsim::jaro_winkler(wanted, known), known));
    match scored.max_by(|one, other| one.0.total_cmp(&other.0)) {
        Some((score, known)) if score >= ALIKE => format!("; did you mean {known:?}?"),
        _ => String::new(),
    }
}
