//! `[sandbox_gateway]` of `tessera.toml`.

use std::time::Duration;

use serde::Deserialize;

/// Settings of the sandbox gateway.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SandboxGatewayConfig {
    /// How long a test card that times out keeps its caller waiting, in seconds. Default 2.
    pub answer_timeout_seconds: u32,
    /// How long the charge of a slow test card stays pending, in seconds. Default 20.
    pub pending_seconds: u32,
}

impl Default for SandboxGatewayConfig {
    fn default() -> Self {
        Self { answer_timeout_seconds: 2, pending_seconds: 20 }
    }
}

impl SandboxGatewayConfig {
    pub(crate) fn answer_timeout(&self) -> Duration {
        Duration::from_secs(self.answer_timeout_seconds.into())
    }

    pub(crate) fn pending(&self) -> Duration {
        Duration::from_secs(self.pending_seconds.into())
    }
}
