//! What is taken, and what comes of it.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;
use tessera_cenc::TrackIndexer;
use tessera_contract_media::{Asset, AssetDescriptor, AssetState, GetAssetLog, Media, TrackKind};
use tessera_isobmff::TrackIndex;
use tessera_media::{MediaConfig, Undivided};
use tessera_store::StoreConfig;
use tessera_test_media::{Bench, picture, shared, tone};
use tessera_testing::{TempDir, clock, temp_dir};

use crate::world::{World, config, staff};

pub(crate) async fn world() -> (World, TempDir) {
    let folder = temp_dir();
    let store = StoreConfig::sqlite(folder.path());
    (World::open_with(&store, folder.path().into(), clock(), config()).await, folder)
}

/// The asset made of a file, its descriptor, and its tracks in the clear with their indexes.
pub(crate) struct Made {
    pub(crate) asset: Asset,
    pub(crate) descriptor: AssetDescriptor,
    pub(crate) tracks: Vec<(Vec<u8>, TrackIndex)>,
}

/// The asset made of these bytes, once a worker has ended with it.
pub(crate) async fn finished(world: &World, bytes: &[u8]) -> Asset {
    let id = world.film("acme", bytes).await;
    world.ended("acme", &id).await
}

pub(crate) async fn make(world: &World, bytes: &[u8]) -> Made {
    let working = world.work();
    let asset = finished(world, bytes).await;
    working.stop().await;
    assert_eq!(asset.state, AssetState::Ready, "{asset:?}");
    Made::of(world, asset).await
}

impl Made {
    /// All of a ready asset.
    pub(crate) async fn of(world: &World, asset: Asset) -> Self {
        let descriptor = world.descriptor("acme", &asset.asset_id).await;
        let mut tracks = Vec::new();
        for track in &descriptor.tracks {
            let clear = world.track("acme", &descriptor, &track.blob).await;
            assert_eq!(clear.len() as u64, track.size_bytes);
            let mut indexer = TrackIndexer::new();
            indexer.push(&clear).unwrap();
            let stored: TrackIndex = serde_json::from_slice(&world.blob("acme", &track.index_blob).await).unwrap();
            assert_eq!(indexer.finish().unwrap(), stored, "{}: the stored index is the track's", track.track_id);
            tracks.push((clear, stored));
        }
        Self { asset, descriptor, tracks }
    }

    pub(crate) fn size(&self, track: usize) -> (u16, u16) {
        match self.tracks[track].1.kind {
            tessera_isobmff::TrackKind::Video(format) => (format.width, format.height),
            tessera_isobmff::TrackKind::Audio(_) => panic!("track {track} is sound"),
        }
    }

    pub(crate) fn track_ids(&self) -> Vec<&str> {
        self.descriptor.tracks.iter().map(|track| track.track_id.as_str()).collect()
    }
}

/// Makes an asset of each file that FFmpeg writes with these words, and looks at what every asset has.
async fn every_film_is_made(films: &[(&str, &str, &str, &str, Option<&str>)]) {
    let bench = Bench::new();
    let (world, _folder) = world().await;
    for (file, words, container, video, audio) in films {
        let sound = if audio.is_some() { tone(1.0) } else { String::new() };
        let Some(_) = bench.ffmpeg(&format!("{} {sound} {words} {file}", picture("128x96", 10, 1))) else { return };
        let made = make(&world, &bench.read(file)).await;
        let source = made.asset.source.as_ref().unwrap();
        assert_eq!((source.container.as_str(), source.video_codec.as_str()), (*container, *video), "{file}");
        assert_eq!(source.audio_codec.as_deref(), *audio, "{file}");
        assert_eq!((source.width, source.height, source.frame_rate), (128, 96, 10.0), "{file}");
        let expected = if audio.is_some() { vec!["v96", "a1"] } else { vec!["v96"] };
        assert_eq!((made.track_ids(), made.asset.renditions.as_slice()), (expected, [96].as_slice()), "{file}");
        assert_eq!((made.size(0), made.asset.duration_seconds), ((128, 96), Some(1.0)), "{file}");
        assert!(made.descriptor.poster_blob.is_some(), "{file}: no poster");
        bench.write("check.mp4", &made.tracks[0].0);
        bench.ffmpeg("-xerror -i check.mp4 -f null -");
    }
}

