//! All keys of a data folder in one file, encrypted under a passphrase, to be kept apart from the backups.
//!
//! The key is argon2id's (RFC 9106) of the passphrase and a random salt, the file AES-256-GCM's (NIST SP 800-38D).

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use aes_gcm::{
    Aes256Gcm, KeyInit,
    aead::{Aead, Payload},
};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use tessera_runtime::{
    config::Secret,
    secrets::{Secrets, StoredRing},
};

use super::passphrase;
use crate::{
    error::CommandError,
    output::{say, tell},
};

const FORMAT: &str = "tessera keys 1";
/// 64 MiB, three passes, one lane: RFC 9106's second recommended choice but for its lanes.
const USED: Cost = Cost { memory_kib: 64 * 1024, passes: 3, lanes: 1 };
/// No file asks for more than this.
const MOST: Cost = Cost { memory_kib: 1024 * 1024, passes: 64, lanes: 16 };

/// The file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Export {
    format: String,
    argon2id: Cost,
    salt_base64: String,
    nonce_base64: String,
    sealed_base64: String,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// Writes all keys into the new file `to`.
pub(super) fn export(secrets: &Secrets, to: &Path, passphrase_file: Option<&Path>) -> Result<(), CommandError> {
    let mut rings = BTreeMap::new();
    for name in secrets.names().map_err(reading)? {
        if let Some(ring) = secrets.stored(&name).map_err(reading)? {
            rings.insert(name, ring.text().expose().clone());
        }
    }
    let passphrase = passphrase::new(passphrase_file)?;
    let plain = serde_json::to_vec(&rings).map_err(|e| CommandError::caused("writing the export", e))?;
    let (salt, nonce): ([u8; 16], [u8; 12]) = (rand::random(), rand::random());
    let key = stretch(&passphrase, &salt, USED)?;
    let payload = Payload { msg: &plain, aad: FORMAT.as_bytes() };
    let sealed = Aes256Gcm::new(key.expose().into()).encrypt(&nonce.into(), payload);
    let sealed = sealed.map_err(|_| CommandError::new("the keys could not be encrypted"))?;
    let file = Export {
        format: FORMAT.into(),
        argon2id: USED,
        salt_base64: BASE64_STANDARD.encode(salt),
        nonce_base64: BASE64_STANDARD.encode(nonce),
        sealed_base64: BASE64_STANDARD.encode(sealed),
    };
    let text = serde_json::to_vec_pretty(&file).map_err(|e| CommandError::caused("writing the export", e))?;
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
        file.write_all(&text)?;
        file.sync_all()
    };
    write().map_err(|e| CommandError::caused(format!("writing the export {}", to.display()), e))?;
    rings.keys().for_each(|name| tell(name));
    say(&format!(
        "All keys are in {}. Keep it apart from the backups, and the passphrase apart from both.",
        to.display()
    ));
    Ok(())
}

/// Brings all keys of the export `from`. Keys that are there already and are others stay, and nothing is changed.
pub(super) fn import(secrets: &Secrets, from: &Path, passphrase_file: Option<&Path>) -> Result<(), CommandError> {
    let rings = open(from, passphrase_file)?;
    let mut new = Vec::new();
    for (name, text) in &rings {
        let damaged = || CommandError::new(format!("the export's {name} is damaged: use another export"));
        let ring = StoredRing::parse(text.trim_end()).ok_or_else(damaged)?;
        match secrets.stored(name).map_err(reading)? {
            Some(there) if there == ring => {}
            Some(_) => {
                return Err(CommandError::new(format!(
                    "there is another {name} here already, and what is sealed under it would be lost: import into a new \
                     data folder"
                )));
            }
            None => new.push((name, ring)),
        }
    }
    for (name, ring) in new {
        secrets.replace(name, &ring).map_err(|e| CommandError::caused("importing a key", e))?;
        tell(name);
    }
    say("The keys of the export are here.");
    Ok(())
}

fn open(from: &Path, passphrase_file: Option<&Path>) -> Result<BTreeMap<String, String>, CommandError> {
    let text = fs::read(from).map_err(|e| CommandError::caused(format!("reading {}", from.display()), e))?;
    let none = || CommandError::new(format!("{} is not an export of keys that this tessera can read", from.display()));
    let file: Export = serde_json::from_slice(&text).map_err(|_| none())?;
    if file.format != FORMAT {
        return Err(none());
    }
    let bytes = |text: &str| BASE64_STANDARD.decode(text).map_err(|_| none());
    let (salt, sealed) = (bytes(&file.salt_base64)?, bytes(&file.sealed_base64)?);
    let nonce: [u8; 12] = bytes(&file.nonce_base64)?.try_into().map_err(|_| none())?;
    let key = stretch(&passphrase::of_export(passphrase_file)?, &salt, file.argon2id)?;
    let payload = Payload { msg: &sealed, aad: FORMAT.as_bytes() };
    let plain = Aes256Gcm::new(key.expose().into()).decrypt(&nonce.into(), payload);
    let wrong = || CommandError::new("the passphrase is another one, or the export is damaged");
    serde_json::from_slice(&plain.map_err(|_| wrong())?).map_err(|_| wrong())
}

fn stretch(passphrase: &Secret<String>, salt: &[u8], cost: Cost) -> Result<Secret<[u8; 32]>, CommandError> {
    let Cost { memory_kib, passes, lanes } = cost;
    let refuse = || CommandError::new("the export asks for a hash that this tessera does not make");
    if memory_kib > MOST.memory_kib || passes > MOST.passes || lanes > MOST.lanes {
        return Err(refuse());
    }
    let params = Params::new(memory_kib, passes, lanes, Some(32)).map_err(|_| refuse())?;
    let mut key = [0; 32];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password_into(passphrase.expose().as_bytes(), salt, &mut key).map_err(|_| refuse())?;
    Ok(Secret::new(key))
}

fn reading(error: tessera_runtime::secrets::SecretError) -> CommandError {
    CommandError::caused("reading a secret", error)
}
