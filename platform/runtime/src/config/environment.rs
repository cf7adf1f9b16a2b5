//! `TESSERA_SECTION__FIELD=value`: the environment's say over the file.

use toml::Value;

const PREFIX: &str = "TESSERA_";

/// The variables that may override the configuration: those that begin with `TESSERA_`.
///
/// `TESSERA_SERVER__LISTEN` is the field `listen` of the section `[server]`. A value is read as TOML (`true`, `12`,
/// `["10.0.0.0/8"]`) where that fits the field, and as plain text otherwise.
#[derive(Debug, Clone, Default)]
pub struct Environment(Vec<(String, String)>);

impl Environment {
    /// The process's environment. `reserved` names the variables that belong to the command line or to logging
    /// (`TESSERA_LOG`) and not to the configuration.
    pub fn of_process(reserved: &[&str]) -> Self {
        let utf8 = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self::of(std::env::vars_os().filter_map(utf8).filter(|(name, _)| !reserved.contains(&name.as_str())))
    }

    /// Just these variables; those without the prefix are left out.
    pub fn of<N: Into<String>, V: Into<String>>(variables: impl IntoIterator<Item = (N, V)>) -> Self {
        let named = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        let mut ours: Vec<_> = named.filter(|(name, _): &(String, String)| name.starts_with(PREFIX)).collect();
        ours.sort();
        Self(ours)
    }

    /// The same with one more variable, which goes before one of that name: for flags of the command line.
    #[must_use]
    pub fn with(mut self, variable: &str, value: impl Into<String>) -> Self {
        self.0.retain(|(name, _)| name != variable);
        self.0.push((variable.to_owned(), value.into()));
        self
    }

    pub(super) fn overrides(&self) -> Vec<Override> {
        self.0.iter().map(|(name, value)| Override::new(name, value)).collect()
    }
}

/// One variable, and the field it sets.
pub(super) struct Override {
    pub(super) variable: String,
    pub(super) path: Vec<String>,
    text: String,
    value: Value,
}

impl Override {
    fn new(variable: &str, text: &str) -> Self {
        let path = variable.trim_start_matches(PREFIX).to_ascii_lowercase().split("__").map(str::to_owned).collect();
        Self { variable: variable.to_owned(), path, text: text.to_owned(), value: typed(text) }
    }

    pub(super) fn value(&self) -> &Value {
        &self.value
    }

    /// Whether the text was read as something other than a text.
    pub(super) fn is_typed(&self) -> bool {
        !self.value.is_str()
    }

    pub(super) fn take_as_text(&mut self) {
        self.value = Value::String(self.text.clone());
    }
}

fn typed(text: &str) -> Value {
    let document = format!("value = {text}");
    let parsed = toml::from_str::<toml::Table>(&document).ok().filter(|table| table.len() == 1);
    parsed.and_then(|mut table| table.remove("value")).unwrap_or_else(|| Value::String(text.to_owned()))
}
