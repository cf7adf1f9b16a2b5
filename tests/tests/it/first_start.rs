//! Starting, stopping and starting again.

use std::{fs, process::Command};

use tessera_testing::{free_port, temp_dir};
use tessera_tests::{Demo, Process, run};

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_has_everything_still_there_and_ctrl_c_stops_cleanly() {
    let demo = Demo::start();
    let titles = |answer: serde_json::Value| answer["data"].as_array().map(Vec::len);
    assert_eq!(titles(demo.site.visitor().get("/catalog/v1/titles").await.ok()), Some(3));
    let key = demo.fact("staff_key").to_owned();
    let (folder, said) = demo.stop();
    assert!(said.contains("Stopped."), "{said}");

    let again = Demo::start_in(folder);
    assert!(!again.process.said().contains("Generating"), "nothing is made twice:\n{}", again.process.said());
    assert_eq!(again.fact("staff_key"), key);
    assert_eq!(titles(again.site.visitor().get("/catalog/v1/titles").await.ok()), Some(3));
    again.site.with_token(&key).get("/catalog/v1/management/titles").await.ok();
}

#[test]
fn a_port_that_is_taken_is_named_with_a_way_out() {
    let (folder, port) = (temp_dir(), free_port());
    let _holder = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let output = run(folder.path(), &["serve", "--data", "data", "--port", &port.to_string()]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(said.contains(&format!("port {port}")) && said.contains("--port"), "{said}");
    assert!(!folder.path().join("data").exists(), "nothing was made");
}

#[test]
fn a_data_folder_in_use_is_refused_with_the_process_that_has_it() {
    let folder = temp_dir();
    let serve = |port: u16| vec!["serve".to_owned(), "--data".into(), "data".into(), "--port".into(), port.to_string()];
    let first = serve(free_port());
    let first = Process::start(folder.path(), &first.iter().map(String::as_str).collect::<Vec<_>>());
    let data = folder.path().join("data/platform.db");
    while !data.exists() {
        assert!(first.said().is_empty() || !first.said().contains("error"), "{}", first.said());
        std::thread::yield_now();
    }
    let second = serve(free_port());
    let output = run(folder.path(), &second.iter().map(String::as_str).collect::<Vec<_>>());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(said.contains("in use by process") && said.contains(&first.id().to_string()), "{said}");
    let (status, _) = first.stop();
    assert!(status.success());
}

#[test]
fn data_of_a_newer_version_is_refused_and_left_alone() {
    let folder = temp_dir();
    let created = run(folder.path(), &["tenant", "create", "acme", "--data", "data"]);
    assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stderr));
    let database = folder.path().join("data/platform.db");
    let sqlite = |sql: &str| {
        let output = Command::new("python3")
            .args(["-c", "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); print(c.execute(sys.argv[2]).fetchall()); c.commit()"])
            .arg(&database)
            .arg(sql)
            .output()
            .expect("python3 can be run");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let columns = sqlite("select name from pragma_table_info('tessera_migrations')");
    assert!(columns.contains("version"), "{columns}");
    sqlite(
        "update tessera_migrations set version = 9999 where version = (select max(version) from tessera_migrations)",
    );
    let before = fs::read(&database).unwrap();
    let output = run(folder.path(), &["serve", "--data", "data", "--port", &free_port().to_string()]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(said.contains("newer") && said.contains("9999"), "{said}");
    assert_eq!(fs::read(&database).unwrap(), before, "the data was left alone");
}

#[test]
fn a_misspelt_setting_is_named_with_its_line() {
    let folder = temp_dir();
    fs::write(folder.path().join("tessera.toml"), "[server]\nlisen = \"127.0.0.1:1\"\n").unwrap();
    let output = run(folder.path(), &["serve"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(said.contains("tessera.toml:2") && said.contains("lisen") && said.contains("listen"), "{said}");
}

#[test]
fn the_annotated_sample_is_valid_as_it_stands_and_with_every_line_in_use() {
    let sample = fs::read_to_string(tessera_tests::project().join("tessera.toml")).unwrap();
    // A line that begins with "# " is a setting at its default; one with "## " explains.
    let lines = sample.lines().map(|line| line.strip_prefix("# ").unwrap_or(line));
    let in_use = lines.fold(String::new(), |text, line| text + line + "\n");
    for text in [sample, in_use] {
        let folder = temp_dir();
        fs::write(folder.path().join("tessera.toml"), text).unwrap();
        let output = run(folder.path(), &["doctor"]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains("✓ configuration"), "{said}");
    }
}
