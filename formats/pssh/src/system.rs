//! Protection systems and their ids (DASH-IF registry of content protection).

use std::fmt;

/// The UUID of a protection system, as in `SystemID` of the box and in a DASH `urn:uuid:`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SystemId(pub [u8; 16]);

impl SystemId {
    /// W3C common system, which ClearKey uses: `1077efec-c0b2-4d02-ace3-3c1e52e2fb4b`.
    pub const COMMON: Self = Self(0x1077efec_c0b2_4d02_ace3_3c1e52e2fb4b_u128.to_be_bytes());
    /// Widevine: `edef8ba9-79d6-4ace-a3c8-27dcd51d21ed`.
    pub const WIDEVINE: Self = Self(0xedef8ba9_79d6_4ace_a3c8_27dcd51d21ed_u128.to_be_bytes());
    /// PlayReady: `9a04f079-9840-4286-ab92-e65be0885f95`.
    pub const PLAYREADY: Self = Self(0x9a04f079_9840_4286_ab92_e65be0885f95_u128.to_be_bytes());
    /// FairPlay Streaming: `94ce86fb-07ff-4f43-adb8-93d2fa968ca2`.
    pub const FAIRPLAY: Self = Self(0x94ce86fb_07ff_4f43_adb8_93d2fa968ca2_u128.to_be_bytes());
}

impl fmt::Display for SystemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, byte) in self.0.iter().enumerate() {
            let dash = if matches!(place, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(f, "{dash}{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for SystemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SystemId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_written_as_uuids() {
        assert_eq!(SystemId::WIDEVINE.to_string(), "edef8ba9-79d6-4ace-a3c8-27dcd51d21ed");
        assert_eq!(SystemId::COMMON.to_string(), "1077efec-c0b2-4d02-ace3-3c1e52e2fb4b");
    }
}
