//! What can go wrong with any operation of any contract, and how a contract's own errors are declared.

use std::{error::Error, fmt, sync::Arc, time::Duration};

/// The failures every operation shares, with their codes on the wire and HTTP status.
macro_rules! failure_kinds {
    ($($(#[$doc:meta])* $kind:ident = $status:literal $code:literal;)*) => {
        /// What kind of failure, independent of the contract.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum FailureKind { $($(#[$doc])* $kind,)* }

        impl FailureKind {
            /// Every kind.
            pub const ALL: &[FailureKind] = &[$(FailureKind::$kind,)*];

            /// The stable code on the wire.
            pub const fn code(self) -> &'static str {
                match self { $(FailureKind::$kind => $code,)* }
            }
            /// The HTTP status.
            pub const fn status(self) -> u16 {
                match self { $(FailureKind::$kind => $status,)* }
            }
            /// The kind with this code.
            pub fn from_code(code: &str) -> Option<Self> {
                match code { $($code => Some(FailureKind::$kind),)* _ => None }
            }
        }
    };
}

failure_kinds! {
    /// The request does not say what the contract wants; `param` names the field.
    InvalidRequest = 400 "invalid_request";
    /// The operation creates or charges and wants an `Idempotency-Key`.
    IdempotencyKeyRequired = 400 "idempotency_key_required";
    /// No credential, or one that does not hold here.
    Unauthenticated = 401 "unauthenticated";
    /// The credential holds but lacks the role or scope.
    Forbidden = 403 "forbidden";
    /// There is nothing at this path.
    NotFound = 404 "not_found";
    /// The path is right and the method is not.
    MethodNotAllowed = 405 "method_not_allowed";
    /// The same idempotency key came with another request.
    IdempotencyConflict = 409 "idempotency_conflict";
    /// A request with the same idempotency key is still running.
    InProgress = 409 "in_progress";
    /// Someone else edited first: `expected_version` is not the current version.
    VersionConflict = 412 "version_conflict";
    /// The body is larger than the operation takes.
    PayloadTooLarge = 413 "payload_too_large";
    /// The body is not of a type that the operation takes.
    UnsupportedMediaType = 415 "unsupported_media_type";
    /// Too many requests; `Retry-After` says when to come back.
    RateLimited = 429 "rate_limited";
    /// A fault of ours; the log has the request id.
    Internal = 500 "internal";
    /// Another module answered something that its contract does not allow.
    BadAnswer = 502 "bad_answer";
    /// What this needs cannot be reached now; trying again later may help.
    Unavailable = 503 "unavailable";
    /// The operator has switched this off for now, by a flag that the detail names; `Retry-After` says when to ask again.
    SwitchedOff = 503 "switched_off";
    /// The answer would have come after the caller's deadline.
    DeadlineExceeded = 504 "deadline_exceeded";
}

/// A failure that any operation can have.
///
/// Its `detail` is for the caller to read; the `source` is for the log alone and never leaves the process.
#[derive(Debug, Clone)]
pub struct Failure {
    /// What kind.
    pub kind: FailureKind,
    /// What was being done, with what, and what to do about it.
    pub detail: String,
    /// The request field at fault, if one is.
    pub param: Option<String>,
    /// When to come back, if that is known.
    pub retry_after: Option<Duration>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl Failure {
    /// A failure of `kind` with a `detail` that a caller can act on.
    pub fn new(kind: FailureKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), param: None, retry_after: None, source: None }
    }

    /// The request's field `param` is wrong.
    pub fn invalid(param: &str, detail: impl Into<String>) -> Self {
        Self { param: Some(param.into()), ..Self::new(FailureKind::InvalidRequest, detail) }
    }

    /// A fault of ours: `doing` says what was being done; the cause goes to the log.
    pub fn internal(doing: &str, source: impl Error + Send + Sync + 'static) -> Self {
        Self { source: Some(Arc::new(source)), ..Self::new(FailureKind::Internal, doing) }
    }

    /// Something this needs cannot be reached: `doing` says what was being done; the cause goes to the log.
    pub fn unavailable(doing: &str, source: impl Error + Send + Sync + 'static) -> Self {
        Self { source: Some(Arc::new(source)), ..Self::new(FailureKind::Unavailable, doing) }
    }

    /// The current version is not the expected one.
    pub fn version_conflict(expected: i64, current: i64) -> Self {
        let detail = format!("expected version {expected}, the current version is {current}: read it again and retry");
        Self { param: Some("expected_version".into()), ..Self::new(FailureKind::VersionConflict, detail) }
    }

    /// As another process reported it.
    pub(crate) fn reported(
        kind: FailureKind,
        detail: String,
        param: Option<String>,
        retry_after: Option<Duration>,
    ) -> Self {
        Self { param, retry_after, ..Self::new(kind, detail) }
    }

    /// The same failure with the time to wait before coming back.
    pub fn retry_after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|e| e as &(dyn Error + 'static))
    }
}

