//! Commands about video files and playlists, which need no server, and about the assets of one that runs.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use tessera_types::{AssetId, TenantId};

#[derive(Subcommand)]
pub(crate) enum Media {
    /// Print what would be made of a video file: renditions, languages, bit rates, what is made first and in which parts. Nothing
    /// is made.
    ///
    /// Ends with 1 and the reason when the file would be refused. ffprobe looks at it without rights, as it does at every
    /// source, so it has to be readable to others.
    ///
    /// Example: tessera media plan film.mov
    Plan {
        /// The video file.
        file: PathBuf,
        /// The tenant whose ladder is taken, where it has one of its own.
        #[arg(long)]
        tenant: Option<TenantId>,
        /// Print the plan as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Look into an MP4 file or segment: its boxes, tracks and samples, and what is wrong with it.
    ///
    /// Clear or encrypted, whole or cut short. Each problem says where it is and what to do about it. Ends with 2 when there
    /// are problems.
    ///
    /// Example: tessera media inspect packaged/video-1.mp4 --samples 5
    Inspect {
        /// The file.
        file: PathBuf,
        /// Print everything as JSON.
        #[arg(long)]
        json: bool,
        /// List the first so many samples of each track, with what is encrypted of them.
        #[arg(long, default_value_t = 0, value_name = "N", value_parser = clap::value_parser!(u32).range(..=100_000))]
        samples: u32,
        /// List the first so many boxes.
        #[arg(long, default_value_t = 200, value_name = "N", value_parser = clap::value_parser!(u32).range(..=1_000_000))]
        boxes: u32,
    },
    /// List a running server's assets in the making: how far, how fast, how long yet, at what cost.
    ///
    /// Example: tessera media jobs
    Jobs {
        /// List those that are ready, have failed or were cancelled as well; newest first.
        #[arg(long)]
        all: bool,
        /// Print the assets as JSON, one a line.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        at: At,
    },
    /// Have a running server fetch a file into an upload, from an http or https address or a bucket that it was given.
    ///
    /// Example: tessera media pull s3://films/summer.mov
    Pull {
        /// The address: presigned ones work, and s3://BUCKET/KEY.
        #[arg(value_name = "URL")]
        address: String,
        #[command(flatten)]
        at: At,
    },
    /// Stop the work on an asset, whether it has begun or not. It can be retried until its upload expires.
    Cancel {
        /// The asset's id.
        asset: AssetId,
        #[command(flatten)]
        at: At,
    },
    /// Make an asset anew that has failed or was cancelled.
    Retry {
        /// The asset's id.
        asset: AssetId,
        #[command(flatten)]
        at: At,
    },
    /// Set when the turn of an asset comes that waits for a worker.
    Priority {
        /// The asset's id.
        asset: AssetId,
        /// -100 to 100: the highest of the tenant's goes first.
        #[arg(allow_negative_numbers = true, value_parser = clap::value_parser!(i8).range(-100..=100))]
        priority: i8,
        #[command(flatten)]
        at: At,
    },
    /// Print what was done to make an asset: what was run, what FFmpeg said, how it ended.
    Log {
        /// The asset's id.
        asset: AssetId,
        #[command(flatten)]
        at: At,
    },
}

/// A tenant of a running server.
#[derive(Args)]
pub(crate) struct At {
    /// Where the tenant is reached. Default: the demo tenant of a `tessera up` with this data folder.
    #[arg(long, env = "TESSERA_URL", requires = "key")]
    pub(crate) url: Option<String>,
    /// API key with the scope `media:read`, for changes `media:write`. Default: the demo tenant's.
    #[arg(long, env = "TESSERA_API_KEY", hide_env_values = true)]
    pub(crate) key: Option<String>,
    /// Data folder of the `tessera up` to use when no address is given.
    #[arg(long, value_name = "FOLDER", default_value = "data", env = "TESSERA_DATA")]
    pub(crate) data: PathBuf,
}

#[derive(Args)]
pub(crate) struct Package {
    /// MP4 files, progressive or fragmented.
    #[arg(required = true)]
    pub(crate) inputs: Vec<PathBuf>,
    /// Folder for what is made; made when it is not there.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: PathBuf,
    /// How samples are encrypted.
    #[arg(long, value_enum, default_value_t = PackageScheme::Cbcs)]
    pub(crate) scheme: PackageScheme,
    /// The key's id, 32 hexadecimal digits; public.
    #[arg(long, value_name = "HEX", requires = "key")]
    pub(crate) key_id: Option<String>,
    /// The key, 32 hexadecimal digits. Better in the environment, where `ps` does not show it.
    #[arg(long, value_name = "HEX", env = "TESSERA_CONTENT_KEY", hide_env_values = true)]
    pub(crate) key: Option<String>,
    /// The constant IV of cbcs, 32 hexadecimal digits; public. Default: the key's id.
    #[arg(long, value_name = "HEX")]
    pub(crate) iv: Option<String>,
    /// Where players ask for a ClearKey licence; said in the manifests.
    #[arg(long, value_name = "URL")]
    pub(crate) license_url: Option<String>,
    /// How long segments should be; video is cut at the key frames nearest to it.
    #[arg(long, default_value_t = 6, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=600))]
    pub(crate) segment_seconds: u32,
    /// Replace what an earlier run has made there.
    #[arg(long)]
    pub(crate) overwrite: bool,
}

/// How samples are encrypted (ISO/IEC 23001-7).
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum PackageScheme {
    /// AES-CBC with a pattern: what Apple, Widevine and PlayReady all play.
    Cbcs,
    /// AES-CTR, for older devices; take another key for every film.
    Cenc,
    /// Not at all.
    Clear,
}

#[derive(Subcommand)]
pub(crate) enum Hls {
    /// Check a playlist, and all that it names, against RFC 8216bis. Ends with 2 when a rule is broken; warnings are none.
    ///
    /// Each line of the output says where, what is there instead, and the clause of the standard.
    ///
    /// Example: tessera hls check packaged/main.m3u8
    Check {
        /// A file, or an address that begins with http:// or https://.
        playlist: String,
    },
}
