//! The secrets that are replaced by command: what each is for, and how it is known that an old key is done with.

use std::time::Duration;

use tessera_store::Snapshot;

use crate::{config::Root, deployment::CX_SECRET, error::CommandError};

/// A secret, by the name of its file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ring {
    pub(crate) name: &'static str,
    pub(crate) purpose: Purpose,
}

/// What a secret's keys do.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    /// They seal what `module` stores; `sealed_under` counts it by key.
    Seals { module: &'static str, sealed_under: &'static str },
    /// It proves what `module` has stored, from the first on: it is needed as long as that is, and never replaced.
    Proves { module: &'static str, proved_under: &'static str },
    /// They sign what is handed out.
    Signs,
}

/// All of them.
pub(crate) const ALL: &[Ring] = &[
    seals("media-master", "media", tessera_media::SEALED_UNDER),
    seals("drm-master", "drm", tessera_drm::SEALED_UNDER),
    seals("identity-master", "identity", tessera_identity::SEALED_UNDER),
    seals("webhooks-master", "webhooks", tessera_webhooks::SEALED_UNDER),
    Ring {
        name: "audit-chain",
        purpose: Purpose::Proves { module: "audit", proved_under: tessera_audit::PROVED_UNDER },
    },
    Ring { name: "url-signing", purpose: Purpose::Signs },
    Ring { name: "licence-tokens", purpose: Purpose::Signs },
    Ring { name: CX_SECRET, purpose: Purpose::Signs },
];

const fn seals(name: &'static str, module: &'static str, sealed_under: &'static str) -> Ring {
    Ring { name, purpose: Purpose::Seals { module, sealed_under } }
}

/// The ring of this name; for the command line.
pub(crate) fn by_name(name: &str) -> Result<Ring, String> {
    let known = || ALL.iter().map(|ring| ring.name).collect::<Vec<_>>().join(", ");
    ALL.iter().copied().find(|ring| ring.name == name).ok_or_else(|| format!("the secrets are {}", known()))
}

/// How much is stored under each key of the ring; nothing where it signs.
pub(crate) async fn sealed_under(snapshot: &mut Snapshot, ring: &Ring) -> Result<Vec<(String, i64)>, CommandError> {
    match ring.purpose {
        Purpose::Seals { module, sealed_under: sql } | Purpose::Proves { module, proved_under: sql } => {
            Ok(snapshot.all(module, sql).await?)
        }
        Purpose::Signs => Ok(vec![]),
    }
}

/// How long what a key has made is around after the key was replaced, besides what is stored sealed.
pub(crate) fn outlives(ring: &Ring, root: &Root) -> Duration {
    match ring.name {
        "url-signing" => Duration::from_secs(root.delivery.url_seconds.saturating_add(root.delivery.url_step_seconds)),
        "licence-tokens" => root.drm.token,
        // Sealed beside the rows: answers that idempotency keys bring back, and sign-ins under way.
        "identity-master" => root.retention.of_stores().idempotency,
        CX_SECRET => Duration::from_secs(30),
        _ => Duration::ZERO,
    }
}
