//! The command line.

mod certs;
mod contract;
mod flags;
mod media;
mod upkeep;

use std::{net::SocketAddr, path::PathBuf, sync::LazyLock};

use clap::{Args, Parser, Subcommand};
use tessera_types::{KeyId, Locale, TenantId};

use crate::modules::Part;

pub(crate) use certs::{Certs, Process};
pub(crate) use contract::{Contract, CopyArguments, CopyEnd};
pub(crate) use flags::Flags;
pub(crate) use media::{At, Hls, Media, Package, PackageScheme};
pub(crate) use upkeep::{Backup, Database, Keys, KeysAt, Migrate, Restore};

/// Tessera: an open, self-hostable video streaming platform.
///
/// Start with `tessera up`: it needs nothing but this binary, FFmpeg and a folder.
#[derive(Parser)]
#[command(name = "tessera", version, long_version = VERSIONS.as_str(), arg_required_else_help = true)]
pub(crate) struct Arguments {
    /// Configuration file. Without it: `tessera.toml` here if there is one, else the defaults.
    ///
    /// Each setting can also be given in the environment: TESSERA_SERVER__LISTEN=127.0.0.1:9000 is `listen` in
    /// `[server]`.
    #[arg(long, global = true, value_name = "FILE", env = "TESSERA_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What `tessera --version` says: the version, then each module's in a line. `-V` says the first alone.
static VERSIONS: LazyLock<String> = LazyLock::new(|| {
    let modules = Part::versions(Part::ALL.iter().copied());
    let lines = modules.into_iter().map(|(module, version)| format!("\n{module} {version}"));
    [env!("CARGO_PKG_VERSION").to_owned()].into_iter().chain(lines).collect()
});

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run everything in one process, with a demo tenant to look at.
    ///
    /// The first time it makes the tenant `demo` with three short films, which takes a minute or two; after that it
    /// starts in about a second, with everything still there. Ctrl-C drains and stops.
    Up(Up),
    /// Run everything in one process, as configured, without a demo; or some modules of a deployment.
    ///
    /// Example: tessera serve --modules entitlement,playback
    Serve(Serve),
    /// Make the demo tenant in a deployment of several processes that runs.
    ///
    /// Run it with the configuration and the data folder of the process that holds identity.
    Demo(DemoArguments),
    /// Upload a video file, transcode and package it, and publish it as a title.
    ///
    /// Takes MP4, MOV, MKV and WebM with H.264, HEVC, VP9 or AV1; anything else is refused with the reason.
    ///
    /// Example: tessera ingest film.mp4 --title "My film" --plan basic
    Ingest(Ingest),
    /// Look at video files, at what is made of them, and steer the work on it.
    #[command(subcommand)]
    Media(Media),
    /// Package MP4 files for HLS and DASH without a server: one encrypted file a track, and the manifests.
    ///
    /// Every video and audio track of each input is packaged; several inputs are renditions of one film. Media is read once and
    /// not encoded again: H.264, HEVC, AAC, AC-3, E-AC-3 and Opus as they come.
    ///
    /// Example: tessera package film.mp4 --out packaged --key-id 0123456789abcdef0123456789abcdef --key …
    Package(Package),
    /// HLS playlists: checking them against the standard.
    #[command(subcommand)]
    Hls(Hls),
    /// Make and look after tenants: one operator's service each, with a host name, viewers and a catalog of its own.
    #[command(subcommand)]
    Tenant(Tenant),
    /// Show or change what a running server logs, without restarting it.
    ///
    /// Example: tessera log-level info,tessera_store=debug --for 10m
    LogLevel(LogLevel),
    /// Feature flags: check the file, list them, show what one stands at for whom and why.
    ///
    /// docs/flags.md says what they do and how the file is written.
    #[command(subcommand)]
    Flags(Flags),
    /// Show what was done for a request, in every process that took part, and how long each part took.
    ///
    /// A request's id is in the answer's `x-request-id` and in every error. Run it beside the process that viewers reach, while it
    /// runs; it remembers for an hour (telemetry in tessera.toml).
    ///
    /// Example: tessera trace req_0123456789abcdef0123456789abcdef
    Trace(Trace),
    /// Make, list, replace and revoke a tenant's API keys.
    ///
    /// Runs beside a server or without one. What it does stands in the audit trail under operator@machine.
    #[command(subcommand)]
    Key(Key),
    /// Read and check the record of what staff did.
    #[command(subcommand)]
    Audit(Audit),
    /// Print a contract's OpenAPI 3.1 document; without one, the table of all operations.
    Openapi {
        /// The contract's name, such as `catalog` or `catalog-management`.
        contract: Option<String>,
    },
    /// Print the AsyncAPI 3.0 document of the events that modules tell.
    Asyncapi,
    /// Check implementations against the published contracts.
    #[command(subcommand)]
    Contract(Contract),
    /// Back up all data at one instant, while a server runs.
    ///
    /// Each backup gets a folder of its own below FOLDER; blobs are shared, so that a later one copies only new ones. Keys
    /// are not in it: see `tessera keys export`.
    Backup(Backup),
    /// Restore a backup into an empty data folder, or verify one.
    Restore(Restore),
    /// Keys: what is sealed under which, new ones, an export of all.
    #[command(subcommand)]
    Keys(Keys),
    /// Certificates of modules that call each other from process to process, from an authority for development.
    ///
    /// docs/mtls.md says how they are used.
    #[command(subcommand)]
    Certs(Certs),
    /// Bring the data forward to this version, as a start does too.
    Migrate(Migrate),
    /// PostgreSQL for processes that hold one module each.
    #[command(subcommand)]
    Database(Database),
    /// Look for whatever would keep Tessera from running well here, and say what to do about it.
    ///
    /// It changes nothing, and works beside a running server. Exit code 1: something has to be mended.
    Doctor(Doctor),
}

