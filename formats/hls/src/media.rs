//! Media playlists (RFC 8216bis §4.4.3, §4.4.4).

use crate::{Error, Key, KeyFormat, Resource, Start, attributes::decimal};

/// The segments of one rendition, complete from start to end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MediaPlaylist {
    /// Units of [`MediaSegment::duration`] in a second.
    pub timescale: u32,
    /// Each segment is one I-frame, for trick play, and its duration is the time to the next (§4.4.3.6).
    pub i_frames_only: bool,
    /// The target duration in seconds, for renditions that must agree on one (§6.2.4): raised to what the segments
    /// need. `None` for what they need.
    pub target_duration: Option<u64>,
    /// Number of the first segment.
    pub media_sequence: u64,
    /// Where playback starts, when it is not the beginning.
    pub start: Option<Start>,
    /// More segments may follow: of type `EVENT`, without an end (§4.4.3.4, §4.4.3.5).
    pub open_ended: bool,
    /// The segments.
    pub runs: Vec<Run>,
}

/// Segments that follow each other with one init section and the same keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Run {
    /// Timestamps, encoding or tracks change with the first segment (§4.4.4.3).
    pub discontinuity: bool,
    /// Keys of the segments, one a format; none when they are clear.
    pub keys: Vec<Key>,
    /// The init section; `None` for segments that bring their own, such as WebVTT.
    pub init: Option<Resource>,
    /// The segments; at least one.
    pub segments: Vec<MediaSegment>,
}

/// One segment of a media playlist.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MediaSegment {
    /// Where it is.
    pub resource: Resource,
    /// How long it plays, in the playlist's timescale.
    pub duration: u64,
}

impl MediaPlaylist {
    /// The playlist as text. Errors when a URI is none, a run has no segments, the timescale is zero, keys break a rule
    /// of their format, or runs do not fit together.
    pub fn write(&self) -> Result<String, Error> {
        let mut text = self.head()?;
        let (mut keys, mut init) = (&[] as &[Key], None);
        for run in &self.runs {
            if run.discontinuity {
                text.push_str("#EXT-X-DISCONTINUITY\n");
            }
            if run.keys != keys {
                text.push_str(&key_lines(keys, &run.keys)?);
            }
            // Again behind every change: players take clear and protected samples' descriptions from it.
            match &run.init {
                Some(map) => text.push_str(&map.map_line()?),
                None if init.is_some() => return Err(Error::NoInit),
                None => {}
            }
            (keys, init) = (&run.keys, run.init.as_ref());
            self.write_segments(run, &mut text)?;
        }
        if !self.open_ended {
            text.push_str("#EXT-X-ENDLIST\n");
        }
        Ok(text)
    }

    fn head(&self) -> Result<String, Error> {
        if self.timescale == 0 {
            return Err(Error::Zero("the timescale"));
        }
        let mut text = format!(
            "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{}\n#EXT-X-MEDIA-SEQUENCE:{}\n#EXT-X-PLAYLIST-TYPE:{}\n",
            self.written_target_duration()?,
            self.media_sequence,
            if self.open_ended { "EVENT" } else { "VOD" }
        );
        text.push_str(if self.i_frames_only { "#EXT-X-I-FRAMES-ONLY\n" } else { "#EXT-X-INDEPENDENT-SEGMENTS\n" });
        text.push_str(&self.start.map(Start::line).unwrap_or_default());
        Ok(text)
    }

    fn write_segments(&self, run: &Run, text: &mut String) -> Result<(), Error> {
        if run.segments.is_empty() {
            return Err(Error::Empty("segment"));
        }
        for segment in &run.segments {
            let duration = decimal(segment.duration, u64::from(self.timescale), 6);
            text.push_str(&format!("#EXTINF:{duration},\n{}", segment.resource.segment_lines()?));
        }
        Ok(())
    }

    /// The longest duration, rounded to the nearest second as §4.4.3.1 compares it, and at least 1 and what is asked for.
    fn written_target_duration(&self) -> Result<u64, Error> {
        let segments = self.runs.iter().flat_map(|run| &run.segments);
        let longest = segments.map(|segment| segment.duration).max().ok_or(Error::Empty("segment"))?;
        Ok(rounded_seconds(longest, self.timescale).max(1).max(self.target_duration.unwrap_or(0)))
    }
}

/// A duration in ticks as seconds, rounded to the nearest as target durations compare (RFC 8216bis §4.4.3.1); 0 where there
/// are no ticks in a second.
pub fn rounded_seconds(ticks: u64, timescale: u32) -> u64 {
    let timescale = u64::from(timescale);
    let whole = ticks.checked_div(timescale).unwrap_or(0);
    whole + u64::from(ticks.checked_rem(timescale).is_some_and(|rest| rest >= timescale.div_ceil(2)))
}

/// The lines that replace one run's keys by the next one's. A key holds until another of its format or `NONE`, so formats
/// that come or go would leave segments with keys of two kinds.
fn key_lines(before: &[Key], keys: &[Key]) -> Result<String, Error> {
    if keys.is_empty() {
        return Ok("#EXT-X-KEY:METHOD=NONE\n".to_owned());
    }
    let has = |keys: &[Key], format: KeyFormat| keys.iter().filter(|key| key.format == format).count();
    let fits = |format| has(keys, format) <= 1 && (before.is_empty() || has(before, format) == has(keys, format));
    if !KeyFormat::ALL.into_iter().all(fits) || keys.iter().any(|key| key.method != keys[0].method) {
        return Err(Error::KeyFormats);
    }
    keys.iter().map(|key| key.line("EXT-X-KEY")).collect()
}
