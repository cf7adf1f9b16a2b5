//! The edit list of a track (ISO/IEC 14496-12 §8.6.6): priming, and a late start.

use serde::{Deserialize, Serialize};

use crate::{Error, Mp4Box, cursor::Cursor};

/// Where the media begins on the presentation timeline, in the track's timescale.
///
/// A sample's presentation time is `decode time + composition offset - skip + delay`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// Media before presentation time zero: AAC priming, or the reordering delay of video.
    pub skip: u64,
    /// Time before the media begins, from an empty edit.
    pub delay: u64,
}

impl Edit {
    /// Reads `edts` with at most one empty edit and one edit of rate 1 that runs to the end.
    pub(crate) fn parse(edts: &Mp4Box<'_>, movie_timescale: u32, timescale: u32) -> Result<Self, Error> {
        let Some(elst) = edts.children().optional(b"elst")? else { return Ok(Self::default()) };
        let mut cursor = elst.cursor();
        let (version, _) = cursor.version_flags()?;
        let count = cursor.u32()?;
        let mut edit = Self::default();
        for index in 0..count {
            let (duration, media_time) = entry(&mut cursor, version)?;
            match u64::try_from(media_time) {
                Ok(skip) if index + 1 == count => edit.skip = skip,
                Err(_) if index == 0 && count == 2 && media_time == -1 => {
                    edit.delay = rescale(duration, movie_timescale, timescale);
                }
                _ => return Err(Error::unsupported(b"elst", "an edit list beyond one empty edit and one edit")),
            }
        }
        Ok(edit)
    }
}

fn entry(cursor: &mut Cursor<'_>, version: u8) -> Result<(u64, i64), Error> {
    let duration = cursor.u32_or_u64(version)?;
    let media_time = if version == 0 { i64::from(cursor.u32()?.cast_signed()) } else { cursor.u64()?.cast_signed() };
    match cursor.u32()? {
        0x0001_0000 => Ok((duration, media_time)),
        _ => Err(Error::unsupported(b"elst", "a media rate other than 1")),
    }
}

fn rescale(value: u64, from: u32, to: u32) -> u64 {
    let from = u128::from(from.max(1));
    u64::try_from((u128::from(value) * u128::from(to) + from / 2) / from).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Boxes;

    fn parse(entries: &[(u32, i32, u32)]) -> Result<Edit, Error> {
        let body: Vec<u8> =
            entries.iter().flat_map(|(d, t, r)| [d.to_be_bytes(), t.to_be_bytes(), r.to_be_bytes()].concat()).collect();
        let size = |len: usize| u32::try_from(len).unwrap().to_be_bytes();
        let count = size(entries.len());
        let elst = [&size(16 + body.len()), b"elst".as_slice(), &[0; 4], &count, &body].concat();
        let edts = [&size(8 + elst.len()), b"edts".as_slice(), &elst].concat();
        Edit::parse(&Boxes::new(b"trak", &edts).only(b"edts")?, 1000, 48_000)
    }

    #[test]
    fn reads_priming_and_a_late_start() {
        let rate = 0x0001_0000;
        assert_eq!(parse(&[]), Ok(Edit { skip: 0, delay: 0 }));
        assert_eq!(parse(&[(0, 1024, rate)]), Ok(Edit { skip: 1024, delay: 0 }));
        assert_eq!(parse(&[(21, -1, rate), (0, 0, rate)]), Ok(Edit { skip: 0, delay: 1008 }));
    }

    #[test]
    fn refuses_what_players_disagree_on() {
        let rate = 0x0001_0000;
        for bad in [
            vec![(0, 0, rate / 2)],
            vec![(0, 0, rate), (0, 5, rate)],
            vec![(0, -2, rate), (0, 0, rate)],
            vec![(0, -1, rate)],
        ] {
            assert!(matches!(parse(&bad), Err(Error::Unsupported { .. })), "{bad:?}");
        }
    }
}
