//! Renditions in several codecs, by deployment and by tenant.

use std::collections::BTreeMap;

use tessera_contract_media::AssetState;
use tessera_media::{LadderChange, LadderConfig, MediaConfig, RungConfig, TenantConfig, VideoCodec};
use tessera_store::StoreConfig;
use tessera_test_media::{Bench, picture};
use tessera_testing::{TempDir, clock, temp_dir};

use crate::{
    accepted::make,
    world::{World, config},
};

/// `sample_is_non_sync_sample` (ISO/IEC 14496-12 §8.8.3.1).
const NOT_SYNC: u32 = 0x1_0000;

pub(crate) const ALL: [VideoCodec; 3] = [VideoCodec::H264, VideoCodec::Hevc, VideoCodec::Av1];

pub(crate) async fn world(config: MediaConfig) -> (World, TempDir) {
    let folder = temp_dir();
    let store = StoreConfig::sqlite(folder.path());
    (World::open_with(&store, folder.path().into(), clock(), config).await, folder)
}

/// Small rungs in these codecs.
pub(crate) fn rungs(codecs: &[VideoCodec], classes: &[u32]) -> LadderConfig {
    let rung = |class: &u32| RungConfig { class: *class, h264_kbps: 900, hevc_kbps: 700, av1_kbps: 600 };
    LadderConfig { codecs: codecs.to_vec(), rungs: classes.iter().map(rung).collect(), ..LadderConfig::default() }
}

#[tokio::test]
async fn every_codec_is_cut_at_the_same_pictures() {
    let bench = Bench::new();
    // Cuts in the picture, where an encoder that is free to would begin a group of its own.
    let words = "-f lavfi -i testsrc2=size=320x180:rate=50:duration=5.3 -vf negate=enable='between(mod(t,1.3),0,0.6)'";
    let Some(_) = bench.ffmpeg(&format!("{words} -c:v libx264 -preset ultrafast film.mp4")) else { return };
    let (world, _folder) = world(MediaConfig { ladder: rungs(&ALL, &[180, 90]), ..config() }).await;
    let made = make(&world, &bench.read("film.mp4")).await;
    assert_eq!(made.track_ids(), ["v180", "v180-hevc", "v180-av1", "v90", "v90-hevc", "v90-av1"]);
    assert_eq!(made.asset.renditions, [180, 90]);
    for ((bytes, index), (id, coding)) in
        made.tracks.iter().zip(made.track_ids().iter().zip(["avc1", "hvc1", "av01"].into_iter().cycle()))
    {
        let seconds = |ticks: u64| ticks as f64 / f64::from(index.timescale);
        let starts: Vec<f64> = index.fragments().iter().map(|fragment| seconds(fragment.base_decode_time())).collect();
        assert_eq!((starts, seconds(index.duration())), (vec![0.0, 2.0, 4.0], 5.32), "{id}");
        assert!(index.codec.starts_with(coding), "{id}: {}", index.codec);
        assert_eq!(index.frame_rate(), Some((25, 1)), "{id}");
        let syncs: Vec<Vec<bool>> =
            index.fragments().iter().map(|f| f.samples().map(|s| s.flags & NOT_SYNC == 0).collect()).collect();
        assert!(
            syncs.iter().all(|syncs| syncs[0] && !syncs[1..].contains(&true)),
            "{id}: one group a fragment: {syncs:?}"
        );
        decodes_from_each_fragment(&bench, bytes, index);
    }
}

/// Every fragment decodes by itself, which an open group of pictures does not.
fn decodes_from_each_fragment(bench: &Bench, bytes: &[u8], index: &tessera_isobmff::TrackIndex) {
    for fragment in index.fragments() {
        let range = fragment.range();
        bench.write(
            "one.mp4",
            &[&bytes[..index.init_size as usize], &bytes[range.start as usize..range.end as usize]].concat(),
        );
        let told = bench.ffmpeg("-xerror -i one.mp4 -f framemd5 -").unwrap();
        let pictures = String::from_utf8(told).unwrap().lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(pictures, fragment.sample_count(), "{}: all pictures of a fragment are shown", index.codec);
    }
}

