//! `tessera.toml`: reading it, laying the environment over it, and saying exactly what is wrong with it.
//!
//! The composition root declares one struct with a section for each module and calls [`load`]. A field nobody reads is
//! an error, in the file and in the environment alike, for a misspelt limit must not be a limit that is not there.

mod blobs;
mod environment;
mod error;
mod locate;
mod seconds;
mod secret;
mod sections;
mod telemetry;

use std::path::Path;

use serde::de::DeserializeOwned;
use toml::{Table, Value};

pub use blobs::{BlobsConfig, S3Config};
pub use environment::Environment;
pub use error::ConfigError;
pub use secret::Secret;
pub use sections::{
    ForwardedBy, LimitsConfig, LogConfig, LogFormat, PostgresConfig, Quota, RateLimitsConfig, ServerConfig, StoreChoice,
};
pub use telemetry::TelemetryConfig;

use environment::Override;
use error::{Fault, Source};

/// Reads the file at `path` (none: defaults and environment alone), lays `environment` over it and makes a `T` of it.
///
/// ```
/// use tessera_runtime::config::{self, Environment, LogConfig, ServerConfig};
///
/// #[derive(serde::Deserialize)]
/// #[serde(default, deny_unknown_fields)]
/// struct Root { data: std::path::PathBuf, server: ServerConfig, log: LogConfig }
/// impl Default for Root {
///     fn default() -> Self { Self { data: "data".into(), server: Default::default(), log: Default::default() } }
/// }
///
/// let environment = Environment::of([("TESSERA_SERVER__LISTEN", "127.0.0.1:9000")]);
/// let root: Root = config::load(None, &environment).unwrap();
/// assert_eq!(root.server.listen.port(), 9000);
/// ```
///
/// # Errors
/// [`ConfigError`] names the file, line and column or the environment variable, the field, what is allowed there and
/// the nearest known name.
pub fn load<T: DeserializeOwned>(path: Option<&Path>, environment: &Environment) -> Result<T, ConfigError> {
    let text = match path {
        None => String::new(),
        Some(path) => {
            std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?
        }
    };
    let name = path.map_or_else(|| "tessera.toml".to_owned(), |path| path.display().to_string());
    parse(&name, &text, environment)
}

/// As [`load`], from a text in memory; `name` stands for the file in messages.
///
/// # Errors
/// As [`load`].
pub fn parse<T: DeserializeOwned>(name: &str, text: &str, environment: &Environment) -> Result<T, ConfigError> {
    let file = Source { name, text };
    let base: Table = toml::from_str(text).map_err(|e| ConfigError::Wrong(vec![Fault::of_syntax(&file, &e)]))?;
    let mut overrides = environment.overrides();
    loop {
        let merged = merge(&base, &overrides)?;
        let failure = match read::<T>(merged) {
            Ok(value) => return Ok(value),
            Err(failure) => failure,
        };
        // "8080" reads as a number; where the field is a text, the variable is taken as the text it is.
        match overrides.iter_mut().find(|o| o.path == failure.path && o.is_typed()) {
            Some(over) if failure.wrong_type => over.take_as_text(),
            Some(_) | None => return Err(ConfigError::Wrong(failure.faults(&file, &overrides))),
        }
    }
}

/// What went wrong in the merged table, before it is known where that came from.
struct Failure {
    path: Vec<String>,
    message: String,
    wrong_type: bool,
    unread: Vec<Vec<String>>,
}

impl Failure {
    fn faults(self, file: &Source<'_>, overrides: &[Override]) -> Vec<Fault> {
        if self.unread.is_empty() {
            return vec![Fault::of_field(file, overrides, self.path, &self.message)];
        }
        let unread = |path| Fault::of_field(file, overrides, path, "nothing reads this field");
        self.unread.into_iter().map(unread).collect()
    }
}

fn read<T: DeserializeOwned>(table: Table) -> Result<T, Failure> {
    let mut unread = Vec::new();
    let mut track = serde_path_to_error::Track::new();
    let result = {
        let tracked = serde_path_to_error::Deserializer::new(Value::Table(table), &mut track);
        T::deserialize(serde_ignored::Deserializer::new(tracked, &mut |path: serde_ignored::Path<'_>| {
            unread.push(path.to_string().split('.').filter(|s| *s != "?").map(str::to_owned).collect());
        }))
    };
    match result {
        Ok(value) if unread.is_empty() => Ok(value),
        Ok(_) => Err(Failure { path: Vec::new(), message: String::new(), wrong_type: false, unread }),
        Err(error) => {
            let message = error.message().to_owned();
            let path = locate::path_of(&track.path(), &message);
            let wrong_type = message.starts_with("invalid type") || message.starts_with("invalid value");
            Err(Failure { path, message, wrong_type, unread: Vec::new() })
        }
    }
}

fn merge(base: &Table, overrides: &[Override]) -> Result<Table, ConfigError> {
    let mut merged = base.clone();
    for over in overrides {
        let (last, sections) = over.path.split_last().ok_or_else(|| ConfigError::not_a_name(&over.variable))?;
        let mut table = &mut merged;
        for section in sections {
            let entry = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
            table = entry.as_table_mut().ok_or_else(|| ConfigError::not_a_section(&over.variable, section))?;
        }
        table.insert(last.clone(), over.value().clone());
    }
    Ok(merged)
}
