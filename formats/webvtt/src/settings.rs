//! Where a cue is shown (WebVTT §4.4, §6.3).

use std::fmt;

use crate::time::is_blank;

/// The longest value that is kept: a region's id.
const MAX_VALUE: usize = 128;

/// A cue's settings, as text in which every setting is valid and none stands twice.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Settings(String);

impl Settings {
    /// Reads settings as players do: what is unknown or wrong is left out, and of two with one name the later counts.
    pub fn parse(text: &str) -> Self {
        let mut kept: Vec<(&str, &str)> = Vec::new();
        for (name, value) in text.split(is_blank).filter_map(|setting| setting.split_once(':')) {
            if !is_valid(name, value) {
                continue;
            }
            match kept.iter_mut().find(|(known, _)| *known == name) {
                Some(setting) => setting.1 = value,
                None => kept.push((name, value)),
            }
        }
        Self(kept.into_iter().map(|(name, value)| format!("{name}:{value}")).collect::<Vec<_>>().join(" "))
    }

    /// The settings as WebVTT writes them; empty when all are as usual.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_valid(name: &str, value: &str) -> bool {
    let (first, second) = match value.split_once(',') {
        Some((first, second)) => (first, Some(second)),
        None => (value, None),
    };
    let aligned = |names: &[&str]| second.is_none_or(|second| names.contains(&second));
    match name {
        "region" => !value.is_empty() && value.len() <= MAX_VALUE && !value.contains("-->") && !value.contains('\0'),
        "vertical" => matches!(value, "rl" | "lr"),
        "line" => is_line(first) && aligned(&["start", "center", "end"]),
        "position" => is_percentage(first) && aligned(&["line-left", "center", "line-right"]),
        "size" => is_percentage(value),
        "align" => matches!(value, "start" | "center" | "end" | "left" | "right"),
        _ => false,
    }
}

/// A percentage, or a number of lines that may count from the other end.
fn is_line(text: &str) -> bool {
    is_percentage(text) || is_number(text.strip_prefix('-').unwrap_or(text))
}

fn is_percentage(text: &str) -> bool {
    let number = text.strip_suffix('%').filter(|number| is_number(number));
    number.and_then(|number| number.parse::<f64>().ok()).is_some_and(|number| number <= 100.0)
}

/// Digits, and perhaps a dot with digits on both sides.
fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.len() <= 16 && text.split_once('.').map_or(digits(text), |(whole, part)| digits(whole) && digits(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_players_keep() {
        for (text, kept) in [
            ("", ""),
            (" line:0 \t align:start ", "line:0 align:start"),
            ("line:-1 line:50% line:1.5", "line:1.5"),
            ("line:84.66%,end position:10%,line-left size:35.5%", "line:84.66%,end position:10%,line-left size:35.5%"),
            ("line:101% line:- line:--1 line:1. line:.5 line:1,middle line:", ""),
            ("position:50 position:50%,start size:100.1% size:", ""),
            ("vertical:rl vertical:up align:middle align:", "vertical:rl"),
            ("region:fred A:middle T:50% :x", "region:fred"),
            ("region:a:b region:-->", "region:a:b"),
        ] {
            assert_eq!(Settings::parse(text).as_str(), kept, "{text:?}");
        }
    }
}
