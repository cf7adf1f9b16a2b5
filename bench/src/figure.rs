//! A figure: what was measured, beside what, and what was wanted.

use serde::Serialize;

/// Which way a figure is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Better {
    Higher,
    Lower,
}

/// One line of the table and of `summary.json`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) ours: f64,
    pub(crate) unit: &'static str,
    /// What it stands beside: a program measured in the same run, or `limit`, which is what was set out to reach.
    pub(crate) peer: String,
    pub(crate) peer_value: f64,
    /// `ours / peer_value`.
    pub(crate) ratio: f64,
    pub(crate) better: Better,
    /// How it was measured.
    #[serde(skip)]
    pub(crate) method: String,
    /// The ratio that was set out to reach; none where the peer only stands beside it.
    #[serde(skip)]
    pub(crate) wanted: Option<f64>,
}

impl Figure {
    /// Beside a peer of the same run.
    pub(crate) fn beside(name: &str, ours: f64, unit: &'static str, better: Better, peer: (&str, f64)) -> Self {
        let (peer, peer_value) = (peer.0.to_owned(), peer.1);
        let ratio = ours / peer_value;
        Self { name: name.into(), ours, unit, peer, peer_value, ratio, better, method: String::new(), wanted: None }
    }

    /// Against what was set out to reach.
    pub(crate) fn against(name: &str, ours: f64, unit: &'static str, better: Better, limit: f64) -> Self {
        Self { wanted: Some(1.0), ..Self::beside(name, ours, unit, better, ("limit", limit)) }
    }

    /// The same with a wanted ratio.
    pub(crate) fn wanting(self, ratio: f64) -> Self {
        Self { wanted: Some(ratio), ..self }
    }

    /// The same with how it was measured; told at once, for a run takes minutes.
    pub(crate) fn by(self, method: impl Into<String>) -> Self {
        let (ours, theirs) = (number(self.ours), number(self.peer_value));
        eprintln!("{}: {ours} {} ({} {theirs})", self.name, self.unit, self.peer);
        Self { method: method.into(), ..self }
    }

    /// Whether what was wanted was reached; `None` where nothing was.
    pub(crate) fn reached(&self) -> Option<bool> {
        self.wanted.map(|wanted| match self.better {
            Better::Higher => self.ratio >= wanted,
            Better::Lower => self.ratio <= wanted,
        })
    }
}

/// The table, in Markdown.
pub(crate) fn table(figures: &[Figure]) -> String {
    let mut text =
        String::from("| figure | ours | peer | ratio | wanted | method |\n| --- | ---: | ---: | ---: | --- | --- |\n");
    for figure in figures {
        let wanted = match (figure.better, figure.wanted, figure.reached()) {
            (Better::Higher, Some(wanted), Some(reached)) => format!("≥ {} {}", number(wanted), mark(reached)),
            (Better::Lower, Some(wanted), Some(reached)) => format!("≤ {} {}", number(wanted), mark(reached)),
            _ => "shown".into(),
        };
        text.push_str(&format!(
            "| {} | {} {} | {} {} | {} | {wanted} | {} |\n",
            figure.name,
            number(figure.ours),
            figure.unit,
            figure.peer,
            number(figure.peer_value),
            number(figure.ratio),
            figure.method,
        ));
    }
    text
}

fn mark(reached: bool) -> &'static str {
    if reached { "✓" } else { "✗" }
}

/// Three significant digits, thousands apart.
fn number(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    let digits = 2 - value.abs().log10().floor() as i32;
    if digits > 0 {
        return format!("{value:.*}", usize::try_from(digits).unwrap_or(0));
    }
    let text = format!("{:.0}", value.round());
    let mut grouped = String::new();
    for (at, digit) in text.chars().enumerate() {
        if at > 0 && (text.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        for (value, text) in
            [(1234567.0, "1,234,567"), (14.3, "14.3"), (0.123456, "0.123"), (999.6, "1,000"), (7.0, "7.00")]
        {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn a_figure_is_reached_in_its_direction() {
        let higher = Figure::beside("x", 6.0, "1/s", Better::Higher, ("y", 10.0)).wanting(0.5);
        let lower = Figure::against("x", 1.5, "s", Better::Lower, 1.0);
        assert_eq!((higher.reached(), lower.reached()), (Some(true), Some(false)));
    }
}
