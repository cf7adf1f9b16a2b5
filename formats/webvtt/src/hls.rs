//! Segments of plain WebVTT for HLS (RFC 8216bis §3.1.4).

use std::ops::Range;

use crate::{TimestampMap, Track, track::write_cue};

impl Track {
    /// One segment: every cue that is shown within `range`, in milliseconds, with the times that it has in the track. A
    /// cue that lasts over several segments stands in each of them, so that playback may begin anywhere. `map` says which
    /// time of the video's MPEG-2 clock a time of the cues is; without one, players take both clocks to begin together.
    pub fn hls_segment(&self, range: Range<u64>, map: Option<TimestampMap>) -> String {
        let mut text = self.header().write_with(map);
        text.push('\n');
        let shown = self.cues().iter().filter(|cue| cue.start() < range.end && cue.end() > range.start);
        shown.for_each(|cue| write_cue(cue, &mut text));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cue, CueText, Header, read};

    #[test]
    fn a_segment_holds_every_cue_that_is_shown_in_it() {
        let cue = |start, end, text| Cue::new(start, end, CueText::new(text).unwrap()).unwrap();
        let track = Track::new(
            Header::default(),
            vec![
                cue(0, 2_000, "before"),
                cue(1_000, 9_000, "through"),
                cue(3_999, 4_000, "in"),
                cue(4_000, 5_000, "after"),
            ],
        );
        let map = TimestampMap { mpegts: 126_000, local: 0 };
        let text = track.unwrap().hls_segment(2_000..4_000, Some(map));
        assert_eq!(
            text,
            "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:126000,LOCAL:00:00:00.000\n\n00:00:01.000 --> 00:00:09.000\nthrough\n\n\
             00:00:03.999 --> 00:00:04.000\nin\n"
        );
        assert_eq!(read(text.as_bytes()).unwrap().timestamp_map, Some(map));
    }
}
