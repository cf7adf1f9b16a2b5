//! W3C Trace Context: the `traceparent` header.

use std::fmt;

use http::HeaderMap;

use crate::span::is_sampled;

/// The header that carries it.
pub const TRACE_HEADER: &str = "traceparent";

/// The position in a distributed trace (W3C Trace Context §3.2, version 00).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    /// The whole trace, never zero.
    pub trace_id: u128,
    /// The caller's span, never zero.
    pub parent_id: u64,
    /// Bit 0: sampled.
    pub flags: u8,
    /// Whether `parent_id` is a span that somebody has begun; not so at the beginning of a trace.
    pub begun: bool,
}

impl TraceContext {
    /// The beginning of a new trace.
    pub fn fresh() -> Self {
        let trace_id = rand::random::<u128>().max(1);
        let flags = u8::from(is_sampled(trace_id));
        Self { trace_id, parent_id: rand::random::<u64>().max(1), flags, begun: false }
    }

    /// A new span in the same trace.
    pub fn child(&self) -> Self {
        Self { parent_id: rand::random::<u64>().max(1), begun: true, ..*self }
    }

    /// Reads a `traceparent` header; `None` when it is not a valid one, and then a new trace begins (§4.3).
    pub fn parse(header: &str) -> Option<Self> {
        let mut parts = header.split('-');
        let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let hex = |text: &str, len: usize| {
            text.len() == len && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        if !(hex(version, 2) && hex(trace, 32) && hex(parent, 16) && hex(flags, 2)) || version == "ff" {
            return None;
        }
        if version == "00" && parts.next().is_some() {
            return None;
        }
        let context = Self {
            trace_id: u128::from_str_radix(trace, 16).ok()?,
            parent_id: u64::from_str_radix(parent, 16).ok()?,
            flags: u8::from_str_radix(flags, 16).ok()?,
            begun: true,
        };
        (context.trace_id != 0 && context.parent_id != 0).then_some(context)
    }

    /// What the headers say, if they do soundly.
    pub fn sent(headers: &HeaderMap) -> Option<Self> {
        headers.get(TRACE_HEADER).and_then(|value| Self::parse(value.to_str().ok()?))
    }

    /// Whether its spans are to leave the process.
    pub fn is_sampled(&self) -> bool {
        self.flags & 1 == 1
    }

    /// The same trace at the span that the headers name, where they are of the same trace: a signed context says to which
    /// trace a request belongs, and the front of the process that took it, which span that is here.
    #[must_use]
    pub fn at_front(self, headers: &HeaderMap) -> Self {
        let here = Self::sent(headers).filter(|here| here.trace_id == self.trace_id);
        here.map_or(self, |here| Self { flags: self.flags, ..here })
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.parent_id, self.flags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes_and_refuses_the_rest() {
        let begun = TraceContext::fresh().child();
        assert_eq!(TraceContext::parse(&begun.to_string()), Some(begun));
        for bad in [
            "",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra",
        ] {
            assert_eq!(TraceContext::parse(bad), None, "{bad:?}");
        }
    }
}
