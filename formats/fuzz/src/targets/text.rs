//! Playlists, subtitles and DRM data.

use tessera_hls::{MediaPlaylist, MultivariantPlaylist};
use tessera_pssh::{PlayReadyHeader, PlayReadyObject, Pssh, WidevineData};
use tessera_webvtt::{Reading, TIMESCALE, TextSample, TextSegment, Track};

/// Tags and attributes of RFC 8216bis.
pub(super) const HLS_WORDS: &[&[u8]] = &[
    b"#EXTM3U\n",
    b"#EXT-X-VERSION:7\n",
    b"#EXTINF:6.0,\n",
    b"#EXT-X-TARGETDURATION:6\n",
    b"#EXT-X-BYTERANGE:10@5\n",
    b"#EXT-X-MAP:URI=\"i\",BYTERANGE=\"9@0\"\n",
    b"#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"k\"\n",
    b"#EXT-X-STREAM-INF:BANDWIDTH=1\n",
    b"#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"b\"\n",
    b"#EXT-X-DISCONTINUITY\n",
    b"#EXT-X-ENDLIST\n",
    b"\"",
    b",",
    b"=",
    b"\r\n",
    b"99999999999999999999",
    b"-1",
    b"\xef\xbb\xbf",
    b"\0",
    b"%2e%2e/",
];

/// What cues are made of.
pub(super) const CUE_WORDS: &[&[u8]] = &[
    b"WEBVTT\n\n",
    b"00:00:01.000 --> 00:00:02.000\n",
    b"00:00:01,000 --> 00:00:02,000\n",
    b"1\n",
    b"<i>",
    b"</i>",
    b"<v Bob>",
    b"{\\an8}",
    b"&amp;",
    b"NOTE\n",
    b"STYLE\n",
    b"REGION\n",
    b"X-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:00.000\n",
    b"\n\n",
    b"\r",
    b"-->",
    b"999999999:59:59.999",
    b"\xff\xfe",
    b"\0",
    b"line:0 position:50%",
];

/// Boxes, and fields of DRM data.
pub(super) const PSSH_WORDS: &[&[u8]] = &[
    b"\0\0\0\x20pssh\x01\0\0\0",
    b"<KID ALGID=\"AESCBC\" VALUE=\"",
    b"<WRMHEADER",
    b"</WRMHEADER>",
    b"<!DOCTYPE a [<!ENTITY b \"c\">]>",
    b"\x12\x10",
    b"\x48\xe3\xdc\x95\x9b\x06",
    b"\x01\0\x01\0",
    b"&b;",
];

pub(super) fn hls(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    tessera_hls::check(text);
    let multivariant = MultivariantPlaylist::read(text).map(|playlist| playlist.write());
    let media = MediaPlaylist::read(text).map(|playlist| playlist.write());
    multivariant.is_ok() || media.is_ok()
}

pub(super) fn webvtt(bytes: &[u8]) -> bool {
    let Ok(Reading { track, timestamp_map, .. }) = tessera_webvtt::read(bytes) else { return false };
    let written = track.write();
    assert!(tessera_webvtt::read(written.as_bytes()).is_ok(), "what is written can be read");
    track.hls_segment(0..6_000, timestamp_map);
    let _ = track.header().sample_entry(Some("label"));
    let end = track.cues().iter().map(|cue| cue.end()).max().unwrap_or(0).min(60_000);
    if let Ok(segments) = track.segments(6_000, end) {
        let _ = Track::from_segments(&track.header().write(), &segments);
    }
    let _ = track.shifted(-1_000).scaled(25, 24);
    !track.cues().is_empty()
}

/// Samples of subtitles in MP4: each behind a length of 32 bits, a second long.
pub(super) fn cues(mut bytes: &[u8]) -> bool {
    let mut samples = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<4>() {
        let (data, after) = rest.split_at((u32::from_be_bytes(*length) as usize).min(rest.len()));
        samples.push(TextSample { duration: TIMESCALE, data: data.to_vec() });
        bytes = after;
    }
    Track::from_segments("WEBVTT", &[TextSegment { start: 0, samples }]).is_ok()
}

pub(super) fn pssh(bytes: &[u8]) -> bool {
    let boxes = Pssh::read_all(bytes);
    for pssh in boxes.iter().flatten() {
        let _ = pssh.write();
        let _ = WidevineData::of(pssh).map(|data| data.write());
        let _ = PlayReadyObject::of(pssh).map(|object| object.write());
    }
    let header =
        std::str::from_utf8(bytes).is_ok_and(|text| PlayReadyHeader::read(text).is_ok_and(|h| h.write().is_ok()));
    let data = WidevineData::read(bytes).is_ok() || PlayReadyObject::read(bytes).is_ok();
    boxes.is_ok() || Pssh::read(bytes).is_ok() || data || header
}
