//! What is wrong with the configuration, so that a reader can fix it without the manual.

use std::{fmt, path::PathBuf};

use super::{environment::Override, locate};

/// Why a configuration was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("reading the configuration {}: {source}; name another file, or leave it out to run on the defaults", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file or the environment says something that no field takes.
    #[error("{}", .0.iter().map(Fault::to_string).collect::<Vec<_>>().join("\n"))]
    Wrong(Vec<Fault>),
    /// A variable cannot be a field of the configuration.
    #[error("{variable}: {why}")]
    Variable {
        /// The environment variable.
        variable: String,
        /// Why it cannot be.
        why: String,
    },
}

impl ConfigError {
    pub(super) fn not_a_name(variable: &str) -> Self {
        let why = "names no field; write TESSERA_SECTION__FIELD".to_owned();
        Self::Variable { variable: variable.to_owned(), why }
    }

    pub(super) fn not_a_section(variable: &str, section: &str) -> Self {
        let why = format!("`{section}` is a value and not a section, so nothing can be set inside it");
        Self::Variable { variable: variable.to_owned(), why }
    }
}

/// One thing that is wrong, and where.
#[derive(Debug)]
pub struct Fault {
    /// `tessera.toml:3:1`, or the environment variable.
    pub place: String,
    /// The field, dotted: `server.listen`. Empty for a syntax error.
    pub field: String,
    /// What is wrong with it.
    pub problem: String,
    /// What is allowed there, and the nearest known name.
    pub advice: Option<String>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.field.is_empty() {
            write!(f, "`{}`: ", self.field)?;
        }
        f.write_str(&self.problem)?;
        self.advice.iter().try_for_each(|advice| write!(f, "; {advice}"))
    }
}

/// The file, for messages.
pub(super) struct Source<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
}

impl Source<'_> {
    fn place(&self, offset: Option<usize>) -> String {
        match offset {
            None => self.name.to_owned(),
            Some(offset) => {
                let (line, column) = locate::line_and_column(self.text, offset);
                format!("{}:{line}:{column}", self.name)
            }
        }
    }
}

impl Fault {
    pub(super) fn of_syntax(file: &Source<'_>, error: &toml::de::Error) -> Self {
        let place = file.place(error.span().map(|span| span.start));
        Self { place, field: String::new(), problem: error.message().replace('\n', ", "), advice: None }
    }

    pub(super) fn of_field(file: &Source<'_>, overrides: &[Override], path: Vec<String>, message: &str) -> Self {
        let variable = overrides.iter().find(|o| path.starts_with(&o.path) || (o.path.starts_with(&path)));
        let place = match (locate::span_of(file.text, &path), variable) {
            (_, Some(over)) => over.variable.clone(),
            (span, None) => file.place(span.map(|span| span.start)),
        };
        let (problem, advice) = explain(message, path.last().map_or("", String::as_str));
        Self { place, field: path.join("."), problem, advice }
    }
}

/// Serde's message as problem and advice.
fn explain(message: &str, field: &str) -> (String, Option<String>) {
    let Some((problem, expected)) = message.split_once(", expected ") else {
        return (message.trim_end().to_owned(), None);
    };
    let (unknown_field, unknown_value) = (problem.starts_with("unknown field"), problem.starts_with("unknown variant"));
    if !unknown_field && !unknown_value {
        return (problem.to_owned(), Some(format!("expected {expected}")));
    }
    let known = locate::names_in(expected);
    let wrong = problem.split('`').nth(1).unwrap_or(field);
    let listed = format!("allowed here: {}", known.join(", "));
    let advice = match locate::nearest(wrong, &known) {
        Some(name) => format!("did you mean `{name}`? {listed}"),
        None => listed,
    };
    let problem = if unknown_field { "unknown field".to_owned() } else { format!("unknown value `{wrong}`") };
    (problem, Some(advice))
}
