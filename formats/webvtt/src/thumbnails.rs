//! Thumbnails for the seek bar: a WebVTT track whose cues name tiles of one picture (media fragments, W3C §4.2.2).

use std::fmt::Write;

use crate::{Error, limits::MAX_CUES, limits::MAX_TIME, time};

/// A picture of equal tiles, in rows from the left and the top, one for each interval of a presentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thumbnails {
    /// Where the picture is.
    pub uri: String,
    /// Width and height of a tile in pixels.
    pub tile: (u32, u32),
    /// Tiles in a row.
    pub columns: u32,
    /// Tiles in all.
    pub count: u32,
    /// How long each stands for, in milliseconds.
    pub interval: u64,
    /// How long the presentation is, in milliseconds: the last tile ends with it.
    pub duration: u64,
}

impl Thumbnails {
    /// The track as a WebVTT file. Tiles past the duration are left out, and the last one stays until it ends. Errors
    /// when a size, a count or a time is zero or too large, or the URI is none.
    pub fn write(&self) -> Result<String, Error> {
        self.check()?;
        let mut text = "WEBVTT\n".to_owned();
        for tile in 0..self.count {
            let start = u64::from(tile).saturating_mul(self.interval);
            if start >= self.duration {
                break;
            }
            let is_last = tile + 1 == self.count;
            let end = if is_last { self.duration } else { start.saturating_add(self.interval).min(self.duration) };
            let (width, height) = (u64::from(self.tile.0), u64::from(self.tile.1));
            let (x, y) = (u64::from(tile % self.columns) * width, u64::from(tile / self.columns) * height);
            let (start, end, uri) = (time::timestamp(start), time::timestamp(end), &self.uri);
            // Writing to a String does not fail.
            let _ = write!(text, "\n{start} --> {end}\n{uri}#xywh={x},{y},{width},{height}\n");
        }
        Ok(text)
    }

    fn check(&self) -> Result<(), Error> {
        let positive = [
            ("the width of a tile", u64::from(self.tile.0)),
            ("the height of a tile", u64::from(self.tile.1)),
            ("the number of columns", u64::from(self.columns)),
            ("the number of tiles", u64::from(self.count)),
            ("the interval of thumbnails", self.interval),
            ("the duration", self.duration),
        ];
        if let Some((what, _)) = positive.into_iter().find(|(_, value)| *value == 0) {
            return Err(Error::Zero(what));
        }
        Error::check_limit("tiles", u64::from(self.count), MAX_CUES as u64)?;
        Error::check_limit("milliseconds of the duration", self.duration, MAX_TIME)?;
        // A fragment of its own would hide ours, and `-->` has `>`, which is no character of a URI.
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?[]@!$&'()*+,;=%".contains(&b);
        match !self.uri.is_empty() && self.uri.bytes().all(allowed) {
            true => Ok(()),
            false => Err(Error::NotUri(self.uri.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read;

    fn sprite(count: u32, interval: u64, duration: u64) -> Thumbnails {
        Thumbnails { uri: "sprite.jpg".to_owned(), tile: (160, 90), columns: 2, count, interval, duration }
    }

    #[test]
    fn writes_a_tile_an_interval() {
        assert_eq!(
            sprite(3, 10_000, 25_500).write().unwrap(),
            "WEBVTT\n\n00:00:00.000 --> 00:00:10.000\nsprite.jpg#xywh=0,0,160,90\n\n00:00:10.000 --> 00:00:20.000\n\
             sprite.jpg#xywh=160,0,160,90\n\n00:00:20.000 --> 00:00:25.500\nsprite.jpg#xywh=0,90,160,90\n"
        );
    }

    #[test]
    fn tiles_cover_the_presentation_without_gaps() {
        for (count, interval, duration) in [(1, 1, 7_200_000), (720, 10_000, 7_200_000), (100, 1_000, 5_500)] {
            let text = sprite(count, interval, duration).write().unwrap();
            let track = read(text.as_bytes()).unwrap().track;
            let times: Vec<_> = track.cues().iter().map(|cue| (cue.start(), cue.end())).collect();
            assert!(times.windows(2).all(|pair| pair[0].1 == pair[1].0), "{times:?}");
            assert_eq!((times[0].0, times[times.len() - 1].1), (0, duration));
        }
    }

    #[test]
    fn refuses_what_is_no_track() {
        for uri in ["", "a b", "a\n\n00:00", "a.jpg#t=1", "a-->b", "ü"] {
            let thumbnails = Thumbnails { uri: uri.to_owned(), ..sprite(1, 1, 1) };
            assert_eq!(thumbnails.write(), Err(Error::NotUri(uri.to_owned())));
        }
        assert_eq!(sprite(0, 1, 1).write(), Err(Error::Zero("the number of tiles")));
        assert_eq!(Thumbnails { columns: 0, ..sprite(1, 1, 1) }.write(), Err(Error::Zero("the number of columns")));
        let largest = Thumbnails { tile: (u32::MAX, u32::MAX), columns: 1, ..sprite(u32::MAX, u64::MAX, u64::MAX) };
        assert!(matches!(largest.write(), Err(Error::Limit { .. })));
    }
}
