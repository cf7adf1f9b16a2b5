//! The README's walk-through, run as it is written.

use std::{fs, process::Command};

use tessera_tests::{Demo, project, tessera};

/// The commands between the two marks, in order, as one script.
fn commands(readme: &str) -> String {
    let part = readme.split("<!-- walk-through -->").nth(1).expect("the README marks its walk-through");
    let mut script = String::new();
    let mut inside = false;
    for line in part.lines() {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            command if inside => {
                script.push_str(command);
                script.push('\n');
            }
            _ => {}
        }
    }
    script
}

#[test]
fn the_readmes_walk_through_works_as_written() {
    let readme = fs::read_to_string(project().join("README.md")).unwrap();
    let script = commands(&readme);
    assert!(script.contains("curl"), "the walk-through uses curl:\n{script}");
    let demo = Demo::start();
    // Only the port is the test's own.
    let script = script.replace("localhost:8080", &format!("localhost:{}", demo.site.port()));
    let binary = tessera();
    let path = format!(
        "{}:{}",
        binary.parent().expect("a binary is in a folder").display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &script])
        .current_dir(demo.folder())
        .env("PATH", path)
        .output()
        .expect("bash can be run");
    let said = format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\nthe script was:\n{script}");
    assert!(said.contains("#EXTM3U"), "it fetched a playlist:\n{said}");
}
