//! Media playlists, read.

use super::{Place, ReadError, checked};
use crate::{
    ByteRange, Key, MediaPlaylist, MediaSegment, Resource, Run,
    lines::{Item, lines},
    values::{integer, millionths, resolved_range},
};

impl MediaPlaylist {
    /// Reads a complete playlist, durations in millionths of a second: the inverse of [`Self::write`] for playlists in
    /// that timescale. Errors when the text is no media playlist, is live, or a tag that the data holds is malformed.
    pub fn read(text: &str) -> Result<Self, ReadError> {
        let mut reading = Reading { playlist: Self { timescale: 1_000_000, ..Self::default() }, ..Reading::default() };
        for line in lines(checked(text)?) {
            match line.item {
                Item::Tag { name, value } => reading.tag(line.number, name, value)?,
                Item::Uri(uri) => reading.segment(line.number, uri)?,
                Item::Ignored => {}
            }
        }
        reading.playlist.open_ended = !reading.ended;
        match (reading.playlist.target_duration, reading.ended || reading.event) {
            (None, _) => Err(ReadError::NotKind("media playlist")),
            (Some(_), false) => Err(ReadError::NotWhole),
            (Some(_), true) => Ok(reading.playlist),
        }
    }
}

/// A playlist on its way through the reader.
#[derive(Default)]
struct Reading<'a> {
    playlist: MediaPlaylist,
    ended: bool,
    /// Nothing goes of it again (§4.4.3.5).
    event: bool,
    /// The next segment begins a run.
    changed: bool,
    discontinuity: bool,
    keys: Vec<Key>,
    init: Option<Resource>,
    duration: Option<u64>,
    byte_range: Option<&'a str>,
    /// The last segment's file and range.
    before: Option<(&'a str, ByteRange)>,
}

impl<'a> Reading<'a> {
    fn tag(&mut self, line: usize, name: &str, value: Option<&'a str>) -> Result<(), ReadError> {
        let at = |tag| Place { line, tag };
        let text = value.unwrap_or_default();
        match name {
            "EXT-X-STREAM-INF" | "EXT-X-MEDIA" => return Err(ReadError::NotKind("media playlist")),
            "EXT-X-TARGETDURATION" => {
                let target = at("EXT-X-TARGETDURATION").value(integer(text), "it is a number of seconds")?;
                self.playlist.target_duration = Some(target);
            }
            "EXT-X-MEDIA-SEQUENCE" => {
                self.playlist.media_sequence = at("EXT-X-MEDIA-SEQUENCE").value(integer(text), "it is a number")?;
            }
            "EXT-X-I-FRAMES-ONLY" => self.playlist.i_frames_only = true,
            "EXT-X-START" => self.playlist.start = Some(at("EXT-X-START").start(value)?),
            "EXT-X-ENDLIST" => self.ended = true,
            "EXT-X-PLAYLIST-TYPE" => self.event = text == "EVENT",
            "EXT-X-DISCONTINUITY" => (self.changed, self.discontinuity) = (true, true),
            "EXT-X-KEY" => self.key(at("EXT-X-KEY").key(value)?),
            "EXT-X-MAP" => self.map(at("EXT-X-MAP"), value)?,
            "EXTINF" => {
                let duration = text.split_once(',').map_or(text, |(duration, _title)| duration);
                self.duration = Some(at("EXTINF").value(millionths(duration), "it begins with a duration in seconds")?);
            }
            "EXT-X-BYTERANGE" => self.byte_range = Some(text),
            _ => {}
        }
        Ok(())
    }

    fn key(&mut self, key: Option<Key>) {
        self.changed = true;
        match key {
            Some(key) => {
                self.keys.retain(|before| before.format != key.format);
                self.keys.push(key);
            }
            None => self.keys.clear(),
        }
    }

    fn map(&mut self, at: Place, value: Option<&str>) -> Result<(), ReadError> {
        let list = at.list(value)?;
        let uri = at.wanted(&list, "URI", "URI is missing")?.to_owned();
        let range = list.get("BYTERANGE").map(|range| {
            // There is no range before the first: one without an offset begins the file.
            let start = Some((uri.as_str(), ByteRange { offset: 0, length: 0 }));
            at.value(resolved_range(range, &uri, start), "BYTERANGE is length@offset")
        });
        let byte_range = range.transpose()?;
        self.init = Some(Resource { uri, byte_range });
        self.changed = true;
        Ok(())
    }

    fn segment(&mut self, line: usize, uri: &'a str) -> Result<(), ReadError> {
        let at = Place { line, tag: "EXTINF" };
        let duration = at.value(self.duration.take(), "a segment's duration is missing")?;
        let at = Place { line, tag: "EXT-X-BYTERANGE" };
        let range = self.byte_range.take().map(|range| {
            at.value(
                resolved_range(range, uri, self.before),
                "it is length@offset, or a length behind a range of the same file",
            )
        });
        let byte_range = range.transpose()?;
        self.before = byte_range.map(|range| (uri, range));
        if std::mem::take(&mut self.changed) || self.playlist.runs.is_empty() {
            self.playlist.runs.push(Run {
                discontinuity: std::mem::take(&mut self.discontinuity),
                keys: self.keys.clone(),
                init: self.init.clone(),
                segments: Vec::new(),
            });
        }
        let segment = MediaSegment { resource: Resource { uri: uri.to_owned(), byte_range }, duration };
        self.playlist.runs.last_mut().into_iter().for_each(|run| run.segments.push(segment.clone()));
        Ok(())
    }
}
