//! FFmpeg plays what our playlists describe: frame by frame, and with sound where the source has it.

use tessera_cenc::TrackIndexer;
use tessera_hls::{AudioRendition, MediaPlaylist, MediaSegment, MultivariantPlaylist, Resource, Run, Variant};
use tessera_isobmff::{Segment, TrackIndex};
use tessera_test_media::{Bench, picture, tone};

fn index(file: &[u8]) -> TrackIndex {
    let mut indexer = TrackIndexer::new();
    indexer.push(file).unwrap();
    indexer.finish().unwrap()
}

/// Writes a rendition's files, named by `prefix`, and its playlist.
fn rendition(bench: &Bench, prefix: &str, file: &[u8], index: &TrackIndex, segments: &[Segment]) {
    bench.write(&format!("{prefix}-init.mp4"), &index.init_segment(None, &[]));
    let uri = |segment: &Segment| format!("{prefix}-{}.m4s", segment.number);
    for segment in segments {
        let mut bytes = index.segment_header(segment, None).unwrap();
        let ranges = segment.data_ranges(index).into_iter();
        ranges.for_each(|range| bytes.extend(&file[range.start as usize..range.end as usize]));
        bench.write(&uri(segment), &bytes);
    }
    let segment =
        |segment: &Segment| MediaSegment { resource: Resource::file(uri(segment)), duration: segment.duration };
    let playlist = MediaPlaylist {
        timescale: index.timescale,
        runs: vec![Run {
            init: Some(Resource::file(format!("{prefix}-init.mp4"))),
            segments: segments.iter().map(segment).collect(),
            ..Run::default()
        }],
        ..MediaPlaylist::default()
    };
    bench.write(&format!("{prefix}.m3u8"), playlist.write().unwrap().as_bytes());
}

fn checksums(bench: &Bench, input: &str, stream: &str) -> Vec<String> {
    let text = bench.ffmpeg(&format!("-i {input} -map 0:{stream} -f framehash -hash md5 -")).unwrap();
    let lines = String::from_utf8(text).unwrap();
    let frames = lines.lines().filter(|line| !line.starts_with('#'));
    frames.filter_map(|line| line.rsplit(',').next().map(|sum| sum.trim().to_owned())).collect()
}

#[test]
fn a_presentation_with_separate_audio_plays_whole() {
    let bench = Bench::new();
    let video = format!("{} -c:v libx264 -g 50 -sc_threshold 0 -bf 2", picture("320x180", 25, 5));
    let Some(video) = bench.track("video.mp4", &video) else { return };
    let audio = bench.track("audio.mp4", &format!("{} -c:a aac -frag_duration 1500000", tone(5.0))).unwrap();
    let (video_index, audio_index) = (index(&video), index(&audio));
    let segments = video_index.segments(2);
    rendition(&bench, "v", &video, &video_index, &segments);
    rendition(&bench, "a", &audio, &audio_index, &audio_index.segments_aligned_to(&video_index, &segments));
    let playlist = MultivariantPlaylist {
        variants: vec![Variant {
            uri: "v.m3u8".to_owned(),
            bandwidth: video_index.bandwidth.peak + audio_index.bandwidth.peak,
            average_bandwidth: video_index.bandwidth.average + audio_index.bandwidth.average,
            codecs: vec![video_index.codec.clone(), audio_index.codec.clone()],
            resolution: Some((320, 180)),
            frame_rate: video_index.frame_rate(),
            audio: Some("aac".to_owned()),
            ..Variant::default()
        }],
        audio: vec![AudioRendition {
            group: "aac".to_owned(),
            name: "English".to_owned(),
            language: Some("en".to_owned()),
            default: true,
            channels: 1,
            uri: "a.m3u8".to_owned(),
            ..AudioRendition::default()
        }],
        ..MultivariantPlaylist::default()
    };
    bench.write("main.m3u8", playlist.write().unwrap().as_bytes());
    let frames = checksums(&bench, "main.m3u8", "v");
    assert_eq!(frames.len(), 125);
    assert_eq!(frames, checksums(&bench, "video.mp4", "v"), "pictures");
    // The demuxer restarts decoding nowhere, so sound is the source's to the last sample.
    assert_eq!(checksums(&bench, "main.m3u8", "a"), checksums(&bench, "audio.mp4", "a"), "sound");
}

#[test]
fn byte_ranges_of_one_file_play_whole() {
    let bench = Bench::new();
    let video = format!("{} -c:v libx264 -g 50 -sc_threshold 0 -bf 2", picture("320x180", 25, 5));
    let Some(video) = bench.track("video.mp4", &video) else { return };
    let index = index(&video);
    let mut file = index.init_segment(None, &[]);
    let init = Resource::range("one.mp4", 0, file.len() as u64);
    let mut segments = Vec::new();
    for segment in index.segments(2) {
        let offset = file.len() as u64;
        file.extend(index.segment_header(&segment, None).unwrap());
        let ranges = segment.data_ranges(&index).into_iter();
        ranges.for_each(|range| file.extend(&video[range.start as usize..range.end as usize]));
        let resource = Resource::range("one.mp4", offset, file.len() as u64 - offset);
        segments.push(MediaSegment { resource, duration: segment.duration });
    }
    bench.write("one.mp4", &file);
    let run = Run { init: Some(init), segments, ..Run::default() };
    let playlist = MediaPlaylist { timescale: index.timescale, runs: vec![run], ..MediaPlaylist::default() };
    bench.write("one.m3u8", playlist.write().unwrap().as_bytes());
    assert_eq!(checksums(&bench, "one.m3u8", "v"), checksums(&bench, "video.mp4", "v"));
}