/// A contract's closed set of errors; made by [`crate::errors!`].
pub trait ContractError: Error + From<Failure> + Send + Sync + 'static {
    /// Code, HTTP status and meaning of each of the contract's own errors.
    const CODES: &'static [ErrorCode];
    /// The code on the wire.
    fn code(&self) -> &str;
    /// The HTTP status.
    fn status(&self) -> u16;
    /// The shared failure, if it is one and not the contract's own.
    fn failure(&self) -> Option<&Failure>;
    /// Back from the wire: a known code, else the unknown case.
    fn from_wire(code: &str, status: u16, detail: String) -> Self;
}

/// One error of a contract, as documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorCode {
    /// Stable code.
    pub code: &'static str,
    /// HTTP status.
    pub status: u16,
    /// What it means and what to do.
    pub meaning: &'static str,
}

/// Declares a contract's error enum. Every variant carries the detail that the caller reads.
///
/// ```
/// tessera_contract::errors! {
///     /// Why a catalog operation failed.
///     pub enum CatalogError {
///         /// No such title, or it is not published.
///         TitleNotFound = 404 "title_not_found",
///     }
/// }
/// ```
#[macro_export]
macro_rules! errors {
    ($(#[$outer:meta])* pub enum $name:ident {
        $($(#[doc = $meaning:literal])+ $variant:ident = $status:literal $code:literal,)*
    }) => {
        $(#[$outer])*
        #[derive(Debug, Clone)]
        pub enum $name {
            $($(#[doc = $meaning])+ $variant(String),)*
            /// What any operation can fail with.
            Failure($crate::Failure),
            /// A code that this version of the contract does not know; behave by its status class.
            Unknown {
                /// The code as sent.
                code: String,
                /// The HTTP status as sent.
                status: u16,
                /// The detail as sent.
                detail: String,
            },
        }

        impl $crate::ContractError for $name {
            const CODES: &'static [$crate::ErrorCode] = &[
                $($crate::ErrorCode { code: $code, status: $status, meaning: concat!($($meaning),+).trim_ascii() },)*
            ];
            fn code(&self) -> &str {
                match self {
                    $(Self::$variant(_) => $code,)*
                    Self::Failure(failure) => failure.kind.code(),
                    Self::Unknown { code, .. } => code,
                }
            }
            fn status(&self) -> u16 {
                match self {
                    $(Self::$variant(_) => $status,)*
                    Self::Failure(failure) => failure.kind.status(),
                    Self::Unknown { status, .. } => *status,
                }
            }
            fn failure(&self) -> Option<&$crate::Failure> {
                match self {
                    Self::Failure(failure) => Some(failure),
                    _ => None,
                }
            }
            fn from_wire(code: &str, status: u16, detail: String) -> Self {
                match code {
                    $($code => Self::$variant(detail),)*
                    _ => match $crate::FailureKind::from_code(code) {
                        Some(kind) => Self::Failure($crate::Failure::new(kind, detail)),
                        None => Self::Unknown { code: code.to_owned(), status, detail },
                    },
                }
            }
        }

        impl From<$crate::Failure> for $name {
            fn from(failure: $crate::Failure) -> Self {
                Self::Failure(failure)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self {
                    $(Self::$variant(detail) => f.write_str(detail),)*
                    Self::Failure(failure) => failure.fmt(f),
                    Self::Unknown { code, status, detail } => write!(f, "{code} ({status}): {detail}"),
                }
            }
        }

        impl std::error::Error for $name {
            fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
                match self {
                    Self::Failure(failure) => Some(failure),
                    _ => None,
                }
            }
        }
    };
}
