//! A property that did not hold.

/// A property that did not hold, and what shows it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{property}\n  expected: {expected}\n  found:    {found}")]
pub struct Broken {
    /// The property, in words.
    pub property: &'static str,
    /// What must be so.
    pub expected: String,
    /// What is so.
    pub found: String,
}

impl Broken {
    /// A finding.
    pub fn new(property: &'static str, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { property, expected: expected.into(), found: found.into() }
    }
}

/// Fails with the rest when `holds` is false; texts are made only then.
macro_rules! hold {
    ($holds:expr, $property:expr, $expected:expr, $($found:tt)+) => {
        if !$holds {
            return Err($crate::Broken::new($property, $expected, format!($($found)+)));
        }
    };
}
pub(crate) use hold;

/// Transactions balance.
pub(crate) const BALANCE: &str = "every ledger transaction sums to zero";
/// Keys and charges.
pub(crate) const ONCE: &str = "a key has one effect";
/// Three views of the money.
pub(crate) const MONEY: &str = "what the gateway took, what the ledger says and what was sold are the same";
/// Nothing twice.
pub(crate) const NOT_TWICE: &str = "nothing is paid twice for the same time";
/// Canceling.
pub(crate) const CANCELED: &str = "a subscription whose cancellation was acknowledged is charged for no further period";
/// Access.
pub(crate) const ACCESS: &str = "access ⇔ live grant ∧ window ∧ territory ∧ rating (∧ slot, device for a lease)";
/// Restrictions.
pub(crate) const RESTRICTION: &str = "a restriction never turns a deny into an allow";
/// Leases.
pub(crate) const LEASES: &str = "leases never exceed the limit";
/// Revocations.
pub(crate) const REVOKED: &str = "an acknowledged revocation is seen by every later decision";
/// Grants.
pub(crate) const GRANTS: &str = "a grant is its source's latest statement; billing's are what was sold";
/// Time.
pub(crate) const ADVANCE: &str = "advance(a+b) equals advance(a); advance(b), byte for byte";
/// Events of the gateway.
pub(crate) const CONVERGES: &str = "any order and repetition of the gateway's answers ends the same";
/// Relay.
pub(crate) const RELAY: &str = "each event arrives, counts once, in its subject's order";
/// Ends.
pub(crate) const DECIDED: &str = "when faults end, every outcome becomes known";
/// Errors.
pub(crate) const NO_SURPRISE: &str = "without a fault nothing fails";
