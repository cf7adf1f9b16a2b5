//! The control socket: commands reach the process on a data folder, and nobody else's.

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::json;
use tessera_runtime::{
    control::{Control, ControlError, ask},
    shutdown::Shutdown,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

#[tokio::test]
async fn a_command_is_answered_by_its_handler_and_others_are_named() {
    // Deeper than a socket's path may be long.
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("a".repeat(120));
    fs::create_dir(&data).unwrap();
    let nobody = ask(&data, "echo", json!({})).await.unwrap_err();
    assert!(matches!(nobody, ControlError::NotRunning { .. }) && nobody.to_string().contains("--data"), "{nobody}");

    let shutdown = Shutdown::new();
    let control = Control::new()
        .on("echo", async |line| Ok(json!({ "heard": line["word"] })))
        .on("refuse", async |_| Err("not today".to_owned()));
    control.listen(&data, &shutdown).unwrap();
    let mode = fs::metadata(data.join("control.sock")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(ask(&data, "echo", json!({"word": "yes"})).await.unwrap(), json!({"heard": "yes"}));
    assert_eq!(ask(&data, "refuse", json!({})).await.unwrap_err().to_string(), "not today");
    let unknown = ask(&data, "other", json!({})).await.unwrap_err().to_string();
    assert!(unknown.contains("\"other\"") && unknown.contains("echo, refuse"), "{unknown}");

    shutdown.request();
    shutdown.drain(std::time::Duration::from_secs(5)).await;
    assert!(matches!(ask(&data, "echo", json!({})).await.unwrap_err(), ControlError::NotRunning { .. }));
}

#[tokio::test]
async fn what_is_no_command_is_refused_and_an_old_socket_is_in_nobodys_way() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let shutdown = Shutdown::new();
        Control::new().listen(folder.path(), &shutdown).unwrap();
        for (sent, why) in
            [(&b"not JSON\n"[..], "not a line of JSON"), (b"{}\n", "no command"), (b"[1]\n", "no command")]
        {
            let mut stream = UnixStream::connect(folder.path().join("control.sock")).await.unwrap();
            stream.write_all(sent).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            assert!(answer.contains("failed") && answer.contains(why), "{answer}");
        }
    }
}
