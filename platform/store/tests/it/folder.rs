//! The data folder and its lock.

use std::os::unix::fs::PermissionsExt;

use tessera_store::{DataFolder, FolderError};
use tessera_testing::temp_dir;

#[test]
fn a_folder_in_use_names_the_process_and_is_free_again_afterwards() {
    let parent = temp_dir();
    let path = parent.path().join("deep/data");
    let held = DataFolder::open(&path).unwrap();
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    let refused = DataFolder::open(&path).unwrap_err();
    let message = refused.to_string();
    assert!(matches!(refused, FolderError::InUse { .. }));
    assert!(message.contains(&format!("is in use by process {}", std::process::id())), "{message}");
    drop(held);
    DataFolder::open(&path).unwrap();
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let parent = temp_dir();
    let file = parent.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    let refused = DataFolder::open(file.join("data")).unwrap_err();
    assert!(matches!(refused, FolderError::Io { .. }), "{refused}");
}
