//! What stands before the cues of a WebVTT file (§4.1, §4.3): style sheets and regions, and the timestamp map of HLS.

use crate::{Error, limits::MAX_HEADER, time};

/// Bytes that a block has besides its lines, at most.
const BLOCK: usize = "\n\nREGION\n".len();

/// Style sheets and regions of a track, each as the lines of its block.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    blocks: Vec<Block>,
    bytes: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Block {
    Style(String),
    Region(String),
}

impl Header {
    /// The style sheets (CSS), in order.
    pub fn styles(&self) -> impl Iterator<Item = &str> {
        self.blocks.iter().filter_map(|block| match block {
            Block::Style(text) => Some(text.as_str()),
            Block::Region(_) => None,
        })
    }

    /// The settings of each region, as text.
    pub fn regions(&self) -> impl Iterator<Item = &str> {
        self.blocks.iter().filter_map(|block| match block {
            Block::Region(text) => Some(text.as_str()),
            Block::Style(_) => None,
        })
    }

    /// The header as text, without a line end after its last line: the `config` of a `vttC` box.
    pub fn write(&self) -> String {
        self.write_with(None)
    }

    pub(crate) fn write_with(&self, map: Option<TimestampMap>) -> String {
        let mut text = "WEBVTT".to_owned();
        if let Some(map) = map {
            text.push_str(&format!("\nX-TIMESTAMP-MAP=MPEGTS:{},LOCAL:{}", map.mpegts, time::timestamp(map.local)));
        }
        for block in &self.blocks {
            let (name, lines) = match block {
                Block::Style(lines) => ("STYLE", lines),
                Block::Region(lines) => ("REGION", lines),
            };
            text.push_str(&format!("\n\n{name}\n{lines}"));
        }
        text
    }

    /// Adds the lines after `STYLE` or `REGION`, of which none is blank and none holds `-->`. Blocks without lines say
    /// nothing and are not kept.
    pub(crate) fn push(&mut self, is_style: bool, lines: &str) -> Result<(), Error> {
        if lines.is_empty() {
            return Ok(());
        }
        self.bytes += lines.len() + BLOCK;
        Error::check_limit("bytes of style sheets and regions", self.bytes as u64, MAX_HEADER as u64)?;
        let lines = lines.to_owned();
        self.blocks.push(if is_style { Block::Style(lines) } else { Block::Region(lines) });
        Ok(())
    }
}

/// Which time of the MPEG-2 clock a time of the cues is (RFC 8216bis §3.1.4), for segments of plain WebVTT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimestampMap {
    /// Ticks of the 90 kHz clock, as in the presentation times of the video's segments.
    pub mpegts: u64,
    /// The same moment on the cues' clock, in milliseconds.
    pub local: u64,
}

impl TimestampMap {
    /// Reads a line of a header; both orders of its fields are met.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let (mut mpegts, mut local) = (None, None);
        for field in line.strip_prefix("X-TIMESTAMP-MAP=")?.split(',').map(str::trim) {
            match field.split_once(':')? {
                ("MPEGTS", ticks) => mpegts = ticks.parse().ok(),
                ("LOCAL", text) => local = time::webvtt(text).filter(|(_, rest)| rest.is_empty()).map(|(time, _)| time),
                _ => {}
            }
        }
        Some(Self { mpegts: mpegts?, local: local? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamp_maps_are_read_in_both_orders() {
        let map = Some(TimestampMap { mpegts: 900_000, local: 1_000 });
        for (line, expected) in [
            ("X-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:01.000", map),
            ("X-TIMESTAMP-MAP=LOCAL:00:01.000, MPEGTS:900000", map),
            ("X-TIMESTAMP-MAP=LOCAL:00:01.000", None),
            ("X-TIMESTAMP-MAP=MPEGTS:-1,LOCAL:00:01.000", None),
            ("X-TIMESTAMP-MAP=", None),
            ("Kind: captions", None),
        ] {
            assert_eq!(TimestampMap::parse(line), expected, "{line}");
        }
    }
}
