//! Attribute lists as they are written (RFC 8216bis §4.2): `NAME=value,NAME="value"`, safe against what values contain.

use std::fmt::{Display, Write};

use crate::Error;

/// One tag with its attributes, being written.
pub(crate) struct Attributes {
    line: String,
    separator: char,
}

impl Attributes {
    /// Begins a tag, given without `#` and colon.
    pub(crate) fn of(tag: &str) -> Self {
        Self { line: format!("#{tag}"), separator: ':' }
    }

    /// An enumerated string, a number, a hexadecimal sequence or a resolution: nothing from outside.
    pub(crate) fn plain(mut self, name: &'static str, value: impl Display) -> Self {
        // Writing to a String does not fail.
        let _ = write!(self.line, "{}{name}={value}", self.separator);
        self.separator = ',';
        self
    }

    /// A quoted string.
    pub(crate) fn quoted(self, attribute: &'static str, text: &str) -> Result<Self, Error> {
        match text.chars().any(|c| c == '"' || c.is_control()) {
            true => Err(Error::NotQuotable { attribute, text: text.to_owned() }),
            false => Ok(self.plain(attribute, format_args!("\"{text}\""))),
        }
    }

    /// A URI as a quoted string.
    pub(crate) fn uri(self, uri: &str) -> Result<Self, Error> {
        self.quoted("URI", checked_uri(uri)?)
    }

    /// The tag with its line end.
    pub(crate) fn line(mut self) -> String {
        self.line.push('\n');
        self.line
    }
}

/// A URI or relative reference that stands safely on a line of its own.
pub(crate) fn checked_uri(uri: &str) -> Result<&str, Error> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&b);
    match !uri.is_empty() && !uri.starts_with('#') && uri.bytes().all(allowed) {
        true => Ok(uri),
        false => Err(Error::NotUri(uri.to_owned())),
    }
}

/// Sixteen bytes as a hexadecimal sequence.
pub(crate) fn hexadecimal(bytes: &[u8; 16]) -> String {
    format!("0x{:032X}", u128::from_be_bytes(*bytes))
}

/// `numerator / denominator` with `digits` decimals, rounded to the nearest.
pub(crate) fn decimal(numerator: u64, denominator: u64, digits: u32) -> String {
    let unit = 10u128.pow(digits);
    let denominator = u128::from(denominator.max(1));
    let scaled = (u128::from(numerator) * unit + denominator / 2) / denominator;
    format!("{}.{:0width$}", scaled / unit, scaled % unit, width = digits as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_round_to_the_nearest() {
        for (numerator, denominator, digits, text) in
            [(30_000, 1_001, 3, "29.970"), (25, 1, 3, "25.000"), (1, 3, 6, "0.333333"), (2, 3, 6, "0.666667")]
        {
            assert_eq!(decimal(numerator, denominator, digits), text);
        }
        assert_eq!(decimal(u64::MAX, 1, 6), "18446744073709551615.000000");
    }

    #[test]
    fn uris_cannot_become_tags_or_lines() {
        for good in
            ["v/1.m4s", "../a.m3u8?x=1&y=%20", "https://cdn.example/a", "data:text/plain;base64,AA==", "skd://k"]
        {
            assert_eq!(checked_uri(good), Ok(good));
        }
        for bad in ["", "#EXT-X-ENDLIST", "a b", "a\nb", "a\rb", "a\"b", "ü", "a\\b", "a\u{2028}b"] {
            assert_eq!(checked_uri(bad), Err(Error::NotUri(bad.to_owned())));
        }
    }
}
