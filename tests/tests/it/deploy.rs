//! The files that an operator installs: they fit the program and the tree, and the service says when it is ready.

use std::{
    fs,
    os::unix::net::UnixDatagram,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use tessera_testing::{free_port, temp_dir};
use tessera_tests::{Process, project, tessera};

fn read(path: &str) -> String {
    fs::read_to_string(project().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The words of the unit's command.
fn command(unit: &str) -> Vec<&str> {
    let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("the unit starts something");
    line.split_whitespace().collect()
}

#[test]
fn the_units_command_tells_the_service_manager_that_it_is_ready_and_that_it_stops() {
    let unit = read("deploy/systemd/tessera.service");
    let folder = temp_dir();
    fs::write(folder.path().join("tessera.toml"), "").expect("as prepared here");
    let socket = UnixDatagram::bind(folder.path().join("notify")).expect("as prepared here");
    socket.set_read_timeout(Some(Duration::from_secs(60))).expect("as prepared here");
    let path = |name: &str| folder.path().join(name).to_str().expect("as prepared here").to_owned();
    let (config, data, port) = (path("tessera.toml"), path("data"), free_port().to_string());
    let mut words: Vec<&str> = command(&unit)[1..].to_vec();
    for word in &mut words {
        match *word {
            "/etc/tessera/tessera.toml" => *word = &config,
            "/var/lib/tessera" => *word = &data,
            _ => {}
        }
    }
    assert!(words.contains(&config.as_str()) && words.contains(&data.as_str()), "{words:?}");
    words.extend(["--port", &port]);
    let process = Process::start_with(folder.path(), &words, &[("NOTIFY_SOCKET", &path("notify"))]);
    let mut told = [0; 64];
    let mut hear = || socket.recv(&mut told).map(|length| String::from_utf8_lossy(&told[..length]).into_owned());
    assert_eq!(hear().unwrap_or_else(|error| panic!("{error}: {}", process.said())), "READY=1");
    assert!(std::net::TcpStream::connect(format!("127.0.0.1:{port}")).is_ok(), "what is ready takes connections");
    let (status, said) = process.stop();
    assert!(status.success(), "{said}");
    assert_eq!(hear().expect("as prepared here"), "STOPPING=1");
}

/// Runs `systemd-analyze` on a copy of the unit with the binary at hand; says so when there is none.
fn analyze(arguments: &[&str], unit: &Path) -> Option<String> {
    let run = Command::new("systemd-analyze").args(arguments).arg(unit).stdin(Stdio::null()).output();
    let Ok(output) = run else {
        eprintln!("SKIPPED: systemd-analyze is not installed (Debian's systemd)");
        return None;
    };
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "systemd-analyze {arguments:?}: {said}");
    Some(said)
}

#[test]
fn systemd_understands_the_unit_and_finds_it_well_confined() {
    let unit = read("deploy/systemd/tessera.service");
    let folder = temp_dir();
    let copy = folder.path().join("tessera.service");
    // Who has the user is the operator's machine.
    let here = unit.replace("/usr/local/bin/tessera", tessera().to_str().expect("as prepared here"));
    fs::write(&copy, here.replace("User=tessera", "User=root").replace("Group=tessera", "Group=root"))
        .expect("as prepared here");
    let Some(said) = analyze(&["verify", "--man=no"], &copy) else { return };
    assert!(!said.contains("tessera.service"), "systemd has something to say of the unit: {said}");
    // 10 is a service without any confinement, in tenths.
    fs::write(&copy, &unit).expect("as prepared here");
    analyze(&["security", "--offline=true", "--threshold=30"], &copy);
}

#[test]
fn every_file_that_the_container_copies_is_in_the_tree_and_it_starts_what_it_built() {
    let file = read("deploy/container/Containerfile");
    let joined = file.replace("\\\n", " ");
    let lines: Vec<Vec<&str>> =
        joined.lines().filter(|line| !line.starts_with('#')).map(|line| line.split_whitespace().collect()).collect();
    let mut copied = Vec::new();
    for words in lines.iter().filter(|words| words.first() == Some(&"COPY") && !words[1].starts_with("--from")) {
        for source in &words[1..words.len() - 1] {
            assert!(project().join(source).exists(), "COPY {source}: there is no such file in the tree");
            copied.push(*source);
        }
    }
    let manifest = read("Cargo.toml");
    let members = manifest.lines().find(|line| line.starts_with("members")).expect("the workspace has members");
    for member in members.split('"').skip(1).step_by(2) {
        let folder = member.trim_end_matches("/*");
        assert!(copied.contains(&folder), "the image lacks {folder}, and cargo would refuse the workspace");
    }
    let version = |line: &str| line.split('"').nth(1).map(str::to_owned);
    let rust = manifest.lines().find(|line| line.starts_with("rust-version")).and_then(version).expect("a version");
    assert!(file.contains(&format!("rust:{rust}-bookworm")), "the image builds with another Rust than {rust}");
    let has = |line: &str| assert!(joined.lines().any(|known| known == line), "the Containerfile lacks: {line}");
    has("COPY --from=server /src/target/release/tessera /usr/local/bin/tessera");
    has("ENTRYPOINT [\"/usr/local/bin/tessera\"]");
    has("USER 10001:10001");
    assert!(joined.contains("HEALTHCHECK") && joined.contains("/readyz"), "it says how it is");
    let last = lines.iter().rposition(|words| words.first() == Some(&"FROM")).expect("it begins with an image");
    let user = lines.iter().rposition(|words| words.first() == Some(&"USER")).expect("it has a user");
    assert!(user > last, "what runs is not root");
}
