//! What a server's answer means for a file that is fetched in pieces (RFC 9110 §14, §15).

use reqwest::{
    StatusCode,
    header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap},
};

/// What is known of a file from before: how long it is, and which version of it was begun.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) length: Option<u64>,
    pub(crate) etag: Option<String>,
}

/// What follows from an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The file's bytes, of which the first `skip` are here already.
    Body { length: u64, etag: Option<String>, skip: u64 },
    /// It is elsewhere.
    Elsewhere,
    /// Asking again later may help.
    Later,
    /// The server will not give it.
    Refused,
    /// It does not say how long it is.
    LengthUnknown,
    /// It is not what was begun.
    Changed,
}

/// Reads an answer to a request for everything from byte `from` on.
pub(crate) fn read(status: StatusCode, headers: &HeaderMap, from: u64, known: &Known) -> Answer {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    // A weak one does not promise the same bytes (RFC 9110 §8.8.1).
    let etag = text(ETAG).filter(|etag| etag.starts_with('"')).map(str::to_owned);
    let (begins, length) = match status {
        StatusCode::OK => (0, text(CONTENT_LENGTH).and_then(number)),
        StatusCode::PARTIAL_CONTENT => match text(CONTENT_RANGE).and_then(range) {
            Some((begins, length)) => (begins, Some(length)),
            None => return Answer::Changed,
        },
        StatusCode::RANGE_NOT_SATISFIABLE => return Answer::Changed,
        status if status.is_redirection() => return Answer::Elsewhere,
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => return Answer::Later,
        status if status.is_server_error() => return Answer::Later,
        _ => return Answer::Refused,
    };
    let Some(length) = length else { return Answer::LengthUnknown };
    let other_length = known.length.is_some_and(|known| known != length);
    let other_version = known.etag.is_some() && known.etag != etag;
    match begins <= from && from <= length && !other_length && !other_version {
        true => Answer::Body { length, etag, skip: from - begins },
        false => Answer::Changed,
    }
}

/// `bytes 10-99/100`: where it begins, and how long the whole is.
fn range(text: &str) -> Option<(u64, u64)> {
    let (range, length) = text.strip_prefix("bytes ")?.split_once('/')?;
    Some((number(range.split_once('-')?.0)?, number(length)?))
}

fn number(digits: &str) -> Option<u64> {
    let digits = digits.trim();
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&str, &str)], from: u64, known: &Known) -> Answer {
        let pair = |(name, value): &(&str, &str)| {
            (reqwest::header::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap())
        };
        read(StatusCode::from_u16(status).unwrap(), &headers.iter().map(pair).collect(), from, known)
    }

    #[test]
    fn an_answer_goes_on_where_the_last_ended_or_is_not_the_same_file() {
        let known = Known { length: Some(100), etag: Some("\"a\"".into()) };
        let body = |skip| Answer::Body { length: 100, etag: Some("\"a\"".into()), skip };
        let (a, b) = (("etag", "\"a\""), ("etag", "\"b\""));
        assert_eq!(answer(206, &[("content-range", "bytes 40-99/100"), a], 40, &known), body(0));
        assert_eq!(answer(206, &[("content-range", "bytes 30-99/100"), a], 40, &known), body(10));
        assert_eq!(answer(200, &[("content-length", "100"), a], 40, &known), body(40), "a server without ranges");
        for changed in [
            answer(206, &[("content-range", "bytes 41-99/100"), a], 40, &known),
            answer(206, &[("content-range", "bytes 40-99/*"), a], 40, &known),
            answer(206, &[a], 40, &known),
            answer(200, &[("content-length", "101"), a], 40, &known),
            answer(200, &[("content-length", "100"), b], 40, &known),
            answer(200, &[("content-length", "100")], 40, &known),
            answer(416, &[], 40, &known),
        ] {
            assert_eq!(changed, Answer::Changed);
        }
    }

    #[test]
    fn every_other_answer_has_its_meaning() {
        let none = Known::default();
        for (status, expected) in [
            (301, Answer::Elsewhere),
            (429, Answer::Later),
            (503, Answer::Later),
            (403, Answer::Refused),
            (404, Answer::Refused),
            (200, Answer::LengthUnknown),
        ] {
            assert_eq!(answer(status, &[], 0, &none), expected, "{status}");
        }
        let weak = answer(200, &[("content-length", "7"), ("etag", "W/\"a\"")], 0, &none);
        assert_eq!(weak, Answer::Body { length: 7, etag: None, skip: 0 });
    }
}
