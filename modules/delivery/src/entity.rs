//! Conditional and range requests (RFC 9110 §13, §14) on something whose size and tag are known before its bytes.

use std::ops::Range;

use http::{HeaderMap, header};

/// What of an entity is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selection {
    /// All of it: 200.
    Whole,
    /// These bytes: 206.
    Part(Range<u64>),
    /// Nothing, the client has it: 304.
    Unchanged,
    /// Nothing, there are no such bytes: 416.
    OutOfRange,
}

/// What `headers` of a GET or HEAD ask of an entity with this strong tag and length.
///
/// One range is served; several, or a malformed one, are as none (§14.2 allows it), for a player asks for one.
pub(crate) fn select(headers: &HeaderMap, tag: &str, length: u64) -> Selection {
    let text = |name| headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
    if text(header::IF_NONE_MATCH).is_some_and(|tags| names(tags, tag)) {
        return Selection::Unchanged;
    }
    let same = text(header::IF_RANGE).is_none_or(|wanted| wanted == tag);
    match text(header::RANGE).filter(|_| same).and_then(|range| parse(range, length)) {
        None => Selection::Whole,
        Some(range) if range.is_empty() => Selection::OutOfRange,
        Some(range) => Selection::Part(range),
    }
}

/// Whether a list of entity tags has `tag`; weakness does not count here (§13.1.2).
fn names(list: &str, tag: &str) -> bool {
    list.split(',').map(str::trim).any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}

/// The bytes that one `bytes` range means; empty when it lies outside; `None` when it is not one range.
fn parse(range: &str, length: u64) -> Option<Range<u64>> {
    let (unit, set) = range.split_once('=')?;
    let (first, last) = set.trim().split_once('-')?;
    let number = |digits: &str| {
        let digits = digits.trim();
        // More digits than a u64 has are past any end.
        let valid = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        valid.then(|| digits.parse().unwrap_or(u64::MAX))
    };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    match (first.trim().is_empty(), last.trim().is_empty()) {
        (true, _) => {
            let suffix = number(last)?;
            Some(length.saturating_sub(suffix)..length)
        }
        (false, true) => Some(number(first)?.min(length)..length),
        (false, false) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then(|| first.min(length)..last.saturating_add(1).min(length))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: &str = "\"abc\"";

    fn asked(pairs: &[(header::HeaderName, &str)]) -> Selection {
        let headers = pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        select(&headers, TAG, 100)
    }

    #[test]
    fn one_range_is_served_and_anything_else_is_none() {
        for (range, expected) in [
            ("bytes=0-0", Selection::Part(0..1)),
            ("bytes=10-19", Selection::Part(10..20)),
            ("Bytes = 10 - 19", Selection::Part(10..20)),
            ("bytes=90-", Selection::Part(90..100)),
            ("bytes=90-1000", Selection::Part(90..100)),
            ("bytes=0-99999999999999999999999", Selection::Part(0..100)),
            ("bytes=-1", Selection::Part(99..100)),
            ("bytes=-1000", Selection::Part(0..100)),
            ("bytes=100-", Selection::OutOfRange),
            ("bytes=100-200", Selection::OutOfRange),
            ("bytes=99999999999999999999999-", Selection::OutOfRange),
            ("bytes=-0", Selection::OutOfRange),
            ("bytes=20-10", Selection::Whole),
            ("bytes=0-1,5-6", Selection::Whole),
            ("bytes=a-b", Selection::Whole),
            ("bytes=+1-2", Selection::Whole),
            ("bytes=-", Selection::Whole),
            ("items=0-1", Selection::Whole),
            ("bytes", Selection::Whole),
        ] {
            assert_eq!(asked(&[(header::RANGE, range)]), expected, "{range}");
        }
    }

    #[test]
    fn a_client_that_has_it_gets_nothing() {
        for (tags, expected) in [
            (TAG, Selection::Unchanged),
            ("W/\"abc\"", Selection::Unchanged),
            ("\"x\", \"abc\"", Selection::Unchanged),
            ("*", Selection::Unchanged),
            ("\"x\"", Selection::Whole),
            ("abc", Selection::Whole),
        ] {
            assert_eq!(asked(&[(header::IF_NONE_MATCH, tags)]), expected, "{tags}");
        }
    }

    #[test]
    fn a_range_of_something_else_is_the_whole() {
        let range = (header::RANGE, "bytes=1-2");
        assert_eq!(asked(&[range.clone(), (header::IF_RANGE, TAG)]), Selection::Part(1..3));
        assert_eq!(asked(&[range.clone(), (header::IF_RANGE, "\"old\"")]), Selection::Whole);
        assert_eq!(asked(&[range, (header::IF_RANGE, "W/\"abc\"")]), Selection::Whole);
    }

    #[test]
    fn an_empty_entity_has_no_range() {
        let headers = [(header::RANGE, "bytes=0-".parse().unwrap())].into_iter().collect();
        assert_eq!(select(&headers, TAG, 0), Selection::OutOfRange);
    }
}
