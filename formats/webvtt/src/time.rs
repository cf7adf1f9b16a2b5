//! Times as text: `00:01:02.345` (WebVTT §4.3.2, §6.1) and `00:01:02,345` (SubRip).

use crate::limits::MAX_TIME;

const HOUR: u64 = 3_600_000;
const MINUTE: u64 = 60_000;
const SECOND: u64 = 1_000;
/// The most digits that a field of a time is read with; every longer one is past [`MAX_TIME`].
const MAX_DIGITS: usize = 9;

/// A time in milliseconds as WebVTT writes it, hours always.
pub(crate) fn timestamp(time: u64) -> String {
    let (hours, minutes, seconds) = (time / HOUR, time / MINUTE % 60, time / SECOND % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02}.{:03}", time % SECOND)
}

/// Reads a WebVTT timestamp from the start of `text` ("collect a WebVTT timestamp"); returns what follows too.
pub(crate) fn webvtt(text: &str) -> Option<(u64, &str)> {
    let (first, rest) = digits(text)?;
    let (second, mut rest) = field(rest.strip_prefix(':')?)?;
    let (mut hours, mut minutes, mut seconds) = (0, first.value, second);
    if first.count != 2 || first.value > 59 || rest.starts_with(':') {
        let (third, after) = field(rest.strip_prefix(':')?)?;
        (hours, minutes, seconds, rest) = (first.value, second, third, after);
    }
    let (fraction, rest) = digits(rest.strip_prefix('.')?)?;
    if fraction.count != 3 || minutes > 59 || seconds > 59 {
        return None;
    }
    within(hours, minutes, seconds, fraction.value).map(|time| (time, rest))
}

/// Reads a SubRip time from the start of `text`: hours may be absent, a dot may stand for the comma, and up to three
/// digits after it are a number of milliseconds, not a fraction, as players have it.
pub(crate) fn subrip(text: &str) -> Option<(u64, &str)> {
    let (first, rest) = digits(text)?;
    let (second, rest) = digits(rest.strip_prefix(':')?)?;
    let (hours, minutes, seconds, rest) = match rest.strip_prefix(':').and_then(digits) {
        Some((third, rest)) => (first.value, second.value, third.value, rest),
        None => (0, first.value, second.value, rest),
    };
    let Some((fraction, rest)) = rest.strip_prefix([',', '.']).and_then(digits) else {
        return within(hours, minutes, seconds, 0).map(|time| (time, rest));
    };
    let excess = fraction.count.saturating_sub(3) as u32;
    let millis = fraction.value / 10u64.pow(excess);
    within(hours, minutes, seconds, millis).map(|time| (time, rest))
}

/// Two times with an arrow between them, each read by `time`; returns what follows too.
pub(crate) fn span(line: &str, time: fn(&str) -> Option<(u64, &str)>) -> Option<(u64, u64, &str)> {
    let (start, rest) = time(line.trim_start_matches(is_blank))?;
    let rest = rest.trim_start_matches(is_blank).strip_prefix("-->")?;
    let (end, rest) = time(rest.trim_start_matches(is_blank))?;
    Some((start, end, rest))
}

/// ASCII whitespace of the Infra standard.
pub(crate) fn is_blank(c: char) -> bool {
    c.is_ascii_whitespace()
}

struct Digits {
    value: u64,
    count: usize,
}

fn digits(text: &str) -> Option<(Digits, &str)> {
    let count = text.bytes().take_while(u8::is_ascii_digit).count();
    if count == 0 || count > MAX_DIGITS {
        return None;
    }
    let (digits, rest) = text.split_at(count);
    Some((Digits { value: digits.parse().ok()?, count }, rest))
}

/// Minutes or seconds: two digits.
fn field(text: &str) -> Option<(u64, &str)> {
    digits(text).filter(|(digits, _)| digits.count == 2).map(|(digits, rest)| (digits.value, rest))
}

/// Fields have at most nine digits, so the sum does not overflow.
fn within(hours: u64, minutes: u64, seconds: u64, millis: u64) -> Option<u64> {
    let time = hours * HOUR + minutes * MINUTE + seconds * SECOND + millis;
    (time <= MAX_TIME).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn webvtt_times_are_strict() {
        for (text, time) in [
            ("00:01.000", Some(1_000)),
            ("59:59.999", Some(3_599_999)),
            ("00:00:01.000", Some(1_000)),
            ("1:00:00.000", Some(3_600_000)),
            ("100:00:00.000", Some(360_000_000)),
            ("100000:00:00.000", Some(MAX_TIME)),
            ("100000:00:00.001", None),
            ("99999999999999999999:00:00.000", None),
            ("60:00.000", None),
            ("00:60.000", None),
            ("00:00:60.000", None),
            ("0:01.000", None),
            ("00:01,000", None),
            ("00:01.00", None),
            ("00:01.0000", None),
            ("-00:01.000", None),
            ("", None),
        ] {
            assert_eq!(webvtt(text).map(|(time, _)| time), time, "{text:?}");
        }
    }

    #[test]
    fn subrip_times_are_as_found() {
        for (text, time) in [
            ("00:00:01,500", Some(1_500)),
            ("00:00:01.500", Some(1_500)),
            ("0:0:1,5", Some(1_005)),
            ("00:00:01,500000", Some(1_500)),
            ("01:02,5", Some(62_005)),
            ("00:00:01", Some(1_000)),
            ("1:75:00,000", Some(8_100_000)),
            ("999999999:999999999:999999999,999999999", None),
            ("a", None),
        ] {
            assert_eq!(subrip(text).map(|(time, _)| time), time, "{text:?}");
        }
    }

    #[test]
    fn written_times_are_read_again() {
        for time in [0, 1, 999, 59_999, 3_599_999, 3_600_000, 359_999_999, 360_000_000, MAX_TIME] {
            assert_eq!(webvtt(&timestamp(time)), Some((time, "")));
        }
    }
}
