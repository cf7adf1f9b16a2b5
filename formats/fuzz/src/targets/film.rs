//! Track files, movies, indexes, and any file that is looked into.

use tessera_cenc::{SegmentCipher, TrackIndexer};
use tessera_isobmff::{InspectLimits, Inspector, IvPrefix, MovieReader, Protection, Scheme, Segment, TrackIndex};
use tessera_pssh::Pssh;

/// Types of boxes, and sizes that mean something else.
pub(super) const WORDS: &[&[u8]] = &[
    b"moov",
    b"trak",
    b"mdia",
    b"minf",
    b"stbl",
    b"stsd",
    b"stts",
    b"stsc",
    b"stsz",
    b"stz2",
    b"stco",
    b"co64",
    b"ctts",
    b"stss",
    b"mvex",
    b"trex",
    b"moof",
    b"traf",
    b"tfhd",
    b"tfdt",
    b"trun",
    b"mdat",
    b"senc",
    b"saiz",
    b"saio",
    b"sinf",
    b"schm",
    b"tenc",
    b"encv",
    b"enca",
    b"edts",
    b"elst",
    b"avc1",
    b"avcC",
    b"hvc1",
    b"hvcC",
    b"av01",
    b"av1C",
    b"mp4a",
    b"esds",
    b"ac-3",
    b"dac3",
    b"ec-3",
    b"dec3",
    b"Opus",
    b"dOps",
    b"wvtt",
    b"vttC",
    b"colr",
    b"\0\0\0\x08free",
    b"\0\0\0\x01mdat\0\0\0\0\0\0\0\x10",
    b"\0\0\0\0mdat",
];

/// The index of a track file, and all that is made of it.
pub(super) fn track(bytes: &[u8]) -> bool {
    let mut indexer = TrackIndexer::new();
    let pushed = bytes.chunks(10_007).try_for_each(|chunk| indexer.push(chunk));
    let Ok(index) = pushed.and_then(|()| indexer.finish()) else { return false };
    let read = TrackIndex::from_bytes(&index.to_bytes());
    assert_eq!(read.as_ref(), Ok(&index), "an index that is stored is the same when it is read");
    use_index(&index, Some(bytes));
    true
}

/// A stored index.
pub(super) fn index(bytes: &[u8]) -> bool {
    TrackIndex::from_bytes(bytes).is_ok_and(|index| {
        use_index(&index, None);
        true
    })
}

fn use_index(index: &TrackIndex, file: Option<&[u8]>) {
    index.frame_rate();
    let segments = index.segments(1);
    let aligned = index.segments_aligned_to(index, &segments);
    for scheme in [Scheme::Cbcs { iv: [9; 16] }, Scheme::Cenc { iv_prefix: IvPrefix([9; 4]) }] {
        let protection = Protection { scheme, key_id: [7; 16] };
        let pssh = Pssh::common(&[[7; 16]]).write().expect("one key id is far below the limits of a box");
        index.init_segment(Some(&protection), &[pssh]);
        let _ = index.bandwidth_of(&segments, Some(&protection));
        for segment in segments.iter().chain(&aligned) {
            use_segment(index, segment, &protection, file);
        }
    }
}

/// A segment that has a header can be encrypted, and decrypted to what it was.
fn use_segment(index: &TrackIndex, segment: &Segment, protection: &Protection, file: Option<&[u8]>) {
    let Ok(header) = index.segment_header(segment, Some(protection)) else { return };
    let Some(file) = file else { return };
    let ranges = segment.data_ranges(index).into_iter();
    let clear: Vec<u8> = ranges.flat_map(|range| file[range.start as usize..range.end as usize].to_vec()).collect();
    let (cipher, mut data) = (SegmentCipher::new(&[5; 16], protection), clear.clone());
    cipher.encrypt(index, segment, &mut data).expect("a segment with a header can be encrypted");
    let size = index.segment_size(segment, Some(protection));
    assert_eq!(size, Ok((header.len() + data.len()) as u64), "its size is known without its data");
    cipher.decrypt(index, segment, &mut data).expect("what was encrypted can be decrypted");
    assert!(data == clear, "decryption undoes encryption: segment {}", segment.number);
}

/// A movie of several tracks, with all of its samples.
pub(super) fn movie(bytes: &[u8]) -> bool {
    let mut reader = MovieReader::new(bytes.len() as u64);
    while let Some(range) = reader.wanted() {
        if reader.give(&bytes[range.start as usize..range.end as usize]).is_err() {
            return false;
        }
    }
    reader.finish().is_ok_and(|movie| {
        for track in &movie.tracks {
            assert_eq!(track.samples().count() as u64, track.sample_count(), "all samples are there");
        }
        true
    })
}

/// Anything at all, none of which is refused: those that nothing is wrong with are counted.
pub(super) fn inspect(bytes: &[u8]) -> bool {
    let mut inspector = Inspector::new(bytes.len() as u64, InspectLimits { boxes: 1_000, samples: 10 });
    while let Some(range) = inspector.wanted() {
        inspector.give(&bytes[range.start as usize..range.end as usize]);
    }
    inspector.finish().is_sound()
}
