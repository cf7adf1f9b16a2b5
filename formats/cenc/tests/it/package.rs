//! Packages a whole track as the origin does, segment by segment.

use tessera_cenc::{SegmentCipher, TrackIndexer};
use tessera_isobmff::{IvPrefix, Protection, Scheme, Segment, TrackIndex};
use tessera_pssh::Pssh;

pub(crate) const KEY: [u8; 16] = 0x00112233_44556677_8899aabb_ccddeeff_u128.to_be_bytes();
pub(crate) const KEY_HEX: &str = "00112233445566778899aabbccddeeff";
pub(crate) const KEY_ID_HEX: &str = "0123456789abcdef0123456789abcdef";

/// Each scheme with its IV as Shaka Packager takes it: the constant one, or that of the first sample.
pub(crate) const SCHEMES: [(Scheme, &str); 2] = [
    (Scheme::Cbcs { iv: 0xd5fbd6b8_2ed93e4e_f98ae409_31ee33b7_u128.to_be_bytes() }, "d5fbd6b82ed93e4ef98ae40931ee33b7"),
    (Scheme::Cenc { iv_prefix: IvPrefix([0xd5, 0xfb, 0xd6, 0xb8]) }, "d5fbd6b800000000"),
];

pub(crate) fn protection(scheme: Scheme) -> Protection {
    Protection { scheme, key_id: 0x01234567_89abcdef_01234567_89abcdef_u128.to_be_bytes() }
}

/// Indexes a track file, pushed in chunks of an awkward size.
pub(crate) fn index(file: &[u8]) -> TrackIndex {
    let mut indexer = TrackIndexer::new();
    for chunk in file.chunks(77_777) {
        indexer.push(chunk).unwrap();
    }
    indexer.finish().unwrap()
}

/// A segment's data from the track file, still clear.
pub(crate) fn data(file: &[u8], index: &TrackIndex, segment: &Segment) -> Vec<u8> {
    let ranges = segment.data_ranges(index).into_iter();
    ranges.flat_map(|range| file[range.start as usize..range.end as usize].to_vec()).collect()
}

/// One media segment as served.
pub(crate) fn segment(file: &[u8], index: &TrackIndex, segment: &Segment, protection: Option<&Protection>) -> Vec<u8> {
    let mut bytes = index.segment_header(segment, protection).unwrap();
    let mut data = data(file, index, segment);
    if let Some(protection) = protection {
        SegmentCipher::new(&KEY, protection).encrypt(index, segment, &mut data).unwrap();
    }
    bytes.extend(data);
    assert_eq!(bytes.len() as u64, index.segment_size(segment, protection).unwrap());
    bytes
}

/// Init segment and all media segments, joined: what a player has read in the end.
pub(crate) fn presentation(
    file: &[u8],
    index: &TrackIndex,
    segments: &[Segment],
    protection: Option<&Protection>,
) -> Vec<u8> {
    let pssh: Vec<_> =
        protection.iter().map(|protection| Pssh::common(&[protection.key_id]).write().unwrap()).collect();
    let mut bytes = index.init_segment(protection, &pssh);
    segments.iter().for_each(|one| bytes.extend(segment(file, index, one, protection)));
    bytes
}
