//! The configuration of a command: the file, the environment over it, the flags over both.

use std::path::{Path, PathBuf};

use tessera_runtime::config::{self, Environment};

use crate::{cli::Place, config::Root, error::CommandError, keys::passphrase};

/// Variables of ours that are not settings.
const NOT_SETTINGS: &[&str] = &[
    "TESSERA_LOG",
    "TESSERA_CONFIG",
    "TESSERA_URL",
    "TESSERA_API_KEY",
    "TESSERA_OPERATOR_KEY",
    "TESSERA_DATA",
    "TESSERA_ADMIN_URL",
    "TESSERA_CACHE",
    passphrase::VARIABLE,
];

/// Loads the configuration.
pub(crate) fn load(file: Option<&Path>, place: &Place) -> Result<Root, CommandError> {
    let found = file.map(PathBuf::from).or_else(|| Some(PathBuf::from("tessera.toml")).filter(|path| path.exists()));
    let environment = Environment::of_process(NOT_SETTINGS);
    let mut root: Root = config::load(found.as_deref(), &environment).map_err(|e| CommandError::new(e.to_string()))?;
    if let Some(data) = &place.data {
        root.data = data.clone();
    }
    if let Some(listen) = place.listen {
        root.server.listen = listen;
    }
    if let Some(port) = place.port {
        root.server.listen.set_port(port);
    }
    Ok(root)
}

/// Loads the configuration for a command that needs a data folder and listens nowhere.
pub(crate) fn of_data(file: Option<&Path>, data: Option<&Path>) -> Result<Root, CommandError> {
    load(file, &Place { data: data.map(Path::to_owned), port: None, listen: None })
}
