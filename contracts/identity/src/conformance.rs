//! The rules that every implementation is held to.

use tessera_contract::conformance::Rule;

/// The rules.
pub const RULES: &[Rule] = &[];
