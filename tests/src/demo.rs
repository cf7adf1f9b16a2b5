//! A running demo, on a copy of one that is made once for all scenarios.

use std::{
    fs::{self, File},
    path::Path,
    time::SystemTime,
};

use serde_json::Value;
use tessera_testing::{TempDir, free_port, temp_dir};

use crate::{Process, Site, tessera};

/// Length of the demo's films here, in seconds: enough to leave one in its midst and come back.
const FILM_SECONDS: &str = "12";

/// In the last line of the welcome, which comes line by line when everything serves.
const WELCOMED: &str = "Ctrl-C";

/// `tessera up` at work, with its demo tenant.
pub struct Demo {
    /// The process; killed with this value unless it was stopped.
    pub process: Process,
    /// The tenant's site.
    pub site: Site,
    /// What `demo.json` says: email, password, staff_key, titles.
    pub facts: Value,
    folder: TempDir,
}

impl Demo {
    /// Starts one with everything in place.
    pub fn start() -> Self {
        let folder = temp_dir();
        copy_template(&tessera(), &folder.path().join("data"));
        Self::start_in(folder)
    }

    /// Starts one of another binary, on data that it made, with these settings.
    pub fn of(binary: &Path, settings: &str) -> Self {
        let folder = temp_dir();
        copy_template(binary, &folder.path().join("data"));
        fs::write(folder.path().join("tessera.toml"), settings).expect("the settings can be written");
        Self::start_of(binary, folder, free_port())
    }

    /// Starts one in `folder` with these settings, a `tessera.toml`.
    pub fn configured(folder: TempDir, settings: &str) -> Self {
        copy_template(&tessera(), &folder.path().join("data"));
        Self::configured_in(folder, settings)
    }

    /// Starts on what is in `folder`, which holds `data`, with these settings.
    pub fn configured_in(folder: TempDir, settings: &str) -> Self {
        fs::write(folder.path().join("tessera.toml"), settings).expect("the settings can be written");
        Self::start_in(folder)
    }

    /// Starts on what is in `folder`, which holds `data`.
    pub fn start_in(folder: TempDir) -> Self {
        Self::start_at(folder, free_port())
    }

    fn start_at(folder: TempDir, port: u16) -> Self {
        Self::start_of(&tessera(), folder, port)
    }

    fn start_of(binary: &Path, folder: TempDir, port: u16) -> Self {
        let mut process = up(binary, folder.path(), port);
        process.wait_for(WELCOMED);
        let facts = fs::read(folder.path().join("data/demo.json")).expect("the demo's facts are there");
        let facts = serde_json::from_slice(&facts).expect("they are JSON");
        Self { process, site: Site::new("demo", port), facts, folder }
    }

    /// The folder that holds `data`.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Stops it and gives the folder back, to start on it again.
    pub fn stop(self) -> (TempDir, String) {
        let (status, said) = self.process.stop();
        assert!(status.success(), "it stopped with {status}:\n{said}");
        (self.folder, said)
    }

    /// Starts again on the same folder, after the process has ended however it did.
    pub fn restart(self) -> Self {
        let Self { process, folder, .. } = self;
        drop(process);
        Self::start_in(folder)
    }

    /// As [`Self::restart`], at the same address.
    pub fn restart_here(self) -> Self {
        let Self { process, folder, site, .. } = self;
        drop(process);
        Self::start_at(folder, site.port())
    }

    /// A text of the facts.
    pub fn fact(&self, name: &str) -> &str {
        self.facts[name].as_str().unwrap_or_else(|| panic!("demo.json has no text {name}"))
    }

    /// The title of a film of the demo, by its name.
    pub fn title(&self, film: &str) -> String {
        let titles = self.facts["titles"].as_array().expect("titles is a list");
        let found = titles.iter().find(|pair| pair[0] == film).and_then(|pair| pair[1].as_str());
        found.unwrap_or_else(|| panic!("the demo has no film {film}")).to_owned()
    }
}

fn up(binary: &Path, folder: &Path, port: u16) -> Process {
    let port = port.to_string();
    let arguments = ["up", "--data", "data", "--port", &port, "--film-seconds", FILM_SECONDS];
    Process::start_binary(binary, folder, &arguments, &[])
}

/// Copies the data folder of a demo that this very binary made, made now if nobody has yet. The lock is held until the
/// copy is whole: a newer binary's scenario would make the template anew.
pub(crate) fn copy_template(binary: &Path, to: &Path) {
    let built = fs::metadata(binary).and_then(|m| m.modified()).expect("the binary has a time");
    let built = built.duration_since(SystemTime::UNIX_EPOCH).expect("it was built after 1970").as_nanos();
    let home = binary.parent().expect("the binary is in a folder").join("demo-template");
    fs::create_dir_all(&home).expect("a folder beside the binary can be made");
    let lock = File::create(home.join("lock")).expect("a lock can be made");
    lock.lock().expect("a lock can be waited for");
    let (ready, data) = (home.join("of"), home.join("data"));
    if fs::read_to_string(&ready).is_ok_and(|of| of == built.to_string()) {
        return copy(&data, to);
    }
    let _ = fs::remove_dir_all(&data); // an old one, or none
    let mut process = up(binary, &home, free_port());
    process.wait_for(WELCOMED);
    let (status, said) = process.stop();
    assert!(status.success(), "the template's server stopped with {status}:\n{said}");
    fs::write(&ready, built.to_string()).expect("the mark can be written");
    copy(&data, to);
}

fn copy(from: &Path, to: &Path) {
    let done = std::process::Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(done.is_ok_and(|status| status.success()), "copying {}", from.display());
}
