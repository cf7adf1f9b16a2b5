//! What of a tenant's rows leaves with it, and what stays.

use tessera_store::{TenantTable, TenantTables};

/// Every table of the module that has a tenant.
pub static TABLES: TenantTables = TenantTables {
    module: "identity",
    exported: &[
        TenantTable::new("accounts", &["account_id"], &["account_id", "email", "created_at", "version"])
            .without(&[("password_hash", "a password can be guessed from its hash; people choose a new one")]),
        TenantTable::new(
            "api_keys",
            &["key_id"],
            &[
                "key_id",
                "name",
                "scopes",
                "created_at",
                "prefix",
                "created_by",
                "expires_at",
                "rotated_at",
                "last_used_at",
                "last_used_address",
                "revoked_at",
            ],
        )
        .without(&[("secret_hash", "keys are made anew")]),
        TenantTable::new("subjects", &["issuer", "subject"], &["issuer", "subject", "account_id"]),
    ],
    withheld: &[
        ("replaced_secrets", "keys are made anew"),
        ("sign_ins", "sign-ins end with the move"),
        ("grants", "sign-ins end with the move"),
        ("codes", "sign-ins under way end with the move"),
        ("refresh_tokens", "sign-ins end with the move"),
        ("signing_keys", "an issuer elsewhere signs with keys of its own"),
        ("sessions", "sign-ins end with the move"),
    ],
};
