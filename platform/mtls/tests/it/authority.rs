//! The development authority: what it writes, and what it does not.

use std::{fs, os::unix::fs::PermissionsExt};

use tessera_mtls::{Authority, Mtls, MtlsError};

use crate::world::{DAY, Deployment, Listening, now};

#[test]
fn keys_are_for_their_owner_alone_and_nothing_is_overwritten() {
    let deployment = Deployment::new("tessera.internal");
    deployment.issue("playback", &["playback"]);
    let mode = |name: &str| fs::metadata(deployment.folder.path().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("authority-key.pem"), mode("playback-key.pem"), mode("playback.pem")), (0o600, 0o600, 0o644));
    let again = Authority::init(deployment.folder.path(), "other.internal".parse().unwrap(), now(), DAY);
    assert!(matches!(again, Err(MtlsError::Exists(_))));

    let key = deployment.files("playback").key;
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(Mtls::open(deployment.files("playback")), Err(MtlsError::Exposed(_))));
}

#[tokio::test]
async fn an_authority_that_is_opened_again_issues_what_the_first_one_is_believed_for() {
    let deployment = Deployment::new("tessera.internal");
    let listening = Listening::new(&deployment.module("entitlement")).await;
    deployment.issue("front", &["edge", "playback"]);
    let again = Authority::open(deployment.folder.path(), now()).unwrap();
    let issued = again.issued().unwrap();
    let names: Vec<&str> = issued.keys().map(String::as_str).collect();
    assert_eq!(
        (names, &issued["front"][..]),
        (vec!["entitlement", "front"], &["edge".to_owned(), "playback".into()][..])
    );
    for (name, modules) in &issued {
        again.issue(name, modules, now(), DAY).unwrap();
    }
    let front = Mtls::open(deployment.files("front")).unwrap();
    assert_eq!(listening.ask(front.client("entitlement")).await.unwrap(), "edge,playback");
}

#[tokio::test]
async fn a_certificate_whose_time_is_over_does_not_hold() {
    let deployment = Deployment::new("tessera.internal");
    let listening = Listening::new(&deployment.module("entitlement")).await;
    deployment.authority.issue("playback", &["playback".into()], now().minus(2 * DAY), DAY).unwrap();
    let late = Mtls::open(deployment.files("playback")).unwrap();
    assert!(late.holds(now()).unwrap_err().to_string().contains("does not hold"));
    let good = deployment.module("billing");
    assert!(good.holds(now()).is_ok() && good.holds(now().plus(2 * DAY)).is_err(), "for a day");
    let refused = listening.ask(late.client("entitlement")).await.unwrap_err().to_string();
    assert!(refused.to_lowercase().contains("expired"), "{refused}");
}

#[test]
fn names_that_are_no_names_are_refused() {
    let deployment = Deployment::new("tessera.internal");
    for (name, modules) in [
        ("../playback", vec!["playback".to_owned()]),
        ("authority", vec!["playback".into()]),
        ("playback-key", vec!["playback".into()]),
        ("playback", vec![]),
        ("playback", vec!["a/b".into()]),
        ("playback", vec!["Playback".into()]),
    ] {
        let issued = deployment.authority.issue(name, &modules, now(), DAY);
        assert!(matches!(issued, Err(MtlsError::Name(..))), "{name} {modules:?}");
    }
}

#[test]
fn files_that_do_not_go_together_are_named() {
    let (deployment, other) = (Deployment::new("tessera.internal"), Deployment::new("tessera.internal"));
    deployment.issue("playback", &["playback"]);
    other.issue("playback", &["playback"]);
    let with = |change: fn(&mut tessera_mtls::MtlsFiles, &Deployment)| {
        let mut files = deployment.files("playback");
        change(&mut files, &other);
        Mtls::open(files).map(drop).unwrap_err().to_string()
    };
    assert!(with(|files, other| files.key = other.files("playback").key).contains("do not go together"));
    assert!(with(|files, _| files.certificate = files.authority.clone()).contains("names no module"));
    assert!(
        with(|files, _| files.certificate = files.key.clone()).contains("playback-key.pem does not hold a certificate")
    );
    assert!(with(|files, _| files.key = files.certificate.clone()).contains("chmod 600"));
    assert!(with(|files, _| files.authority = "nowhere.pem".into()).contains("nowhere.pem"));
}
