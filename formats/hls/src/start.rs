//! Where playback starts when the viewer says nothing (RFC 8216bis §4.4.2.2).

use crate::attributes::Attributes;

/// `EXT-X-START`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// Milliseconds from the beginning, or when negative from the end.
    pub offset_milliseconds: i64,
    /// Show nothing before that time, even though the segment begins earlier.
    pub precise: bool,
}

impl Start {
    pub(crate) fn line(self) -> String {
        let sign = if self.offset_milliseconds < 0 { "-" } else { "" };
        let milliseconds = self.offset_milliseconds.unsigned_abs();
        let offset = format!("{sign}{}.{:03}", milliseconds / 1_000, milliseconds % 1_000);
        let line = Attributes::of("EXT-X-START").plain("TIME-OFFSET", offset);
        if self.precise { line.plain("PRECISE", "YES").line() } else { line.line() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_have_a_sign_and_three_decimals() {
        for (offset, precise, line) in [
            (0, false, "#EXT-X-START:TIME-OFFSET=0.000\n"),
            (-500, false, "#EXT-X-START:TIME-OFFSET=-0.500\n"),
            (90_050, true, "#EXT-X-START:TIME-OFFSET=90.050,PRECISE=YES\n"),
        ] {
            assert_eq!(Start { offset_milliseconds: offset, precise }.line(), line);
        }
    }
}
