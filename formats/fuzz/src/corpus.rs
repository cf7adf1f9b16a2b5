//! The files that are changed. They stand in `corpus/<kind>/`; what a case was found with is kept there too.

use std::{fs, io, path::Path};

/// One file of the corpus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Material {
    /// Its name, the folder aside.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// The files of a kind, by name. Errors when the folder is not there or cannot be read.
pub fn corpus(kind: &str) -> io::Result<Vec<Material>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(kind);
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        files.push(Material { name, bytes: fs::read(entry.path())? });
    }
    files.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}
