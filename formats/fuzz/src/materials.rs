//! Making the corpus: small real files of every format.

use std::{fs, io, path::PathBuf};

use tessera_cenc::{SegmentCipher, TrackIndexer};
use tessera_isobmff::{IvPrefix, Protection, Scheme, TrackIndex, TrackInit, TrackKind, TrackPart, TrackReader};
use tessera_pssh::{ContentKey, FairPlay, PlayReady, PlayReadyHeader, PlayReadyKey, Pssh, Widevine};
use tessera_test_media::{Bench, picture, tone};

/// Writes what FFmpeg makes, what comes of it, and DRM data. Playlists and subtitles are written by hand.
pub(crate) fn make() -> io::Result<()> {
    cues()?;
    drm()?;
    let bench = Bench::new();
    let mut tracks = Vec::new();
    for (name, words) in sources() {
        let missing = || io::Error::new(io::ErrorKind::NotFound, "FFmpeg is not installed");
        let track = bench.track("track.mp4", &words).ok_or_else(missing)?;
        write("mp4", &format!("{name}.mp4"), &track)?;
        tracks.push((name, track));
    }
    let film = format!(
        "{} {} -c:v libx264 -g 5 -bf 2 -c:a aac -b:a 32k -shortest -movflags +faststart -f mp4 film.mp4",
        picture("64x64", 10, 1),
        tone(1.0)
    );
    bench.ffmpeg(&film);
    write("mp4", "film.mp4", &bench.read("film.mp4"))?;
    for (name, track) in &tracks {
        of_track(name, track)?;
    }
    Ok(())
}

fn sources() -> Vec<(&'static str, String)> {
    let video = |size: &str, codec: &str| format!("{} -c:v {codec}", picture(size, 10, 1));
    let sound = |codec: &str| format!("{} -c:a {codec} -b:a 32k -frag_duration 300000", tone(0.6));
    vec![
        ("h264", video("64x64", "libx264 -g 5 -bf 2 -x264-params slices=2")),
        ("h264-interlaced", video("64x64", "libx264 -g 5 -flags +ilme+ildct -x264-params tff=1:bframes=1:weightp=2")),
        (
            "hevc",
            video(
                "128x128",
                "libx265 -tag:v hvc1 -preset ultrafast -x265-params slices=2:keyint=5:bframes=2:log-level=none",
            ),
        ),
        ("av1-tiles", video("128x128", "libaom-av1 -cpu-used 8 -tiles 2x2 -g 5")),
        (
            "av1-svt",
            video("128x128", "libsvtav1 -preset 10 -g 5 -svtav1-params film-grain=8:superres-mode=1:superres-denom=12"),
        ),
        ("vp9", video("64x64", "libvpx-vp9 -cpu-used 8 -auto-alt-ref 1 -lag-in-frames 8 -g 5")),
        ("aac", sound("aac")),
        ("ac3", sound("ac3")),
        ("eac3", sound("eac3")),
        ("opus", sound("libopus")),
    ]
}

/// What is made of a track: its index, protected films, and the samples of a video.
fn of_track(name: &str, track: &[u8]) -> io::Result<()> {
    let index = index(track).map_err(io::Error::other)?;
    write("index", &format!("{name}.tsix"), &index.to_bytes())?;
    for scheme in [Scheme::Cbcs { iv: [9; 16] }, Scheme::Cenc { iv_prefix: IvPrefix([9; 4]) }] {
        if matches!(name, "h264" | "av1-tiles" | "aac") {
            let file = protected(track, &index, scheme).map_err(io::Error::other)?;
            write("mp4", &format!("{name}-{}.mp4", String::from_utf8_lossy(scheme.code())), &file)?;
        }
    }
    match index.kind {
        TrackKind::Video(_) => samples(name, track),
        TrackKind::Audio(_) => Ok(()),
    }
}

fn index(track: &[u8]) -> Result<TrackIndex, tessera_cenc::Error> {
    let mut indexer = TrackIndexer::new();
    indexer.push(track)?;
    indexer.finish()
}

