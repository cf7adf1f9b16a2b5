//! Commands about feature flags, which need no server: they read the file that one reads.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use tessera_types::{TenantId, Territory};

#[derive(Subcommand)]
pub(crate) enum Flags {
    /// Check a file of flag definitions: everything that is wrong with it, by line and column.
    ///
    /// A running server takes over a file that has nothing wrong and keeps what stood before otherwise. Flags that would do
    /// nothing (an operation that is not there, a text where true or false is asked for) are wrong here too; variants that nobody
    /// gets are noted. Ends with 2 when something is wrong.
    ///
    /// Example: tessera flags check flags.json
    Check {
        /// The file. Default: `file` of `[flags]`.
        file: Option<PathBuf>,
    },
    /// List the flags: what each does here, what it stands at by default, and whether a rule says otherwise for some.
    List {
        #[command(flatten)]
        at: FlagsAt,
    },
    /// Show what a flag stands at for a tenant or one of its accounts, why, and in which bucket of how many that is.
    ///
    /// Example: tessera flags explain operation.billing.create_checkout --tenant demo --account acc_0123456789
    Explain {
        /// The flag's key.
        key: String,
        /// The tenant.
        #[arg(long)]
        tenant: TenantId,
        /// The account that calls, or that a module asks about. Without it the tenant is what percentages go by.
        #[arg(long)]
        account: Option<String>,
        /// Where the viewer is, two capital letters.
        #[arg(long)]
        country: Option<Territory>,
        #[command(flatten)]
        at: FlagsAt,
    },
}

/// Which file.
#[derive(Args)]
pub(crate) struct FlagsAt {
    /// The file of flag definitions. Default: `file` of `[flags]`.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}