#[tokio::test]
async fn the_same_film_gives_the_same_av1() {
    let bench = Bench::new();
    // Noise, so that the encoder comes up against its highest bit rate. x264 with more than one thread misses this by a little.
    let noise = "-f lavfi -i color=gray:size=320x180:rate=25:duration=3 -vf noise=alls=24:allf=t";
    let Some(_) = bench.ffmpeg(&format!("{noise} -c:v libx264 -preset ultrafast film.mp4")) else { return };
    let (world, _folder) = world(MediaConfig { ladder: rungs(&[VideoCodec::Av1], &[180]), ..config() }).await;
    let (first, second) = (make(&world, &bench.read("film.mp4")).await, make(&world, &bench.read("film.mp4")).await);
    for ((one, index), (other, _)) in first.tracks.iter().zip(&second.tracks) {
        assert!(one == other, "{}: two runs differ", index.codec);
    }
}

#[tokio::test]
async fn a_tenant_has_the_ladder_that_was_set_for_it() {
    let bench = Bench::new();
    let Some(_) = bench.ffmpeg(&format!("{} -c:v libx264 film.mp4", picture("160x90", 10, 1))) else { return };
    let own = LadderChange { codecs: Some(vec![VideoCodec::Hevc]), ..LadderChange::default() };
    let tenants = BTreeMap::from([("globex".parse().unwrap(), TenantConfig { ladder: own })]);
    let (world, _folder) = world(MediaConfig { tenants, ..config() }).await;
    let working = world.work();
    let mut found = Vec::new();
    for tenant in ["acme", "globex"] {
        let id = world.film(tenant, &bench.read("film.mp4")).await;
        assert_eq!(world.ended(tenant, &id).await.state, AssetState::Ready);
        let descriptor = world.descriptor(tenant, &id).await;
        found.push(descriptor.tracks.iter().map(|track| track.track_id.clone()).collect::<Vec<_>>());
    }
    working.stop().await;
    assert_eq!(found, [["v90"], ["v90-hevc"]]);
}

#[tokio::test]
async fn a_film_that_looks_as_good_with_fewer_bits_gets_fewer_and_any_other_what_it_had() {
    let bench = Bench::new();
    let easy = "-f lavfi -i testsrc2=size=320x180:rate=25:duration=4 -c:v libx264 -preset ultrafast -crf 10 easy.mp4";
    let noise = "-f lavfi -i color=gray:size=320x180:rate=25:duration=4 -vf noise=alls=24:allf=t";
    let Some(_) = bench.ffmpeg(easy) else { return };
    bench.ffmpeg(&format!("{noise} -c:v libx264 -preset ultrafast -crf 10 hard.mp4"));
    let mut sizes = Vec::new();
    for by_content in [false, true] {
        let ladder = LadderConfig { by_content, ..rungs(&ALL, &[180]) };
        let (world, _folder) = world(MediaConfig { ladder, ..config() }).await;
        for film in ["easy.mp4", "hard.mp4"] {
            let made = make(&world, &bench.read(film)).await;
            sizes.push(made.tracks.iter().map(|(bytes, _)| bytes.len()).collect::<Vec<_>>());
        }
    }
    let [easy, hard, easy_by_content, hard_by_content] = sizes.try_into().unwrap();
    for (before, after) in easy.iter().zip(&easy_by_content) {
        assert!(*after < before * 19 / 20, "{easy:?} bytes, by content {easy_by_content:?}");
    }
    for (before, after) in hard.iter().zip(&hard_by_content) {
        let close = before.abs_diff(*after) < before / 100;
        assert!(close, "nothing is taken from a film that needs it: {hard:?} bytes, by content {hard_by_content:?}");
    }
}
