//! A content key (ISO/IEC 23001-7): key id, key and the constant IV of `cbcs`.

use std::fmt;

use tessera_contract_drm as contract;
use tessera_types::AssetId;

/// One of an asset's keys. It never prints.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ContentKey {
    pub(crate) key_id: [u8; 16],
    pub(crate) key: [u8; 16],
    pub(crate) iv: [u8; 16],
}

impl ContentKey {
    /// A key of these random bytes.
    pub(crate) fn of_random(random: [[u8; 16]; 3]) -> Self {
        let [key_id, key, iv] = random;
        Self { key_id, key, iv }
    }

    /// As the packager gets it.
    pub(crate) fn to_contract(&self, asset_id: AssetId, label: Option<contract::KeyLabel>) -> contract::ContentKey {
        let (key_id, key, iv) = (hex(&self.key_id), hex(&self.key), hex(&self.iv));
        contract::ContentKey { asset_id, label, key_id, key: key.into(), iv }
    }
}

impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentKey {{ key_id: {}, … }}", hex(&self.key_id))
    }
}

/// 32 lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(*bytes))
}

/// The bytes of 32 hexadecimal digits.
pub(crate) fn from_hex(digits: &str) -> Option<[u8; 16]> {
    let exact = digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    let number = exact.then(|| u128::from_str_radix(digits, 16).ok())??;
    Some(number.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_its_id_alone() {
        let key = ContentKey::of_random([[0x01; 16], [0xab; 16], [0xcd; 16]]);
        assert_eq!(format!("{key:?}"), "ContentKey { key_id: 01010101010101010101010101010101, … }");
    }

    #[test]
    fn hexadecimal_goes_there_and_back() {
        let bytes = 0x00ff_1020_3040_5060_7080_90a0_b0c0_d0e0_u128.to_be_bytes();
        assert_eq!(from_hex(&hex(&bytes)), Some(bytes));
        for bad in ["", "00", "+0000000000000000000000000000000", "0000000000000000000000000000000g"] {
            assert_eq!(from_hex(bad), None, "{bad:?}");
        }
    }
}
