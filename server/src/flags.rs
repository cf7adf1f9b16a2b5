//! `[flags]` of `tessera.toml`: feature flags, who says what they stand at, and where they count.

use std::{path::PathBuf, sync::Arc, time::Duration};

use serde::Deserialize;
use serde_json::{Map, Value};
use tessera_contract::{FlagSubject, Flags, OPERATION_FLAG, PLACE_FLAG, ask_flags};
use tessera_flags::{FileProvider, Flag, FlagFile, OpenFeatureFlags, Taken, did_you_mean};
use tessera_runtime::shutdown::Shutdown;
use tessera_types::Clock;

use crate::{config::Root, error::CommandError, modules::Part};

/// Flags that the viewer app is told begin so.
const APP_FLAG: &str = "app.";
/// A text that the viewer app shows at the top of its pages.
const APP_NOTICE: &str = "app.notice";
/// Whether the viewer app sells.
const APP_CHECKOUT: &str = "app.checkout";
/// How often the file is looked at, whether it has changed.
const LOOK: Duration = Duration::from_secs(2);

/// Without a file there are no flags.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FlagsConfig {
    /// The file of flag definitions, as flagd has them. Default: none.
    pub(crate) file: Option<PathBuf>,
}

/// The flags of this process.
pub(crate) struct ProcessFlags {
    file: FlagFile,
    asked: Arc<OpenFeatureFlags>,
}

impl ProcessFlags {
    /// As configured; from now on they count. Another provider of OpenFeature's takes [`FileProvider`]'s place here, with
    /// `flags_are(FlagKeys::every())` where it cannot list its flags.
    ///
    /// # Errors
    /// The file cannot be taken.
    pub(crate) async fn open(config: &FlagsConfig, clock: Arc<dyn Clock>) -> Result<Self, CommandError> {
        let opened = FlagFile::open(config.file.as_deref(), oddity);
        let file = opened.map_err(|e| CommandError::caused("reading [flags]", e))?;
        let asked = Arc::new(OpenFeatureFlags::of(FileProvider::new(file.clone(), clock)).await);
        ask_flags(asked.clone());
        Ok(Self { file, asked })
    }

    /// Takes over the file whenever it changes, until the end.
    pub(crate) fn watch(&self, shutdown: &Shutdown) {
        shutdown.spawn("flags", self.file.clone().watch(LOOK, shutdown.token()));
    }

    /// What `root` changes: another file, or another content.
    ///
    /// # Errors
    /// The file cannot be taken.
    pub(crate) fn changed(&self, root: &Root) -> Result<Option<Taken>, CommandError> {
        let changed = self.file.changed(root.flags.file.as_deref());
        changed.map_err(|e| CommandError::caused("reading [flags]", e))
    }

    /// Takes a change over; says so in a sentence.
    pub(crate) fn settle(&self, taken: Taken) -> String {
        format!("{} flags stand from now on", self.file.settle(taken))
    }

    /// Whether the app is told of any.
    pub(crate) fn has_app_flags(&self) -> bool {
        self.file.now().iter().any(|(key, flag)| flag.enabled && key.starts_with(APP_FLAG))
    }

    /// What the flags of the viewer app stand at for its tenant and account.
    pub(crate) async fn of_app(&self, subject: FlagSubject<'_>) -> Map<String, Value> {
        let mut found = Map::new();
        for (key, flag) in self.file.now().iter().filter(|(key, flag)| flag.enabled && key.starts_with(APP_FLAG)) {
            let value = match flag.kind() {
                "boolean" => self.asked.boolean(key, subject).await.map(|found| found.value.into()),
                "string" => self.asked.string(key, subject).await.map(|found| found.value.into()),
                "number" => self.asked.number(key, subject).await.map(Value::from),
                _ => self.asked.object(key, subject).await,
            };
            found.extend(value.map(|value| (key.to_owned(), value)));
        }
        found
    }
}

/// What a flag does here.
pub(crate) fn effect(key: &str) -> String {
    if let Some(operation) = key.strip_prefix(OPERATION_FLAG) {
        return format!("whether {operation} is served");
    }
    if let Some(module) = key.strip_prefix(PLACE_FLAG) {
        return format!("at which of its places {module} is asked");
    }
    match key {
        APP_NOTICE => "what the viewer app says at the top".to_owned(),
        APP_CHECKOUT => "whether the viewer app sells".to_owned(),
        key if key.starts_with(APP_FLAG) => "told to the viewer app".to_owned(),
        _ => "nothing here asks for it".to_owned(),
    }
}

/// Why a flag does not do what it is hardly meant not to do.
pub(crate) fn oddity(key: &str, flag: &Flag) -> Option<String> {
    let kinds = |wanted: &str| {
        let wrong = flag.kind() != wanted;
        wrong.then(|| {
            format!("the variants of {key:?} are of the type {}, and it is asked for as {wanted}", flag.kind())
        })
    };
    if let Some(named) = key.strip_prefix(OPERATION_FLAG) {
        let operations = || tessera_contracts::ALL.iter().flat_map(|entry| entry.info.operations);
        let names: Vec<String> = operations().map(|info| format!("{}.{}", info.contract, info.name)).collect();
        return match names.iter().any(|name| name == named) {
            true => kinds("boolean"),
            false => {
                let meant = did_you_mean(named, names.iter().map(String::as_str));
                Some(format!("{key:?} does nothing: there is no operation {named:?}{meant}"))
            }
        };
    }
    if let Some(named) = key.strip_prefix(PLACE_FLAG) {
        let modules: Vec<&str> =
            Part::ALL.iter().filter(|part| **part != Part::Front).map(|part| part.mount()).collect();
        return match modules.contains(&named) {
            true => kinds("string"),
            false => {
                let meant = did_you_mean(named, modules);
                Some(format!("{key:?} does nothing: there is no module {named:?}{meant}"))
            }
        };
    }
    match key {
        APP_NOTICE => kinds("string"),
        APP_CHECKOUT => kinds("boolean"),
        key if key.starts_with(APP_FLAG) => None,
        _ => Some(format!(
            "nothing here asks for {key:?}: flags begin with {OPERATION_FLAG}, {PLACE_FLAG} or {APP_FLAG}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use tessera_flags::FlagSet;

    use super::*;

    #[test]
    fn a_flag_that_does_nothing_is_named_with_what_was_meant() {
        let odd = |key: &str, value: &str| {
            let text = format!(
                "{{\"flags\": {{\"{key}\": {{\"state\": \"ENABLED\", \"variants\": {{\"a\": {value}}}, \"defaultVariant\": \"a\"}}}}}}"
            );
            oddity(key, FlagSet::parse(&text).unwrap().get(key).unwrap()).unwrap_or_default()
        };
        assert_eq!(odd("operation.billing.create_checkout", "true"), "");
        assert!(odd("operation.billing.create_checkouts", "true").contains("did you mean \"billing.create_checkout\""));
        assert!(odd("operation.billing.create_checkout", "\"on\"").contains("asked for as boolean"));
        assert_eq!(odd("place.entitlement", "\"built-in\""), "");
        assert!(odd("place.entitlements", "\"built-in\"").contains("did you mean \"entitlement\""));
        assert_eq!(odd("app.notice", "\"\""), "");
        assert!(odd("app.notice", "true").contains("asked for as string"));
        assert!(odd("checkout", "true").contains("nothing here asks"));
    }
}
