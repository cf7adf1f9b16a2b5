//! The configuration of a command: the file, the environment over it, the flags over both.

use std::{
    io,
    path::{Path, PathBuf},
};

use tessera_runtime::config::{self, Environment};
use tokio::runtime::Runtime;

use crate::{
    cli::{Arguments, Command, Place},
    config::Root,
    error::CommandError,
    keys::passphrase,
};

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

/// What a command runs on.
pub(crate) fn runtime(arguments: &Arguments) -> io::Result<Runtime> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = worker_threads(arguments) {
        runtime.worker_threads(threads);
    }
    runtime.enable_all().build()
}

/// The threads that a server is to serve with, where its configuration says so: known before there is a runtime to say in what
/// is wrong with it, so that the command says it.
fn worker_threads(arguments: &Arguments) -> Option<usize> {
    let place = match &arguments.command {
        Command::Up(up) => &up.place,
        Command::Serve(serve) => &serve.place,
        _ => return None,
    };
    let root = load(arguments.config.as_deref(), place).ok()?;
    root.server.worker_threads.map(|threads| usize::from(threads.get()))
}

/// Loads the configuration for a command that needs a data folder and listens nowhere.
pub(crate) fn of_data(file: Option<&Path>, data: Option<&Path>) -> Result<Root, CommandError> {
    load(file, &Place { data: data.map(Path::to_owned), port: None, listen: None })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[test]
    fn the_threads_of_a_server_are_known_before_its_runtime() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tessera.toml");
        let threads = |command: &str, settings: &str| {
            std::fs::write(&file, settings).unwrap();
            let arguments = ["tessera".as_ref(), "--config".as_ref(), file.as_os_str(), command.as_ref()];
            let arguments = Arguments::try_parse_from(arguments).unwrap();
            let (said, runtime) = (worker_threads(&arguments), runtime(&arguments).unwrap());
            if let Some(said) = said {
                assert_eq!(runtime.metrics().num_workers(), said);
            }
            said
        };
        assert_eq!(threads("serve", "[server]\nworker_threads = 3"), Some(3));
        assert_eq!(threads("up", "[server]\nworker_threads = 1"), Some(1));
        assert_eq!(threads("serve", ""), None, "one a core");
        assert_eq!(threads("asyncapi", "[server]\nworker_threads = 3"), None, "a command that serves nobody");
        assert_eq!(threads("serve", "[server]\nworker_threads = 0"), None, "the command says what is wrong");
    }
}
