//! Changes of whole boxes, after which the sizes of the boxes around them fit again: what bytes changed at random never do.

use crate::Random;

/// The deepest box that is changed, and the most boxes that are looked at.
const MAX_DEPTH: usize = 12;
const MAX_BOXES: usize = 4_096;
/// How often a box is repeated at the most.
const MOST_REPEATED: usize = 100;

/// Where a box lies, and its parents: places of their size fields.
#[derive(Debug, Clone)]
struct Place {
    start: usize,
    end: usize,
    parents: Vec<usize>,
}

/// Removes a box, repeats it, moves it, or makes it longer or shorter. False when there is no box.
pub(crate) fn change(bytes: &mut Vec<u8>, random: &mut Random) -> bool {
    let mut places = Vec::new();
    find(bytes, (0, bytes.len()), &mut Vec::new(), &mut places);
    let Some(place) = random.one_of(&places).cloned() else { return false };
    let Place { start, end, parents } = place;
    let whole = bytes[start..end].to_vec();
    let (at, removed, inserted) = match random.below(5) {
        0 => (start, end - start, Vec::new()),
        1 => (end, 0, whole.repeat(1 + random.below(2) * random.below(MOST_REPEATED))),
        2 => {
            // Another box's type: the content is read as what it is not.
            if let Some(other) = random.one_of(&places) {
                let kind = [4, 5, 6, 7].map(|offset| bytes[other.start + offset]);
                bytes[start + 4..start + 8].copy_from_slice(&kind);
            }
            return true;
        }
        3 => {
            let cut = random.below(end - start - 8).min(64);
            resize(bytes, start, -(cut as i64));
            (end - cut, cut, Vec::new())
        }
        _ => {
            let more = 1 + random.below(64);
            resize(bytes, start, more as i64);
            (end, 0, (0..more).map(|_| random.number() as u8).collect())
        }
    };
    let difference = inserted.len() as i64 - removed as i64;
    parents.iter().for_each(|parent| resize(bytes, *parent, difference));
    bytes.splice(at..at + removed, inserted);
    true
}

/// Changes a size of 32 bits, which wraps around as a hostile one would.
fn resize(bytes: &mut [u8], at: usize, by: i64) {
    if let Some(field) = bytes.get_mut(at..at + 4) {
        let size = field.iter().fold(0u32, |size, byte| size << 8 | u32::from(*byte));
        field.copy_from_slice(&size.wrapping_add_signed(by as i32).to_be_bytes());
    }
}

fn find(bytes: &[u8], (mut at, end): (usize, usize), parents: &mut Vec<usize>, places: &mut Vec<Place>) {
    while let Some(header) = bytes.get(at..end).and_then(|rest| rest.first_chunk::<8>()) {
        let [a, b, c, d, kind @ ..] = *header;
        let size = u32::from_be_bytes([a, b, c, d]) as usize;
        if size < 8 || size > end - at || places.len() >= MAX_BOXES {
            return;
        }
        places.push(Place { start: at, end: at + size, parents: parents.clone() });
        if let Some(before) = before_children(&kind).filter(|_| parents.len() < MAX_DEPTH) {
            parents.push(at);
            find(bytes, (at + 8 + before, at + size), parents, places);
            parents.pop();
        }
        at += size;
    }
}

fn before_children(kind: &[u8; 4]) -> Option<usize> {
    match kind {
        b"moov" | b"trak" | b"mdia" | b"minf" | b"dinf" | b"stbl" | b"edts" | b"mvex" | b"moof" | b"traf" | b"sinf"
        | b"schi" => Some(0),
        b"stsd" | b"dref" => Some(8),
        b"avc1" | b"hvc1" | b"av01" | b"vp09" | b"encv" => Some(78),
        b"mp4a" | b"ac-3" | b"ec-3" | b"Opus" | b"enca" => Some(28),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
        [&(8 + content.len() as u32).to_be_bytes(), kind.as_slice(), content].concat()
    }

    #[test]
    fn boxes_around_a_change_still_fit() {
        let inner = [sample(b"mvhd", &[1; 20]), sample(b"trak", &sample(b"tkhd", &[2; 30]))].concat();
        let file = [sample(b"ftyp", b"iso6"), sample(b"moov", &inner)].concat();
        for seed in 0..500 {
            let mut changed = file.clone();
            assert!(change(&mut changed, &mut Random::new(seed)));
            let sizes = tessera_isobmff::Boxes::new(b"file", &changed).collect::<Result<Vec<_>, _>>();
            assert!(sizes.is_ok(), "seed {seed}: {sizes:?}");
        }
        assert!(!change(&mut vec![0; 7], &mut Random::new(1)));
    }
}
