//! Lines with their numbers, whichever way they end.

use std::borrow::Cow;

/// A line without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// From 1.
    pub(super) number: usize,
    /// NUL is replaced, as WebVTT §6.1 asks.
    pub(super) text: Cow<'a, str>,
}

/// The lines of a text: each ends with line feed, carriage return, or both in this order.
#[derive(Debug, Clone)]
pub(super) struct Lines<'a> {
    rest: &'a str,
    number: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text, number: 0 }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let end = self.rest.find(['\n', '\r']).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix(['\n', '\r'])).unwrap_or(rest);
        self.number += 1;
        let text = if text.contains('\0') { text.replace('\0', "\u{fffd}").into() } else { text.into() };
        Some(Line { number: self.number, text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_in_three_ways() {
        let lines: Vec<_> = Lines::new("a\nb\r\nc\rd\r\r\n\n\0e").map(|line| (line.number, line.text)).collect();
        let expected = ["a", "b", "c", "d", "", "", "\u{fffd}e"].map(Cow::from);
        assert_eq!(lines, (1..).zip(expected).collect::<Vec<_>>());
    }
}
