//! The command line.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand};
use tessera_types::{Locale, TenantId};

/// Tessera: an open, self-hostable video streaming platform.
///
/// Start with `tessera up`: it needs nothing but this binary, FFmpeg and a folder.
#[derive(Parser)]
#[command(name = "tessera", version, arg_required_else_help = true)]
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

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run everything in one process, with a demo tenant to look at.
    ///
    /// The first time it makes the tenant `demo` with three short films, which takes a minute or two; after that it
    /// starts in about a second, with everything still there. Ctrl-C drains and stops.
    Up(Up),
    /// Run everything in one process, as configured, without a demo.
    Serve(Place),
    /// Upload a video file, transcode and package it, and publish it as a title.
    ///
    /// Takes MP4, MOV, MKV and WebM with H.264, HEVC, VP9 or AV1; anything else is refused with the reason.
    ///
    /// Example: tessera ingest film.mp4 --title "My film" --plan basic
    Ingest(Ingest),
    /// Make and look after tenants: one operator's service each, with a host name, viewers and a catalog of its own.
    #[command(subcommand)]
    Tenant(Tenant),
    /// Print a contract's OpenAPI 3.1 document; without one, the table of all operations.
    Openapi {
        /// The contract's name, such as `catalog` or `catalog-management`.
        contract: Option<String>,
    },
    /// Check implementations against the published contracts.
    #[command(subcommand)]
    Contract(Contract),
    /// Look for whatever would keep Tessera from running well here, and say what to do about it.
    Doctor(Place),
}

/// Where state is, and where to listen.
#[derive(Args)]
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
    /// Where the tenant is reached. Default: the demo tenant of a `tessera up` with this data folder.
    #[arg(long, env = "TESSERA_URL", requires = "key")]
    pub(crate) url: Option<String>,
    /// API key with the scopes `media:write` and `catalog:write`. Default: the demo tenant's.
    #[arg(long, env = "TESSERA_API_KEY", hide_env_values = true)]
    pub(crate) key: Option<String>,
    /// Data folder of the `tessera up` to use when no address is given.
    #[arg(long, value_name = "FOLDER", default_value = "data", env = "TESSERA_DATA")]
    pub(crate) data: PathBuf,
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
    /// Refuse a tenant's requests from now on. Its data stays.
    Suspend {
        /// Which.
        tenant: TenantId,
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

#[derive(Subcommand)]
pub(crate) enum Contract {
    /// Run a contract's rules against an implementation and print a line for each.
    ///
    /// Against a stranger's implementation give `--fixtures` with credentials and starting state; against a deployment of
    /// one's own give `--data` and two of its tenants.
    Check {
        /// The contract's name, such as `entitlement`.
        contract: String,
        /// Its address, mount included: http://127.0.0.1:8080/entitlement
        #[arg(long)]
        url: String,
        /// JSON with `state`, `credentials` and `hosts`; docs/conformance.md describes it.
        #[arg(long, value_name = "FILE")]
        fixtures: Option<PathBuf>,
        /// Data folder of the deployment: calls are signed with its secret, as a module of it.
        #[arg(long, value_name = "FOLDER", requires = "tenants")]
        data: Option<PathBuf>,
        /// Two tenants of the deployment, such as demo,other.
        #[arg(long, value_delimiter = ',')]
        tenants: Vec<TenantId>,
        /// Print the report as JSON.
        #[arg(long)]
        json: bool,
    },
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
