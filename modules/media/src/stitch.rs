//! Track files that were encoded apart become one: fragments as they are, with the times and numbers of the whole.
//!
//! A chunk is a fragmented file of one track that begins at zero. What describes the track is the first chunk's, and has to
//! be every other's; only bit rates may differ (`btrt`, ISO/IEC 14496-12 §8.5.2.2).

use std::io::{self, Read, Seek, Write};

use tessera_isobmff::{Boxes, Error, TrackIndex};

/// Bytes of a `moof` at most: some thousand samples have a few dozen bytes each.
const MOOF_MAX: u64 = 16 << 20;
/// Bytes of a box's header at most (ISO/IEC 14496-12 §4.2).
const HEADER_MAX: u64 = 16;
/// Fields of a visual sample entry before its boxes (ISO/IEC 14496-12 §12.1.3).
const VISUAL_FIELDS: usize = 78;

/// Why chunks do not make a track.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unfit {
    /// A file cannot be read or written.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// What was encoded is malformed.
    #[error("{0}")]
    Malformed(#[from] Error),
    /// A box that is too large, or cannot be moved.
    #[error("a {0} of a chunk cannot be used")]
    Box(&'static str),
    /// The chunk describes another track than the first one.
    #[error("a chunk's {0} is not that of the first")]
    Differs(&'static str),
}

/// Writes chunks one after the other into one track file.
pub(crate) struct Stitcher<W> {
    out: W,
    /// The first chunk's description.
    first: Option<TrackIndex>,
    /// Fragments written.
    fragments: u32,
    /// Where the next chunk begins, in the track's timescale.
    at: u64,
}

impl<W: Write> Stitcher<W> {
    pub(crate) fn new(out: W) -> Self {
        Self { out, first: None, fragments: 0, at: 0 }
    }

    /// Adds a chunk, of which `index` is the index. It begins where the one before has ended.
    pub(crate) fn push(&mut self, index: &TrackIndex, mut chunk: impl Read) -> Result<(), Unfit> {
        let is_first = self.first.is_none();
        match &self.first {
            Some(first) => check_same(first, index)?,
            None => self.first = Some(index.clone()),
        }
        while let Some(head) = Head::read(&mut chunk)? {
            match &head.kind {
                b"moof" => self.fragment(&head, &mut chunk)?,
                b"mdat" => self.copy(&head, &mut chunk)?,
                b"ftyp" | b"moov" if is_first => self.copy(&head, &mut chunk)?,
                _ => drop(io::copy(&mut chunk.by_ref().take(head.left), &mut io::sink())?),
            }
        }
        self.at = self.at.checked_add(index.duration()).ok_or(Unfit::Box("length"))?;
        Ok(())
    }

    /// Ends the file.
    pub(crate) fn finish(mut self) -> Result<W, Unfit> {
        self.out.flush()?;
        Ok(self.out)
    }

    fn copy(&mut self, head: &Head, chunk: &mut impl Read) -> Result<(), Unfit> {
        self.out.write_all(&head.bytes)?;
        match io::copy(&mut chunk.by_ref().take(head.left), &mut self.out)? == head.left {
            true => Ok(()),
            false => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        }
    }

    fn fragment(&mut self, head: &Head, chunk: &mut impl Read) -> Result<(), Unfit> {
        if head.left > MOOF_MAX {
            return Err(Unfit::Box("moof"));
        }
        let mut moof = head.bytes.clone();
        let header = moof.len();
        chunk.by_ref().take(head.left).read_to_end(&mut moof)?;
        if (moof.len() - header) as u64 != head.left {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        self.fragments = self.fragments.checked_add(1).ok_or(Unfit::Box("moof"))?;
        renumber(&mut moof, header, self.fragments, self.at)?;
        Ok(self.out.write_all(&moof)?)
    }
}

/// Whether there is a fragment in a file: without one, the encoder had no picture to write.
pub(crate) fn has_fragments(mut file: impl Read + Seek) -> Result<bool, Unfit> {
    while let Some(head) = Head::read(&mut file)? {
        if &head.kind == b"moof" {
            return Ok(true);
        }
        file.seek_relative(i64::try_from(head.left).map_err(|_| Unfit::Box("box"))?)?;
    }
    Ok(false)
}

/// How many of the `written` bytes of a file that is being written are whole: up to the end of the last fragment's media; 0
/// before there is one.
pub(crate) fn whole_fragments(mut file: impl Read + Seek, written: u64) -> Result<u64, Unfit> {
    let (mut at, mut whole) = (0_u64, 0);
    // What follows a header may not have been written yet, and a header itself in part.
    while written.saturating_sub(at) >= HEADER_MAX
        && let Some(head) = Head::read(&mut file)?
    {
        at = at.saturating_add(head.bytes.len() as u64).saturating_add(head.left);
        if at > written {
            break;
        }
        if &head.kind == b"mdat" {
            whole = at;
        }
        file.seek_relative(i64::try_from(head.left).map_err(|_| Unfit::Box("box"))?)?;
    }
    Ok(whole)
}

/// The header of a box of a file.
struct Head {
    kind: [u8; 4],
    bytes: Vec<u8>,
    /// What follows the header.
    left: u64,
}

impl Head {
    /// The next box's, if there is one.
    fn read(from: &mut impl Read) -> Result<Option<Self>, Unfit> {
        let mut bytes = Vec::with_capacity(16);
        from.by_ref().take(8).read_to_end(&mut bytes)?;
        let (size, kind) = match bytes.as_slice() {
            [] => return Ok(None),
            [s0, s1, s2, s3, k0, k1, k2, k3] => (u32::from_be_bytes([*s0, *s1, *s2, *s3]), [*k0, *k1, *k2, *k3]),
            _ => return Err(Unfit::Box("box")),
        };
        let size = match size {
            1 => {
                let mut large = [0; 8];
                from.read_exact(&mut large)?;
                bytes.extend_from_slice(&large);
                u64::from_be_bytes(large)
            }
            small => u64::from(small),
        };
        let left = size.checked_sub(bytes.len() as u64).ok_or(Unfit::Box("box"))?;
        Ok(Some(Self { kind, bytes, left }))
    }
}

/// Gives a fragment its number in the whole (`mfhd`) and moves it `by` (`tfdt`), ISO/IEC 14496-12 §8.8.5, §8.8.12.
fn renumber(moof: &mut [u8], header: usize, number: u32, by: u64) -> Result<(), Unfit> {
    let (mfhd, size) = find(moof, header, moof.len(), b"mfhd")?;
    write(moof, mfhd, size, 4, &number.to_be_bytes())?;
    let (traf, size) = find(moof, header, moof.len(), b"traf")?;
    let (tfdt, size) = find(moof, traf, traf + size, b"tfdt")?;
    if moof.get(tfdt) != Some(&1) {
        return Err(Unfit::Box("tfdt"));
    }
    let time = moof.get(tfdt + 4..tfdt + 12).and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes);
    let time = time.and_then(|time| time.checked_add(by)).ok_or(Unfit::Box("tfdt"))?;
    write(moof, tfdt, size, 4, &time.to_be_bytes())
}

/// Where the payload of the only box of a kind between `from` and `to` begins, and how long it is.
fn find(bytes: &[u8], from: usize, to: usize, kind: &'static [u8; 4]) -> Result<(usize, usize), Unfit> {
    let within = bytes.get(from..to).ok_or(Unfit::Box("moof"))?;
    let (mut at, mut found) = (from, None);
    for item in Boxes::new(b"moof", within) {
        let item = item?;
        let payload = (at + item.bytes.len() - item.payload.len(), item.payload.len());
        at += item.bytes.len();
        if item.kind == kind && found.replace(payload).is_some() {
            return Err(Unfit::Box("moof"));
        }
    }
    found.ok_or(Unfit::Box("moof"))
}

fn write(bytes: &mut [u8], at: usize, size: usize, offset: usize, value: &[u8]) -> Result<(), Unfit> {
    let within = offset + value.len() <= size;
    let place = bytes.get_mut(at + offset..at + offset + value.len()).filter(|_| within).ok_or(Unfit::Box("moof"))?;
    place.copy_from_slice(value);
    Ok(())
}

/// Whether a decoder that was set up for one goes on with the other.
fn check_same(first: &TrackIndex, other: &TrackIndex) -> Result<(), Unfit> {
    let differs = [
        ("format", first.kind != other.kind || first.codec != other.codec),
        ("timescale", first.timescale != other.timescale),
        ("edit list", first.edit != other.edit),
        ("codec configuration", described(first)? != described(other)?),
    ];
    differs.iter().find(|(_, differs)| *differs).map_or(Ok(()), |(what, _)| Err(Unfit::Differs(what)))
}

/// A sample entry without its bit rates.
fn described(index: &TrackIndex) -> Result<Vec<&[u8]>, Unfit> {
    let entry = &index.sample_entry;
    let (fields, boxes) = entry.body.split_at_checked(VISUAL_FIELDS).ok_or(Unfit::Box("sample entry"))?;
    let mut parts = vec![entry.format.0.as_slice(), fields];
    for item in Boxes::new(entry.format, boxes) {
        let item = item?;
        if item.kind != b"btrt" {
            parts.push(item.bytes);
        }
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample(kind: &[u8; 4], payload: &[u8]) -> Vec<u8> {
        [&(8 + payload.len() as u32).to_be_bytes(), kind.as_slice(), payload].concat()
    }

    fn fragment(number: u32, time: u64) -> Vec<u8> {
        let mfhd = sample(b"mfhd", &[[0; 4], number.to_be_bytes()].concat());
        let tfdt = sample(b"tfdt", &[[1, 0, 0, 0].as_slice(), &time.to_be_bytes()].concat());
        let traf = sample(b"traf", &[sample(b"tfhd", &[0; 8]), tfdt].concat());
        sample(b"moof", &[mfhd, traf].concat())
    }

    #[test]
    fn a_file_that_is_being_written_is_whole_up_to_its_last_fragment() {
        let head = [sample(b"ftyp", b"iso5"), sample(b"moov", &[0; 90])].concat();
        let media = [fragment(1, 0), sample(b"mdat", &[7; 300])].concat();
        let file = [head.as_slice(), &media, &media].concat();
        let (first, second) = (head.len() + media.len(), head.len() + 2 * media.len());
        for written in 0..=file.len() {
            let so_far = &file[..written];
            let whole = whole_fragments(io::Cursor::new(so_far), written as u64).unwrap();
            let expected = if written >= second {
                second
            } else if written >= first {
                first
            } else {
                0
            };
            assert_eq!(whole, expected as u64, "{written} bytes");
        }
    }

    #[test]
    fn a_fragment_gets_its_number_and_its_time_in_the_whole() {
        let mut moof = fragment(1, 512);
        renumber(&mut moof, 8, 7, 1 << 40).unwrap();
        assert_eq!(moof, fragment(7, (1 << 40) + 512));
        assert!(renumber(&mut moof, 8, 8, u64::MAX).is_err(), "a time that does not fit");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0..90_usize, with in any::<u8>()) {
            let mut moof = bytes.clone();
            let _ = renumber(&mut moof, 8.min(bytes.len()), 1, 1);
            let mut moof = fragment(1, 1);
            if let Some(byte) = moof.get_mut(at) {
                *byte = with;
            }
            let _ = renumber(&mut moof, 8, 2, 2);
            let mut rest = bytes.as_slice();
            while let Ok(Some(head)) = Head::read(&mut rest) {
                let _ = io::copy(&mut rest.by_ref().take(head.left), &mut io::sink());
            }
        }
    }
}
