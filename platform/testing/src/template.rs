//! A freshly initialised PostgreSQL cluster, made once and copied for every test.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The binaries of the newest PostgreSQL that Debian installed.
pub(crate) fn binaries() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions.map(|entry| entry.path()).filter(|path| path.join("bin/initdb").exists()).max();
    newest.map(|path| path.join("bin")).unwrap_or_else(|| {
        panic!("PostgreSQL is not installed, and the tests start their own: apt-get install postgresql")
    })
}

/// A command as the user PostgreSQL insists on: it refuses to run as root.
pub(crate) fn unprivileged(program: &Path) -> Command {
    match is_root() {
        false => Command::new(program),
        true => {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program);
            command
        }
    }
}

/// Whether this process is root, by who owns it.
pub(crate) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

/// Gives `path` and all in it to the user PostgreSQL runs as.
pub(crate) fn hand_over(path: &Path) {
    if is_root() {
        run(Command::new("chown").args(["-R", "postgres:postgres"]).arg(path));
    }
}

/// Fills `data` with a fresh cluster.
pub(crate) fn copy_to(data: &Path, binaries: &Path) {
    let template = template(binaries);
    run(Command::new("cp").args(["-a", "--reflink=auto"]).arg(&template).arg(data));
}

/// The template, made by whoever comes first; others wait for the lock.
fn template(binaries: &Path) -> PathBuf {
    let home = target().join("postgres-template");
    fs::create_dir_all(&home).expect("the target folder can be written");
    let lock = fs::File::create(home.join("lock")).expect("a lock file can be made");
    lock.lock().expect("a file can be locked");
    let version = binaries.parent().and_then(Path::file_name).unwrap_or_default();
    let (ready, copying) = (home.join(version), home.join("copying"));
    if !ready.exists() {
        // Not made in place: the unprivileged user may have no way into the target folder.
        let making = crate::temp_dir();
        initialise(making.path(), binaries);
        let _ = fs::remove_dir_all(&copying);
        run(Command::new("cp").arg("-a").arg(making.path()).arg(&copying));
        fs::rename(&copying, &ready).expect("a folder can be renamed within its parent");
    }
    ready
}

fn initialise(data: &Path, binaries: &Path) {
    hand_over(data);
    let mut initdb = unprivileged(&binaries.join("initdb"));
    initdb.args(["--no-sync", "--no-instructions", "--auth=trust", "--username=postgres", "--encoding=UTF8"]);
    // A language's order, not bytes': that keys are compared bytewise is the store's doing, and to be proven.
    initdb.args(["--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US", "--wal-segsize=1"]);
    run(initdb.arg("--pgdata").arg(data));
}

/// The workspace's target folder.
fn target() -> PathBuf {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(default, PathBuf::from)
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
