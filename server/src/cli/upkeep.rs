//! Commands on the data as a whole: backups, keys, migrations.

use std::{num::NonZeroUsize, path::PathBuf};

use clap::{Args, Subcommand};

use crate::rings::{self, Ring};

#[derive(Args)]
pub(crate) struct Backup {
    /// Folder of the backups, on another disk; made when it is not there.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) to: PathBuf,
    /// Data folder. Default: `data`.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
    /// Remove all but the latest so many backups there, when this one is whole.
    #[arg(long, value_name = "COUNT")]
    pub(crate) keep: Option<NonZeroUsize>,
    /// Print what was made as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct Restore {
    /// A backup, or the folder of backups, of which the latest is taken.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) from: PathBuf,
    /// Data folder to restore into: empty but for its keys. Default: `data`.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
    /// Verify the backup, file by file, and restore nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print what was found as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct Migrate {
    /// Say what would run, and try it on a copy.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Data folder. Default: `data`.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
}

/// Whose keys.
#[derive(Args)]
pub(crate) struct KeysAt {
    /// Data folder. Default: `data`.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
}

#[derive(Subcommand)]
pub(crate) enum Keys {
    /// List every key: whether it is in use, and how much is sealed under it. A server may be running.
    List {
        /// Print them as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        at: KeysAt,
    },
    /// Put a fresh key in use, and seal under it what was sealed under the old one. The server must be stopped.
    ///
    /// Cut off, it is run again and does the rest. The old key stays until it is retired.
    Rotate {
        /// media-master, drm-master, identity-master, webhooks-master, url-signing, licence-tokens or cx-signing.
        #[arg(value_parser = rings::by_name)]
        ring: Ring,
        #[command(flatten)]
        at: KeysAt,
    },
    /// Take away an old key that nothing is under any more. The server must be stopped.
    Retire {
        /// The key's secret, such as drm-master.
        #[arg(value_parser = rings::by_name)]
        ring: Ring,
        /// The key's id, as `tessera keys list` shows it.
        id: String,
        /// Even if what it signed would be good for a while: the key is in wrong hands.
        #[arg(long)]
        now: bool,
        #[command(flatten)]
        at: KeysAt,
    },
    /// Write all keys into one file, encrypted under a passphrase.
    Export {
        /// The new file. Keep it apart from the backups.
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
        /// File with the passphrase. Default: TESSERA_KEYS_PASSPHRASE, else it is asked for.
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
        #[command(flatten)]
        at: KeysAt,
    },
    /// Bring the keys of an export into a data folder that has none, before a restore.
    Import {
        /// The export.
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
        /// File with the passphrase. Default: TESSERA_KEYS_PASSPHRASE, else it is asked for.
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
        #[command(flatten)]
        at: KeysAt,
    },
}

#[derive(Subcommand)]
pub(crate) enum Database {
    /// Make a role, a password and a schema for each module; run it as often as you like.
    ///
    /// Each role owns its own schema and can see no other. The passwords are among the secrets, as postgres-MODULE. The
    /// processes are configured with: store = "postgres://tessera_{module}:{password}@HOST/DATABASE"
    Init {
        /// How to connect as an administrator: postgres://admin:password@host/database, the database that is to be used.
        #[arg(long, value_name = "URL", env = "TESSERA_ADMIN_URL", hide_env_values = true)]
        admin_url: String,
        /// Folder of all state, whose secrets get the passwords unless `[shared]` says another. Default: `data`.
        #[arg(long, value_name = "FOLDER")]
        data: Option<PathBuf>,
    },
}