/// Where state is, and where to listen.
#[derive(Args, Clone)]
pub(crate) struct Place {
    /// Folder of all state; made when it is not there. Default: `data`.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
    /// Port to listen on. Default: 8080.
    #[arg(long, conflicts_with = "listen")]
    pub(crate) port: Option<u16>,
    /// Address and port to listen on. Default: 127.0.0.1:8080, which only this machine reaches.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<SocketAddr>,
}

#[derive(Args)]
pub(crate) struct LogLevel {
    /// error, warn, info, debug or trace, or by target: info,tessera_store=debug. Without one, shows what stands.
    pub(crate) level: Option<String>,
    /// For how long, such as 10m; then the configured level comes back. Default: until the server stops.
    #[arg(long = "for", value_name = "TIME", value_parser = duration, requires = "level")]
    pub(crate) hold: Option<std::time::Duration>,
    /// Go back to the configured level now.
    #[arg(long, conflicts_with_all = ["level", "hold"])]
    pub(crate) reset: bool,
    /// The server's data folder. Default: `data`.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
}

impl LogLevel {
    /// Which server.
    pub(crate) fn place(&self) -> Place {
        Place { data: self.data.clone(), port: None, listen: None }
    }
}

#[derive(Args)]
pub(crate) struct Trace {
    /// A request's id, or a trace's: 32 hexadecimal digits.
    pub(crate) id: String,
    /// Print the spans as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// The server's data folder. Default: `data`.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
}

impl Trace {
    /// Which server.
    pub(crate) fn place(&self) -> Place {
        Place { data: self.data.clone(), port: None, listen: None }
    }
}

#[derive(Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Read every page of the databases and every byte of the films: minutes on large data.
    #[arg(long)]
    pub(crate) deep: bool,
    /// Print the findings as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Only these, with commas between them; the others are at the addresses of their sections. `front` is what viewers
    /// reach. Default: `modules` of the configuration, else everything that has no address.
    #[arg(long, value_name = "MODULE,…", value_delimiter = ',')]
    pub(crate) modules: Vec<Part>,
}