#[tokio::test]
async fn mp4_is_taken_with_every_codec() {
    every_film_is_made(&[
        ("h264.mp4", "-c:v libx264 -c:a aac", "mp4", "h264", Some("aac")),
        ("hevc.mp4", "-c:v libx265 -x265-params log-level=none", "mp4", "hevc", None),
        ("vp9.mp4", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libopus", "mp4", "vp9", Some("opus")),
        ("av1.mp4", "-c:v libaom-av1 -usage realtime -cpu-used 8 -c:a aac", "mp4", "av1", Some("aac")),
    ])
    .await;
}

#[tokio::test]
async fn mov_is_taken_with_and_without_sound() {
    every_film_is_made(&[
        ("h264.mov", "-c:v libx264 -c:a pcm_s16le", "mov", "h264", Some("pcm_s16le")),
        ("hevc.mov", "-c:v libx265 -x265-params log-level=none -tag:v hvc1", "mov", "hevc", None),
    ])
    .await;
}

#[tokio::test]
async fn mkv_is_taken_with_every_codec() {
    every_film_is_made(&[
        ("h264.mkv", "-c:v libx264 -c:a ac3", "matroska", "h264", Some("ac3")),
        ("hevc.mkv", "-c:v libx265 -x265-params log-level=none -c:a flac", "matroska", "hevc", Some("flac")),
        ("vp9.mkv", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8", "matroska", "vp9", None),
        ("av1.mkv", "-c:v libaom-av1 -usage realtime -cpu-used 8", "matroska", "av1", None),
    ])
    .await;
}

#[tokio::test]
async fn webm_is_taken_with_and_without_sound() {
    every_film_is_made(&[
        ("vp9.webm", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libvorbis", "webm", "vp9", Some("vorbis")),
        ("av1.webm", "-c:v libaom-av1 -usage realtime -cpu-used 8 -c:a libopus", "webm", "av1", Some("opus")),
        ("silent.webm", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8", "webm", "vp9", None),
    ])
    .await;
}

#[tokio::test]
async fn cover_art_is_left_out_and_subtitles_are_no_tracks() {
    let bench = Bench::new();
    bench.write("words.srt", b"1\n00:00:00,000 --> 00:00:01,000\nHello.\n");
    let Some(_) = bench.ffmpeg("-f lavfi -i testsrc2=size=64x48 -frames:v 1 cover.png") else { return };
    let beside = "-i words.srt -attach cover.png -metadata:s:t mimetype=image/png";
    bench.ffmpeg(&format!("{} {beside} -c:v libx264 -c:s srt film.mkv", picture("128x96", 10, 1)));
    let (world, _folder) = world().await;
    let made = make(&world, &bench.read("film.mkv")).await;
    assert_eq!((made.track_ids(), made.size(0)), (vec!["v96"], (128, 96)));
    assert_eq!(made.asset.subtitles.len(), 1);
}

#[tokio::test]
async fn a_landscape_film_gets_a_ladder_cut_at_the_same_pictures() {
    let bench = Bench::new();
    let words = format!("{} {} -c:v libx264 -preset ultrafast -c:a aac film.mp4", picture("860x480", 25, 5), tone(5.0));
    let Some(_) = bench.ffmpeg(&words) else { return };
    let (world, _folder) = world().await;
    let made = make(&world, &bench.read("film.mp4")).await;
    assert_eq!(made.track_ids(), ["v480", "v360", "v240", "a1"]);
    assert_eq!([made.size(0), made.size(1), made.size(2)], [(860, 480), (640, 358), (426, 238)]);
    for (_, index) in &made.tracks[..3] {
        let durations: Vec<f64> =
            index.fragments().iter().map(|f| f.duration() as f64 / f64::from(index.timescale)).collect();
        assert_eq!(durations, [2.0, 2.0, 1.0]);
        assert_eq!(index.frame_rate(), Some((25, 1)));
        assert!(index.codec.starts_with("avc1."), "{}", index.codec);
        let first: Vec<bool> =
            index.fragments().iter().filter_map(|f| f.samples().next().map(|s| s.flags & 0x1_0000 == 0)).collect();
        assert_eq!(first, [true; 3], "every fragment begins with a picture that stands alone");
    }
    let (_, sound) = &made.tracks[3];
    assert_eq!((made.descriptor.tracks[3].kind, sound.codec.as_str()), (TrackKind::Audio, "mp4a.40.2"));
    assert!(matches!(sound.kind, tessera_isobmff::TrackKind::Audio(f) if f.channels == 2 && f.sample_rate == 48_000));

    let poster = world.blob("acme", made.descriptor.poster_blob.as_deref().unwrap()).await;
    assert!(poster.starts_with(&[0xff, 0xd8, 0xff]), "the poster is a JPEG in the clear");
    let names = world.blob_names("acme").await;
    assert_eq!(names.len(), 2 * 4 + 2, "tracks, poster, thumbnails, and no chunk: {names:?}");
    assert!(world.scratch().is_empty(), "no scratch is left");
}

#[tokio::test]
async fn every_language_is_kept_and_surround_beside_stereo() {
    let bench = Bench::new();
    let tones =
        "-f lavfi -i sine=f=440:d=2 -f lavfi -i sine=f=550:d=2 -f lavfi -i sine=f=660:d=2 -f lavfi -i sine=f=770:d=2";
    let maps = "-map 0 -map 1 -map 2 -map 3 -map 4 -ac:a:1 6 -c:v libx264 -c:a ac3";
    let said = "-metadata:s:a:0 language=fre -metadata:s:a:1 language=ger -metadata:s:a:2 language=ger \
        -disposition:a:0 0 -disposition:a:1 default -disposition:a:2 comment -disposition:a:3 0";
    let words = format!("{} {tones} {maps} {said} film.mkv", picture("128x96", 25, 2));
    let Some(_) = bench.ffmpeg(&words) else { return };
    let (world, _folder) = world().await;
    let made = make(&world, &bench.read("film.mkv")).await;
    assert_eq!(made.track_ids(), ["v96", "a1", "a2", "a3", "a1s"]);
    let sound = |track: usize| match made.tracks[track].1.kind {
        tessera_isobmff::TrackKind::Audio(format) => (made.tracks[track].1.language.as_str(), format.channels),
        tessera_isobmff::TrackKind::Video(_) => panic!("track {track} is pictures"),
    };
    assert_eq!([sound(1), sound(2), sound(3), sound(4)], [("deu", 2), ("fra", 2), ("und", 2), ("deu", 6)]);
    // The commentary is left out: its pitch is in none of the tracks.
    for (track, pitch) in [(1, 550), (2, 440), (3, 770), (4, 550)] {
        bench.write("track.mp4", &made.tracks[track].0);
        let loudness = |filter: String| -> f64 {
            let words = format!(
                "-i track.mp4 -af {filter},astats=metadata=1,ametadata=print:key=lavfi.astats.Overall.RMS_level:file=- -f null -"
            );
            let told = String::from_utf8(bench.ffmpeg(&words).unwrap()).unwrap();
            told.lines().filter_map(|line| line.split_once('=')?.1.parse().ok()).next_back().unwrap()
        };
        let (all, without) = (loudness("anull".into()), loudness(format!("bandreject=f={pitch}:w=60")));
        assert!(all - without > 6.0, "track {track} has not the pitch {pitch}: {all} dB, {without} dB without it");
    }
}

#[tokio::test]
async fn sound_becomes_as_loud_as_was_set_and_never_clips() {
    let bench = Bench::new();
    // Loud, quiet, and quiet with a click that leaves no room.
    let click = "-f lavfi -i aevalsrc='0.004*sin(2764*t)+0.9*between(t,1,1.002)':d=4:s=48000 -c:a aac";
    let sine = |db: i32| format!("-f lavfi -i sine=f=1000:d=4,volume={db}dB -c:a aac");
    let (world, _folder) = world().await;
    let mut found = Vec::new();
    for (file, sound) in [("loud.mp4", sine(12)), ("quiet.mp4", sine(-12)), ("click.mp4", click.into())] {
        let Some(_) = bench.ffmpeg(&format!("{} {sound} -c:v libx264 {file}", picture("128x96", 10, 4))) else {
            return;
        };
        let made = make(&world, &bench.read(file)).await;
        bench.write("track.mp4", &made.tracks[1].0);
        let words = "-i track.mp4 -af ebur128=metadata=1:peak=true,ametadata=mode=print:file=- -f null -";
        let told = String::from_utf8(bench.ffmpeg(words).unwrap()).unwrap();
        let last = |key: &str| -> f64 {
            told.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('=')?.parse().ok()).next_back().unwrap()
        };
        found.push((file, last("lavfi.r128.I"), 20.0 * last("lavfi.r128.true_peak").log10()));
    }
    for (file, loudness, _) in &found[..2] {
        assert!((loudness + 23.0).abs() < 0.5, "{file}: {loudness} LUFS");
    }
    let (_, loudness, peak) = found[2];
    let kept_below = loudness < -23.5 && (-1.5..-0.5).contains(&peak);
    assert!(kept_below, "the click leaves no more room: {loudness} LUFS, {peak} dBTP");
}

#[tokio::test]
async fn small_renditions_of_a_fast_film_have_every_other_picture_and_the_same_cuts() {
    let bench = Bench::new();
    let words = format!("{} -c:v libx264 -preset ultrafast film.mp4", picture("1280x720", 50, 5));
    let Some(_) = bench.ffmpeg(&words) else { return };
    let (world, _folder) = world().await;
    let made = make(&world, &bench.read("film.mp4")).await;
    let told: Vec<_> = made
        .tracks
        .iter()
        .map(|(_, index)| {
            let starts = index.fragments().iter().map(|f| f.base_decode_time() as f64 / f64::from(index.timescale));
            (index.frame_rate(), starts.collect::<Vec<_>>(), index.duration() as f64 / f64::from(index.timescale))
        })
        .collect();
    let expected = |rate| (Some((rate, 1)), vec![0.0, 2.0, 4.0], 5.0);
    assert_eq!(told, [expected(50), expected(25), expected(25), expected(25)]);
}

#[tokio::test]
async fn a_plan_can_be_had_without_making_anything() {
    let bench = Bench::new();
    let words = format!("{} {} -c:v libx264 -c:a aac film.mp4", picture("640x360", 50, 1), tone(1.0));
    let Some(_) = bench.ffmpeg(&words) else { return };
    std::fs::set_permissions(bench.path("."), std::fs::Permissions::from_mode(0o755)).unwrap();
    let scratch = temp_dir();
    let preview = tessera_media::plan(&config(), None, &bench.path("film.mp4"), scratch.path()).await.unwrap();
    assert_eq!((preview.early, preview.chunks.undivided), (vec![], Some(Undivided::Short)));
    let plan = preview.plan;
    let video: Vec<_> = plan.video.iter().map(|v| (v.track_id.as_str(), v.width, v.height, v.frame_rate)).collect();
    assert_eq!(video, [("v360", 640, 360, 25.0), ("v240", 426, 240, 25.0)]);
    assert_eq!((plan.audio.len(), plan.source.video_codec.as_str()), (1, "h264"));
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0, "nothing is left");
    bench.write("words.txt", b"no film");
    let refused = tessera_media::plan(&config(), None, &bench.path("words.txt"), scratch.path()).await;
    assert!(matches!(refused, Err(tessera_media::PreviewError::Refused(_))), "{refused:?}");
}

#[tokio::test]
async fn a_plan_says_what_is_made_first_and_in_which_parts() {
    let bench = Bench::new();
    let words = format!("{} {} -c:v libx264 -preset ultrafast -c:a aac film.mp4", picture("640x360", 25, 9), tone(9.0));
    let Some(_) = bench.ffmpeg(&words) else { return };
    std::fs::set_permissions(bench.path("."), std::fs::Permissions::from_mode(0o755)).unwrap();
    let config = MediaConfig { early_from_seconds: 9, encode_chunk_seconds: 4, ..config() };
    let preview = tessera_media::plan(&config, None, &bench.path("film.mp4"), temp_dir().path()).await.unwrap();
    assert_eq!(preview.early, ["v360", "a1"]);
    let json = serde_json::to_value(&preview).unwrap();
    assert_eq!(json["chunks"], json!({"count": 2, "begin_seconds": [0.0, 4.0]}));
    assert_eq!((&json["early"], &json["video"][1]["track_id"]), (&json!(["v360", "a1"]), &json!("v240")));
    // And so it is done.
    let folder = temp_dir();
    let store = StoreConfig::sqlite(folder.path());
    let world = World::open_with(&store, folder.path().into(), clock(), config).await;
    let made = make(&world, &bench.read("film.mp4")).await;
    let request = GetAssetLog { asset_id: made.asset.asset_id.clone() };
    let log = world.media.get_asset_log(&staff("acme"), request).await.unwrap();
    let said = |words: &str| log.lines.iter().any(|line| line.message == words);
    assert!(said("encoding in 2 parts") && said("the whole first rendition can be played"), "{log:?}");
}

#[tokio::test]
async fn a_standing_picture_stands_whether_by_size_or_by_rotation() {
    let bench = Bench::new();
    let portrait = format!("{} -c:v libx264 portrait.mp4", picture("270x480", 10, 1));
    let lying = format!("{} -c:v libx264 lying.mp4", picture("480x270", 10, 1));
    let Some(_) = bench.ffmpeg(&portrait).and(bench.ffmpeg(&lying)) else { return };
    bench.ffmpeg("-i lying.mp4 -c copy -metadata:s:v:0 rotate=90 rotated.mov");
    let (world, _folder) = world().await;
    for file in ["portrait.mp4", "rotated.mov"] {
        let made = make(&world, &bench.read(file)).await;
        let source = made.asset.source.as_ref().unwrap();
        assert_eq!((source.width, source.height), (270, 480), "{file}");
        assert_eq!((made.track_ids(), made.size(0)), (vec!["v240"], (240, 426)), "{file}");
        assert_eq!(made.asset.renditions, [426], "{file}");
    }
}

#[tokio::test]
async fn a_varying_frame_rate_becomes_constant_and_odd_sides_even() {
    let bench = Bench::new();
    let varying =
        "-f lavfi -i testsrc2=size=129x97:rate=30:duration=2 -vf select='not(mod(n,3))+lt(n,30)' -fps_mode vfr";
    let Some(_) = bench.ffmpeg(&format!("{varying} -pix_fmt yuv444p -c:v libx264 film.mkv")) else { return };
    let (world, _folder) = world().await;
    let made = make(&world, &bench.read("film.mkv")).await;
    assert_eq!(made.size(0), (128, 96));
    let index = &made.tracks[0].1;
    let durations: std::collections::BTreeSet<u32> =
        index.fragments().iter().flat_map(|f| f.samples().map(|s| s.duration).collect::<Vec<_>>()).collect();
    assert_eq!(durations.len(), 1, "every picture lasts as long: {durations:?}");
}

#[tokio::test]
async fn nothing_that_a_source_says_of_itself_is_passed_on() {
    let bench = Bench::new();
    let tags = "-metadata title=whereabouts -metadata location=+52.5+013.4/ -metadata:s:v:0 handler_name=whereabouts";
    let words = format!("{} -c:v libx264 {tags} film.mp4", picture("128x96", 10, 1));
    let Some(_) = bench.ffmpeg(&words) else { return };
    let (world, _folder) = world().await;
    let made = make(&world, &bench.read("film.mp4")).await;
    for needle in [b"whereabouts".as_slice(), b"+52.5"] {
        assert!(!made.tracks[0].0.windows(needle.len()).any(|w| w == needle), "the track says where it was filmed");
    }
}

#[tokio::test]
async fn a_real_film_is_made_and_tells_how_far_it_is() {
    let Some(path) = shared("media/bbb_720p25_5s.mp4") else { return };
    let (world, _folder) = world().await;
    let working = world.work();
    let id = world.film("acme", &std::fs::read(path).unwrap()).await;
    let halfway = world.once("acme", &id, |asset| asset.progress_percent > 5).await;
    assert!(halfway.stage.is_some() || halfway.state == AssetState::Ready, "{halfway:?}");
    let asset = world.ended("acme", &id).await;
    working.stop().await;
    assert_eq!((asset.state, asset.renditions), (AssetState::Ready, vec![720, 480, 360, 240]));
    assert!(
        asset.duration_seconds.is_some_and(|seconds| (4.9..=5.3).contains(&seconds)),
        "{:?}",
        asset.duration_seconds
    );
    let descriptor = json!(world.descriptor("acme", &id).await);
    assert_eq!(descriptor["tracks"][0]["track_id"], "v720");
}
