//! FFmpeg plays what our descriptions describe: frame by frame, and with sound where the source has it.
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere; clippy knows only functions marked #[test]")]

mod shaka;

use tessera_cenc::TrackIndexer;
use tessera_dash::{
    AdaptationSet, Media, Mpd, Representation, Role, SegmentTemplate, Segments, TimelineSegment, Video,
};
use tessera_isobmff::{Segment, TrackIndex, TrackKind};
use tessera_test_media::{Bench, picture, tone};

fn index(file: &[u8]) -> TrackIndex {
    let mut indexer = TrackIndexer::new();
    indexer.push(file).unwrap();
    indexer.finish().unwrap()
}

/// Writes a rendition's files, named by `id`, and returns its adaptation set.
fn rendition(bench: &Bench, id: &str, file: &[u8], index: &TrackIndex, segments: &[Segment]) -> AdaptationSet {
    bench.write(&format!("{id}-init.mp4"), &index.init_segment(None, &[]));
    for segment in segments {
        let mut bytes = index.segment_header(segment, None).unwrap();
        let ranges = segment.data_ranges(index).into_iter();
        ranges.for_each(|range| bytes.extend(&file[range.start as usize..range.end as usize]));
        bench.write(&format!("{id}-{}.m4s", segment.number), &bytes);
    }
    let media = match index.kind {
        TrackKind::Video(format) => Media::Video(Video {
            width: format.width.into(),
            height: format.height.into(),
            frame_rate: index.frame_rate(),
            sample_aspect_ratio: (1, 1),
            colour: None,
        }),
        TrackKind::Audio(format) => Media::Audio { sample_rate: format.sample_rate, channels: format.channels },
    };
    let timed = |s: &Segment| TimelineSegment { start: s.start, duration: s.duration };
    let representation = Representation {
        id: id.to_owned(),
        bandwidth: index.bandwidth.peak,
        codecs: Some(index.codec.clone()),
        media,
        segments: Segments::Template(SegmentTemplate {
            timescale: index.timescale,
            initialization: "$RepresentationID$-init.mp4".to_owned(),
            media: "$RepresentationID$-$Number$.m4s".to_owned(),
            segments: segments.iter().map(timed).collect(),
        }),
    };
    AdaptationSet { roles: vec![Role::Main], representations: vec![representation], ..AdaptationSet::default() }
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
    let aligned = audio_index.segments_aligned_to(&video_index, &segments);
    let mpd = Mpd {
        duration: (segments.iter().map(|segment| segment.duration).sum(), video_index.timescale),
        min_buffer_time: (2, 1),
        base_urls: Vec::new(),
        dynamic: None,
        adaptation_sets: vec![
            rendition(&bench, "v", &video, &video_index, &segments),
            rendition(&bench, "a", &audio, &audio_index, &aligned),
        ],
    };
    bench.write("main.mpd", mpd.write().unwrap().as_bytes());
    let frames = checksums(&bench, "main.mpd", "v");
    assert_eq!(frames.len(), 125);
    assert_eq!(frames, checksums(&bench, "video.mp4", "v"), "pictures");
    assert_eq!(checksums(&bench, "main.mpd", "a"), checksums(&bench, "audio.mp4", "a"), "sound");
}
