//! Damaged files end in an error or in a usable index: never in a panic, a loop, or memory beyond the file's own size.

use std::sync::OnceLock;

use proptest::{prelude::*, sample::Index};
use tessera_cenc::{SegmentCipher, TrackIndexer};
use tessera_isobmff::{Boxes, FourCc, Protection, Segment, TrackIndex};
use tessera_test_media::{Bench, picture, tone};

use crate::package::{KEY, SCHEMES, protection};

/// Small real files of every codec; none without FFmpeg.
fn files() -> &'static [Vec<u8>] {
    static FILES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    FILES.get_or_init(|| {
        let bench = Bench::new();
        let video = format!("{} -c:v libx264 -g 5 -bf 2 -x264-params slices=2", picture("64x64", 10, 2));
        let hevc = "-c:v libx265 -tag:v hvc1 -preset ultrafast -x265-params slices=2:keyint=5:bframes=2:log-level=none";
        let hevc = format!("{} {hevc}", picture("128x128", 10, 2));
        let av1 = format!("{} -c:v libaom-av1 -cpu-used 8 -tiles 2x2 -g 5", picture("128x128", 10, 2));
        let vp9 = format!("{} -c:v libvpx-vp9 -cpu-used 8 -auto-alt-ref 1 -g 5", picture("64x64", 10, 2));
        let sound = |codec: &str| format!("{} -c:a {codec} -frag_duration 500000", tone(2.0));
        let words = [video, hevc, av1, vp9, sound("aac"), sound("ac3"), sound("eac3"), sound("libopus")];
        words.iter().filter_map(|words| bench.track("track.mp4", words)).collect()
    })
}

/// One thing that goes wrong with a file.
#[derive(Debug, Clone)]
enum Damage {
    Byte(Index, u8),
    /// Four bytes, as of a size or count, to an extreme.
    Word(Index, u32),
    Cut(Index),
    Remove(Index, usize),
    Repeat(Index, usize),
}

impl Damage {
    fn any() -> impl Strategy<Value = Self> {
        let extreme = prop::sample::select(vec![0u32, 1, 7, 8, 9, 0x7fff_ffff, 0x8000_0000, u32::MAX]);
        prop_oneof![
            4 => (any::<Index>(), any::<u8>()).prop_map(|(at, value)| Self::Byte(at, value)),
            4 => (any::<Index>(), extreme).prop_map(|(at, value)| Self::Word(at, value)),
            1 => any::<Index>().prop_map(Self::Cut),
            1 => (any::<Index>(), 1usize..200).prop_map(|(at, count)| Self::Remove(at, count)),
            1 => (any::<Index>(), 1usize..200).prop_map(|(at, count)| Self::Repeat(at, count)),
        ]
    }

    /// Damages `file` within `area`, its boxes' part that matters.
    fn apply(&self, file: &mut Vec<u8>, area: &[usize]) {
        let place = |at: &Index| area[at.index(area.len())].min(file.len().saturating_sub(1));
        match self {
            Self::Byte(at, value) => {
                let at = place(at);
                file.get_mut(at).into_iter().for_each(|byte| *byte = *value);
            }
            Self::Word(at, value) => {
                let at = place(at);
                let end = (at + 4).min(file.len());
                file[at..end].copy_from_slice(&value.to_be_bytes()[..end - at]);
            }
            Self::Cut(at) => file.truncate(place(at)),
            Self::Remove(at, count) => {
                let at = place(at);
                file.drain(at..(at + count).min(file.len()));
            }
            Self::Repeat(at, count) => {
                let at = place(at);
                let copy = file[at..(at + count).min(file.len())].to_vec();
                file.splice(at..at, copy);
            }
        }
    }
}

/// Positions outside `mdat`, where damage is interesting, and the first bytes of each `mdat`.
fn headers(file: &[u8]) -> Vec<usize> {
    let mut at = 0;
    let mut places = Vec::new();
    for found in Boxes::new(b"file", file).map_while(Result::ok) {
        let interesting = if found.kind == FourCc(*b"mdat") { 40 } else { found.bytes.len() };
        places.extend(at..at + interesting.min(found.bytes.len()));
        at += found.bytes.len();
    }
    places
}

fn index(file: &[u8], chunk: usize) -> Option<TrackIndex> {
    let mut indexer = TrackIndexer::new();
    file.chunks(chunk).try_for_each(|chunk| indexer.push(chunk)).ok()?;
    indexer.finish().ok()
}

/// Everything that an origin does with an index.
fn use_index(index: &TrackIndex, file: &[u8]) {
    index.frame_rate();
    let segments = index.segments(1);
    let aligned = index.segments_aligned_to(index, &segments);
    for (scheme, _) in SCHEMES {
        let protection = protection(scheme);
        index.init_segment(Some(&protection), &[]);
        for segment in segments.iter().chain(&aligned) {
            use_segment(index, segment, &protection, file);
        }
    }
}

fn use_segment(index: &TrackIndex, segment: &Segment, protection: &Protection, file: &[u8]) {
    let Ok(header) = index.segment_header(segment, Some(protection)) else { return };
    let ranges = segment.data_ranges(index).into_iter();
    let clear: Vec<u8> = ranges.flat_map(|range| file[range.start as usize..range.end as usize].to_vec()).collect();
    let (cipher, mut data) = (SegmentCipher::new(&KEY, protection), clear.clone());
    cipher.encrypt(index, segment, &mut data).expect("a segment with a header can be encrypted");
    assert_eq!(index.segment_size(segment, Some(protection)).unwrap(), (header.len() + data.len()) as u64);
    cipher.decrypt(index, segment, &mut data).expect("what was encrypted can be decrypted");
    assert!(data == clear, "decryption undoes encryption: segment {}", segment.number);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]
    #[test]
    fn damaged_files_are_refused_or_usable(
        which: Index,
        damages in prop::collection::vec(Damage::any(), 1..4),
        chunk in prop::sample::select(vec![61usize, 1_000, 100_000]),
    ) {
        let Some(file) = files().get(which.index(files().len().max(1))) else { return Ok(()) };
        let mut damaged = file.clone();
        let area = headers(file);
        damages.iter().for_each(|damage| damage.apply(&mut damaged, &area));
        if let Some(index) = index(&damaged, chunk) {
            use_index(&index, &damaged);
        }
    }

    #[test]
    fn damaged_indexes_are_refused_or_usable(which: Index, damages in prop::collection::vec(Damage::any(), 1..3)) {
        let Some(file) = files().get(which.index(files().len().max(1))) else { return Ok(()) };
        let mut stored = index(file, 1_000).unwrap().to_bytes();
        let area: Vec<_> = (0..stored.len()).collect();
        damages.iter().for_each(|damage| damage.apply(&mut stored, &area));
        if let Ok(index) = TrackIndex::from_bytes(&stored) {
            let whole = index.fragments().iter().all(|fragment| fragment.data_range().end <= file.len() as u64);
            if whole {
                use_index(&index, file);
            }
        }
    }
}
