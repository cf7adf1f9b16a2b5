//! What can go wrong between us and a provider.

/// Why a provider signed nobody in, or was not asked.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// The configuration names no provider that can be one.
    #[error("{0}")]
    Configured(String),
    /// It cannot be reached, or says that it cannot serve now.
    #[error("the sign-in service at {issuer} does not answer: {why}")]
    Away {
        /// Which provider.
        issuer: String,
        /// What came instead of an answer.
        why: String,
    },
    /// It says no: the code or the sign-in does not hold.
    #[error("the sign-in service refused: {0}")]
    Refused(String),
    /// It answered what no provider may, or nothing that we could believe.
    #[error("the sign-in service at {issuer} answered what cannot be believed: {why}")]
    BadAnswer {
        /// Which provider.
        issuer: String,
        /// What is wrong.
        why: String,
    },
}
