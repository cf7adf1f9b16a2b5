//! Numbers of what travels by gRPC.

use tessera_contract::Numbers;

/// Fields, each list from number 1 on. A list grows at its end alone.
pub(crate) const NUMBERS: Numbers = &[
    ("StartPlayback", &["title_id", "device_id", "device_name", "profile_id"]),
    (
        "Playback",
        &[
            "session_id",
            "title_id",
            "profile_id",
            "sources",
            "licence",
            "resume_position_seconds",
            "heartbeat_after_seconds",
            "lease_expires_at",
        ],
    ),
    ("Source", &["name", "hls_url", "dash_url"]),
    ("Licence", &["servers", "token"]),
    ("LicenceServer", &["key_system", "url"]),
];