fn protected(track: &[u8], index: &TrackIndex, scheme: Scheme) -> Result<Vec<u8>, tessera_cenc::Error> {
    let protection = Protection { scheme, key_id: [7; 16] };
    let cipher = SegmentCipher::new(&[5; 16], &protection);
    let pssh = Pssh::common(&[[7; 16]]).write().expect("one key id is far below the limits of a box");
    let mut file = index.init_segment(Some(&protection), &[pssh]);
    for segment in index.segments(1) {
        file.extend(index.segment_header(&segment, Some(&protection))?);
        let ranges = segment.data_ranges(index).into_iter();
        let mut data: Vec<u8> =
            ranges.flat_map(|range| track[range.start as usize..range.end as usize].to_vec()).collect();
        cipher.encrypt(index, &segment, &mut data)?;
        file.extend(data);
    }
    Ok(file)
}

/// The codec's configuration and the samples, each behind a length.
fn samples(name: &str, track: &[u8]) -> io::Result<()> {
    let mut reader = TrackReader::new();
    reader.push(track);
    let mut file = Vec::new();
    let mut put = |bytes: &[u8]| {
        file.extend((bytes.len() as u32).to_be_bytes());
        file.extend(bytes);
    };
    let mut kind = "";
    while let Some(part) = reader.next_part().map_err(io::Error::other)? {
        match part {
            TrackPart::Init { init, .. } => {
                kind = kind_of(&init);
                put(configuration(&init)?);
            }
            TrackPart::Fragment { header, data, .. } => {
                let mut rest = data.as_slice();
                for sample in &header.samples {
                    let (bytes, after) = rest.split_at(sample.size as usize);
                    put(bytes);
                    rest = after;
                }
            }
        }
    }
    write(kind, &format!("{name}.bin"), &file)
}

fn kind_of(init: &TrackInit) -> &'static str {
    match &init.sample_entry.format.0 {
        b"avc1" => "avc",
        b"hvc1" => "hevc",
        b"vp09" => "vp9",
        _ => "av1",
    }
}

/// The payload of the configuration box, which stands first after the fields of a video entry.
fn configuration(init: &TrackInit) -> io::Result<&[u8]> {
    let boxes = tessera_isobmff::Boxes::new(init.sample_entry.format, &init.sample_entry.body[78..]);
    let first = boxes.clone().next().ok_or_else(|| io::Error::other("a video entry has a configuration"))?;
    first.map(|found| found.payload).map_err(io::Error::other)
}

/// Samples of the subtitles in the corpus, each behind a length.
fn cues() -> io::Result<()> {
    for material in tessera_fuzz::corpus("text")? {
        let reading = tessera_webvtt::read(&material.bytes).map_err(io::Error::other)?;
        let segments = reading.track.segments(6_000, 12_000).map_err(io::Error::other)?;
        let samples = segments.iter().flat_map(|segment| &segment.samples);
        let behind = |data: &Vec<u8>| [&(data.len() as u32).to_be_bytes(), data.as_slice()].concat();
        let file: Vec<u8> = samples.flat_map(|sample| behind(&sample.data)).collect();
        write("cues", &format!("{}.bin", material.name), &file)?;
    }
    Ok(())
}

/// The boxes of every system together, and the data of each alone.
fn drm() -> io::Result<()> {
    let key = ContentKey { id: [7; 16], checksum: Some([1; 8]) };
    let protection = tessera_pssh::Protection {
        scheme: tessera_pssh::Scheme::Cbcs,
        key,
        key_ids: vec![[7; 16], [8; 16]],
        common: true,
        widevine: Some(Widevine { provider: Some("tessera".to_owned()), content_id: b"film".to_vec() }),
        playready: Some(PlayReady { licence_url: Some("https://example.com/?a=1&b=2".to_owned()) }),
        fairplay: Some(FairPlay { uri: "skd://film".to_owned(), write_box: true }),
    };
    let mut all = Vec::new();
    for found in protection.boxes().map_err(io::Error::other)? {
        all.extend(found.write().map_err(io::Error::other)?);
    }
    write("pssh", "all.bin", &all)?;
    let widevine = protection.widevine_data().map(|data| data.write()).unwrap_or_default();
    write("pssh", "widevine.bin", &widevine)?;
    let object = protection.playready_object().map_err(io::Error::other)?;
    let object = object.map(|object| object.write()).transpose().map_err(io::Error::other)?;
    write("pssh", "playready.bin", &object.unwrap_or_default())?;
    let header = PlayReadyHeader {
        scheme: tessera_pssh::Scheme::Cenc,
        keys: vec![PlayReadyKey { id: key.id, checksum: key.checksum }],
        licence_url: None,
    };
    write("pssh", "playready.xml", header.write().map_err(io::Error::other)?.as_bytes())
}

fn write(kind: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus").join(kind);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), bytes)
}