#[derive(Args)]
pub(crate) struct Up {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Do not make the demo tenant.
    #[arg(long)]
    pub(crate) no_demo: bool,
    /// Length of the generated films, in seconds.
    #[arg(long, default_value_t = 30, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(2..=600))]
    pub(crate) film_seconds: u32,
}

#[derive(Args)]
pub(crate) struct DemoArguments {
    /// The port is the front's.
    #[command(flatten)]
    pub(crate) place: Place,
    /// Length of the generated films, in seconds.
    #[arg(long, default_value_t = 30, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(2..=600))]
    pub(crate) film_seconds: u32,
}

#[derive(Args)]
pub(crate) struct Ingest {
    /// The video file.
    pub(crate) file: PathBuf,
    /// Name of the title.
    #[arg(long)]
    pub(crate) title: String,
    /// A paragraph about it.
    #[arg(long)]
    pub(crate) synopsis: Option<String>,
    /// Language of name and synopsis.
    #[arg(long, default_value = "en")]
    pub(crate) locale: Locale,
    /// A genre, such as `drama`; may be repeated.
    #[arg(long)]
    pub(crate) genre: Vec<String>,
    /// Year of first release.
    #[arg(long)]
    pub(crate) year: Option<u16>,
    /// A plan that includes it; may be repeated.
    #[arg(long)]
    pub(crate) plan: Vec<String>,
    /// Anybody who is signed in may watch it.
    #[arg(long)]
    pub(crate) free: bool,
    /// Deliver it in the clear, without encryption.
    #[arg(long)]
    pub(crate) clear: bool,
    /// Leave it a draft.
    #[arg(long)]
    pub(crate) draft: bool,
    #[command(flatten)]
    pub(crate) at: At,
    /// Print the title as JSON at the end.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Subcommand)]
pub(crate) enum Tenant {
    /// Make a tenant and print its first staff key, once.
    Create {
        /// Its name, a DNS label: `acme` is reached at acme.localhost and below the configured domains.
        tenant: TenantId,
        /// Its name for people. Default: the same.
        #[arg(long)]
        name: Option<String>,
        /// For trying things out: its clock can be moved forward, and its keys begin with sk_test_.
        #[arg(long)]
        test: bool,
        /// Language of its texts.
        #[arg(long, default_value = "en")]
        locale: Locale,
        /// A host name of its own; may be repeated.
        #[arg(long)]
        host: Vec<String>,
        #[command(flatten)]
        place: Place,
    },
    /// List the tenants.
    List(Place),
    /// Make a key for operators of this deployment: for making, suspending and exporting tenants by API.
    ///
    /// It works at platform.localhost and `platform` below the configured domains, and nowhere else. It is shown once.
    OperatorKey {
        /// What it is for, as lists and the audit trail show it.
        #[arg(long, default_value = "operator")]
        name: String,
        /// A host name at which it works too, such as admin.example.
        #[arg(long)]
        host: Option<String>,
        #[command(flatten)]
        place: Place,
    },
    /// Give a tenant a host name of its own, or take it away.
    Host {
        /// Which.
        tenant: TenantId,
        /// The host name, such as watch.example.
        host: String,
        /// Take it away.
        #[arg(long)]
        remove: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Write all data of a tenant into a file of JSON Lines, while a server runs or not.
    ///
    /// Passwords, keys and tokens are not in it; the file's first line lists what is not, and why.
    Export {
        /// Which; a suspended one too.
        tenant: TenantId,
        /// The new file. It is there when it is whole, and not before.
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
        #[command(flatten)]
        place: Place,
    },
    /// Refuse a tenant's requests from now on. Its data stays.
    Suspend {
        /// Which.
        tenant: TenantId,
        /// Why, for whoever looks later. Viewers are not told.
        #[arg(long)]
        reason: Option<String>,
        #[command(flatten)]
        place: Place,
    },
    /// Serve a suspended tenant again.
    Resume {
        /// Which.
        tenant: TenantId,
        #[command(flatten)]
        place: Place,
    },
    /// Move a test tenant's time forward, to see renewals and rentals end.
    Clock {
        /// Which.
        tenant: TenantId,
        /// How far, such as 36h, 31d or 90m.
        #[arg(value_parser = duration)]
        forward: std::time::Duration,
        #[command(flatten)]
        place: Place,
    },
}

/// Whose API keys.
#[derive(Args)]
pub(crate) struct KeyOf {
    /// The tenant; `platform` for operators of the deployment.
    #[arg(long)]
    pub(crate) tenant: TenantId,
    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Subcommand)]
pub(crate) enum Key {
    /// Make a key and print its secret, once.
    ///
    /// Example: tessera key create ingest --tenant acme --scope media:write --scope catalog:write --expires 90d
    Create {
        /// What it is for.
        name: String,
        /// What it may do, such as catalog:write, or * for everything; may be repeated.
        #[arg(long, required = true)]
        scope: Vec<String>,
        /// It stops working after this long, such as 90d. Default: never.
        #[arg(long, value_parser = duration)]
        expires: Option<std::time::Duration>,
        #[command(flatten)]
        of: KeyOf,
    },
    /// List the keys, newest first, with their scopes, ends and last uses.
    List {
        /// Print each as a line of JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        of: KeyOf,
    },
    /// Give a key a new secret and print it, once. The old one still works for a while.
    Rotate {
        /// Its id, key_…
        key: KeyId,
        /// For so long the old secret still works, 0s to 7d.
        #[arg(long, default_value = "24h", value_parser = duration)]
        grace: std::time::Duration,
        #[command(flatten)]
        of: KeyOf,
    },
    /// Take a key back. It and all its secrets work no more.
    Revoke {
        /// Its id, key_…
        key: KeyId,
        #[command(flatten)]
        of: KeyOf,
    },
}

#[derive(Subcommand)]
pub(crate) enum Audit {
    /// List what was done, newest first.
    List {
        /// The tenant; `platform` for what operators of the deployment did.
        #[arg(long)]
        tenant: TenantId,
        /// Only what this caller did: an API key's id, or operator@machine.
        #[arg(long)]
        subject: Option<String>,
        /// Only this operation, such as publish_title.
        #[arg(long)]
        operation: Option<String>,
        /// Only what was about the thing with this id.
        #[arg(long)]
        target: Option<String>,
        /// Records to list at most.
        #[arg(long, default_value_t = 100)]
        limit: usize,
        /// Print each as a line of JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Check that no record was removed or altered. Ends with 2 when one was.
    Verify {
        /// The tenant. Default: all.
        #[arg(long)]
        tenant: Option<TenantId>,
        /// An end that an earlier check printed and that was kept elsewhere: it has to be there still.
        #[arg(long, value_name = "NUMBER:HASH", requires = "tenant", value_parser = known)]
        known: Option<(i64, String)>,
        #[command(flatten)]
        place: Place,
    },
}

fn known(text: &str) -> Result<(i64, String), String> {
    let parts = text.split_once(':').and_then(|(number, hash)| Some((number.parse().ok()?, hash.to_owned())));
    parts.ok_or_else(|| "give what `tessera audit verify` printed: 120:5f3c…".into())
}

fn duration(text: &str) -> Result<std::time::Duration, String> {
    let unit = text.chars().last().unwrap_or_default();
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err("give a number and a unit: 90s, 30m, 36h, 31d".into()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| format!("{text:?} does not begin with a number"))?;
    number.checked_mul(seconds).map(std::time::Duration::from_secs).ok_or_else(|| format!("{text} is too far"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(duration("36h"), Ok(std::time::Duration::from_secs(36 * 3600)));
        for bad in ["", "36", "h", "-1d", "1w", "99999999999999999999d", "1é"] {
            assert!(duration(bad).is_err(), "{bad:?}");
        }
    }
}
