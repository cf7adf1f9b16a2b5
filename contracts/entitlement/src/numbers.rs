//! Numbers of what travels by gRPC.

use tessera_contract::Numbers;

/// Fields and values, each list from number 1 on. A list grows at its end alone.
pub(crate) const NUMBERS: Numbers = &[
    ("DecisionRequest", &["viewing", "facts"]),
    ("Viewing", &["account_id", "territory", "age_limit"]),
    ("PlayFacts", &["title_id", "free", "plans", "available_from", "available_until", "territories", "minimum_age"]),
    ("Decision", &["allowed", "reason", "message", "grant_id", "holds_until", "max_streams"]),
    (
        "DecisionReason",
        &[
            "free",
            "plan",
            "title",
            "not_entitled",
            "grant_ended",
            "grant_revoked",
            "not_yet_available",
            "no_longer_available",
            "territory_blocked",
            "age_limit",
        ],
    ),
];
