//! Messages in the bodies of HTTP/2 (gRPC over HTTP2, "Length-Prefixed-Message", "Timeout").

use std::time::Duration;

use axum::http::{HeaderMap, header};
use bytes::{BufMut, Bytes, BytesMut};

/// The media type of both sides' bodies.
pub(crate) const ACCEPTED: &str = "application/grpc";
/// Bytes before a message.
pub(crate) const PREFIX: usize = 5;

/// Whether a body is said to be of gRPC messages as we make them.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.strip_prefix(ACCEPTED).is_some_and(|rest| matches!(rest, "" | "+proto") || rest.starts_with(';'))
}

/// The one message of a call's body.
pub(crate) fn framed(message: &[u8]) -> Bytes {
    let mut body = BytesMut::with_capacity(PREFIX + message.len());
    body.put_u8(0);
    body.put_u32(u32::try_from(message.len()).expect("no message of ours has 4 GiB"));
    body.put_slice(message);
    body.freeze()
}

/// The one message in a body; the text says why there is none.
pub(crate) fn unframed(body: &[u8]) -> Result<&[u8], &'static str> {
    let (prefix, message) = body.split_first_chunk::<PREFIX>().ok_or("the body has no message")?;
    if prefix[0] != 0 {
        return Err("the message is compressed, and identity is the only encoding here");
    }
    let length = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]);
    match message.len() as u64 == u64::from(length) {
        true => Ok(message),
        false => Err("the body is not one whole message"),
    }
}

/// How long the caller waits, as it says; `None` where it says nothing that can be read.
pub(crate) fn timeout_of(headers: &HeaderMap) -> Option<Duration> {
    let said = headers.get("grpc-timeout")?.to_str().ok()?;
    let (count, unit) = said.split_at_checked(said.len().checked_sub(1)?)?;
    let digits = (1..=8).contains(&count.len()) && count.bytes().all(|byte| byte.is_ascii_digit());
    let count: u64 = count.parse().ok().filter(|_| digits)?;
    Some(match unit {
        "H" => Duration::from_secs(count * 3600),
        "M" => Duration::from_secs(count * 60),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return None,
    })
}

/// What is left, as `grpc-timeout` says it: in milliseconds, at most eight digits.
pub(crate) fn timeout_value(left: Duration) -> String {
    format!("{}m", left.as_millis().min(99_999_999))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_message_is_taken_whole_or_not_at_all() {
        assert_eq!(unframed(&framed(b"abc")), Ok(&b"abc"[..]));
        assert_eq!(unframed(&framed(b"")), Ok(&b""[..]));
        for body in
            [&b""[..], b"\0\0\0\0", b"\x01\0\0\0\0", b"\0\0\0\0\x01", b"\0\0\0\0\0\0\0\0\0\0", b"\0\xff\xff\xff\xff"]
        {
            assert!(unframed(body).is_err(), "{body:?}");
        }
    }

    #[test]
    fn timeouts_are_read_in_every_unit() {
        let read =
            |text: &str| timeout_of(&HeaderMap::from_iter([("grpc-timeout".parse().unwrap(), text.parse().unwrap())]));
        assert_eq!(read(&timeout_value(Duration::from_millis(2500))), Some(Duration::from_millis(2500)));
        assert_eq!(read("1H"), Some(Duration::from_secs(3600)));
        assert_eq!(read("20u"), Some(Duration::from_micros(20)));
        for wrong in ["", "m", "5", "123456789m", "-1S", "1s"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
