//! Secrets a deployment makes for itself.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    thread,
};

use tessera_runtime::secrets::{SecretError, Secrets};

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_secret_is_made_once_and_only_its_owner_reads_it() {
    let data = tessera_testing::temp_dir();
    let first = Secrets::open(data.path()).unwrap().get_or_create("cx-signing").unwrap();
    let again = Secrets::open(data.path()).unwrap().get_or_create("cx-signing").unwrap();
    assert_eq!(first.expose(), again.expose());
    let secrets = Secrets::open(data.path()).unwrap();
    assert_ne!(first.expose(), secrets.get_or_create("drm-master").unwrap().expose());
    assert_eq!(mode(&data.path().join("secrets")), 0o700);
    assert_eq!(mode(&data.path().join("secrets/cx-signing")), 0o600);
    let left: Vec<_> = fs::read_dir(data.path().join("secrets")).unwrap().map(|f| f.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "nothing half-made stays: {left:?}");
}

#[test]
fn of_many_at_once_all_get_the_same() {
    let data = tessera_testing::temp_dir();
    let secrets = Secrets::open(data.path()).unwrap();
    let got: Vec<_> = thread::scope(|scope| {
        let all: Vec<_> = (0..16).map(|_| scope.spawn(|| *secrets.get_or_create("shared").unwrap().expose())).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(got.iter().all(|one| *one == got[0]));
}

#[test]
fn what_others_may_read_is_no_secret() {
    let data = tessera_testing::temp_dir();
    let secrets = Secrets::open(data.path()).unwrap();
    secrets.get_or_create("key").unwrap();
    let path = data.path().join("secrets/key");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let error = secrets.get_or_create("key").unwrap_err();
    assert!(matches!(error, SecretError::Exposed { mode: 0o644, .. }));
    assert!(error.to_string().contains("chmod 600"), "{error}");
    fs::set_permissions(data.path().join("secrets"), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(Secrets::open(data.path()).unwrap_err().to_string().contains("chmod 700"));
}

#[test]
fn a_damaged_secret_is_not_replaced_and_a_name_stays_in_its_folder() {
    let data = tessera_testing::temp_dir();
    let secrets = Secrets::open(data.path()).unwrap();
    secrets.get_or_create("key").unwrap();
    for damage in ["", "abc", &"g".repeat(64), &"a".repeat(63)] {
        fs::write(data.path().join("secrets/key"), damage).unwrap();
        assert!(matches!(secrets.get_or_create("key"), Err(SecretError::Damaged(_))), "{damage:?}");
    }
    for name in ["", "../key", "a/b", ".new", "KEY", &"x".repeat(65)] {
        assert!(matches!(secrets.get_or_create(name), Err(SecretError::Name(_))), "{name:?}");
    }
    symlink("/nowhere", data.path().join("secrets/dangling")).unwrap();
    assert!(secrets.get_or_create("dangling").is_err(), "a link to nowhere is not followed into being");
}

#[test]
fn a_replaced_key_is_used_by_the_next_who_asks_and_the_old_one_is_still_there() {
    let data = tessera_testing::temp_dir();
    let secrets = Secrets::open(data.path()).unwrap();
    let old = secrets.get_or_create("drm-master").unwrap();
    let stored = secrets.stored("drm-master").unwrap().unwrap();
    secrets.replace("drm-master", &stored.rotated(tessera_types::Timestamp::from_micros(0))).unwrap();

    let ring = Secrets::open(data.path()).unwrap().ring("drm-master").unwrap();
    assert_eq!((ring.current(), ring.get("1")), ("2", Some(old.expose())));
    assert_ne!(ring.current_key(), old.expose());
    assert_eq!(mode(&data.path().join("secrets/drm-master")), 0o600);
    assert_eq!(secrets.names().unwrap(), ["drm-master"], "nothing half-made stays");
    assert_eq!(secrets.stored("nothing").unwrap(), None);
    assert!(matches!(secrets.stored("../drm-master"), Err(SecretError::Name(_))));
}
