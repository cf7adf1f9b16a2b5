//! High dynamic range: kept where the codec has it, and turned into standard range by measured levels where not.

use serde_json::Value;
use tessera_media::{MediaConfig, VideoCodec};
use tessera_test_media::Bench;

use crate::{
    accepted::{Made, make},
    ladder::{ALL, rungs, world},
    world::config,
};

const WIDTH: usize = 864;
/// Mastering display and light of the test film, as x265 takes them: a display of 1000 cd/m² with the primaries of P3.
const LIGHT: &str =
    "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50):max-cll=1000,180";

/// A grey ramp from 64 to 940 in 10 bits, coded without loss; none without FFmpeg.
fn ramp(bench: &Bench, transfer: &str, more: &str) -> Option<Vec<u8>> {
    let luma = format!("color=c=black:s={WIDTH}x128:r=5:d=1,format=yuv420p10le,geq=lum='64+X*876/863':cb=512:cr=512");
    let tags = format!("-color_primaries bt2020 -color_trc {transfer} -colorspace bt2020nc -color_range tv");
    let coded = format!("-c:v libx265 -preset ultrafast -x265-params lossless=1:log-level=error{more} -tag:v hvc1");
    bench.ffmpeg(&format!("-f lavfi -i {luma} {tags} {coded} film.mp4"))?;
    Some(bench.read("film.mp4"))
}

async fn made(film: &[u8]) -> Made {
    let ladder = rungs(&ALL, &[480]);
    let (world, _folder) = world(MediaConfig { ladder, ..config() }).await;
    make(&world, film).await
}

/// The levels of a line in the middle of the first picture, in this format of samples.
fn levels(bench: &Bench, track: &[u8], deep: bool) -> Vec<u16> {
    bench.write("track.mp4", track);
    let format = if deep { "yuv420p10le" } else { "yuv420p" };
    bench.ffmpeg(&format!("-i track.mp4 -frames:v 1 -pix_fmt {format} -f rawvideo line.yuv"));
    let bytes = bench.read("line.yuv");
    match deep {
        true => bytes.chunks(2).skip(64 * WIDTH).take(WIDTH).map(|b| u16::from_le_bytes([b[0], b[1]])).collect(),
        false => bytes[64 * WIDTH..65 * WIDTH].iter().map(|byte| u16::from(*byte)).collect(),
    }
}

/// Light in cd/m² of a signal from 0 to 1 (SMPTE ST 2084 §5.2).
fn pq(signal: f64) -> f64 {
    let (m1, m2) = (2610.0 / 16384.0, 2523.0 / 32.0);
    let (c1, c2, c3) = (3424.0 / 4096.0, 2413.0 / 128.0, 2392.0 / 128.0);
    let power = signal.powf(1.0 / m2);
    10_000.0 * ((power - c1).max(0.0) / (c2 - c3 * power)).powf(1.0 / m1)
}

/// Light in cd/m² of a grey signal from 0 to 1 on a display of 1000 cd/m² (ITU-R BT.2100 table 5).
fn hlg(signal: f64) -> f64 {
    let a = 0.178_832_77_f64;
    let (b, c) = (1.0 - 4.0 * a, 0.5 - a * (4.0 * a).ln());
    let scene = if signal <= 0.5 { signal * signal / 3.0 } else { (((signal - c) / a).exp() + b) / 12.0 };
    1000.0 * scene.powf(1.2)
}

/// The 8-bit level for light in cd/m²: in proportion to the reference white up to 0.3 of it, then towards the peak, on a
/// display as BT.1886 has it.
fn sdr_level(light: f64, peak: f64) -> f64 {
    let (light, peak, knee) = (light / 203.0, peak / 203.0, 0.3);
    let a = -knee * knee * (peak - 1.0) / (knee * knee - 2.0 * knee + peak);
    let b = (knee * knee - 2.0 * knee * peak + peak) / (peak - 1.0);
    let rolled = (b * b + 2.0 * b * knee + knee * knee) / (b - a) * (light + a) / (light + b);
    let display = if light <= knee { light } else { rolled };
    16.0 + 219.0 * display.min(1.0).powf(1.0 / 2.4)
}

fn field(bench: &Bench, track: &[u8]) -> Vec<Value> {
    bench.write("track.mp4", track);
    let words = "-v error -of json -show_streams -show_frames -read_intervals %+#1 track.mp4";
    let output =
        std::process::Command::new("ffprobe").args(words.split(' ')).current_dir(bench.path(".")).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    vec![report["streams"][0].clone(), report["frames"][0].clone()]
}

/// What the tracks say of themselves, and that grey stays and becomes what it is to.
fn check(bench: &Bench, made: &Made, transfer: &str, light: fn(f64) -> f64, peak: f64) {
    assert_eq!(made.track_ids(), ["v480", "v480-hevc", "v480-av1"], "{transfer}");
    for ((track, index), id) in made.tracks.iter().zip(made.track_ids()) {
        let deep = id != "v480";
        let [stream, _] = field(bench, track).try_into().unwrap();
        let said = ["pix_fmt", "color_transfer", "color_primaries", "color_space", "color_range"]
            .map(|name| stream[name].as_str().unwrap());
        let expected = match deep {
            true => ["yuv420p10le", transfer, "bt2020", "bt2020nc", "tv"],
            false => ["yuv420p", "bt709", "bt709", "bt709", "tv"],
        };
        assert_eq!(said, expected, "{transfer}: {id}");
        let points = match (deep, transfer) {
            (false, _) => [1, 1, 1],
            (true, "smpte2084") => [9, 16, 9],
            (true, _) => [9, 18, 9],
        };
        assert_eq!(index.sample_entry.colour(), Some(points), "{transfer}: what manifests are told of {id}");
        let levels = levels(bench, track, deep);
        // Coding costs a little; a step down of more than that would be seen as a band.
        let (near, step) = if deep { (12.0, 10) } else { (3.0, 2) };
        for (x, level) in levels.iter().enumerate().skip(4).take(WIDTH - 8) {
            let expected = match deep {
                true => 64.0 + x as f64 * 876.0 / 863.0,
                false => sdr_level(light(x as f64 / 863.0), peak),
            };
            let level = f64::from(*level);
            // Above its peak a film has no light.
            assert!(
                (level - expected).abs() <= near || light(x as f64 / 863.0) > peak,
                "{transfer} {id} at {x}: {level}, not {expected:.1}"
            );
        }
        let falls = levels[4..WIDTH - 4].windows(2).position(|pair| pair[1] + step < pair[0]);
        assert_eq!(falls, None, "{transfer} {id}: brighter light never becomes darker");
    }
}

#[tokio::test]
async fn pq_is_kept_with_its_metadata_and_toned_down_by_its_own_peak() {
    let bench = Bench::new();
    let Some(film) = ramp(&bench, "smpte2084", &format!(":hdr10=1:{LIGHT}")) else { return };
    let made = made(&film).await;
    check(&bench, &made, "smpte2084", pq, 1000.0);
    for (track, _) in &made.tracks[1..] {
        let [_, frame] = field(&bench, track).try_into().unwrap();
        let said = |name: &str| {
            let data = frame["side_data_list"].as_array().unwrap();
            data.iter().find_map(|data| data.get(name).cloned()).unwrap_or_else(|| panic!("no {name}: {frame}"))
        };
        let ratio = |name: &str| {
            let text = said(name);
            let (num, den) = text.as_str().unwrap().split_once('/').unwrap();
            num.parse::<f64>().unwrap() / den.parse::<f64>().unwrap()
        };
        assert!((ratio("green_y") - 0.69).abs() < 1e-4 && (ratio("white_point_x") - 0.3127).abs() < 1e-4);
        assert!((ratio("max_luminance") - 1000.0).abs() < 0.1 && (ratio("min_luminance") - 0.005).abs() < 1e-3);
        assert_eq!((said("max_content"), said("max_average")), (1000.into(), 180.into()));
    }
    let [_, frame] = field(&bench, &made.tracks[0].0).try_into().unwrap();
    assert!(
        !frame["side_data_list"].to_string().contains("max_content"),
        "standard range says nothing of a display: {frame}"
    );
}

#[tokio::test]
async fn pq_that_says_nothing_of_its_light_clips_nowhere() {
    let bench = Bench::new();
    let Some(film) = ramp(&bench, "smpte2084", "") else { return };
    let made = made(&film).await;
    check(&bench, &made, "smpte2084", pq, 10_000.0);
    let levels = levels(&bench, &made.tracks[0].0, false);
    assert!(levels[WIDTH - 6] <= 236 && levels[700] < levels[WIDTH - 6], "{levels:?}");
}

#[tokio::test]
async fn hlg_is_kept_and_toned_down() {
    let bench = Bench::new();
    let Some(film) = ramp(&bench, "arib-std-b67", "") else { return };
    check(&bench, &made(&film).await, "arib-std-b67", hlg, 1000.0);
}

#[tokio::test]
async fn wide_colours_of_standard_range_become_those_of_bt709() {
    let bench = Bench::new();
    // BT.2020's coding of the BT.709 colours (1, 0, 0) and (0.5, 0.5, 0.5).
    let coded = "zscale=pin=709:tin=709:min=gbr:rin=full:p=2020:t=2020_10:m=2020_ncl:r=limited,format=yuv420p10le";
    let pictures = "-f lavfi -i color=c=red:s=128x128:r=5:d=1,drawbox=x=64:y=0:w=64:h=64:c=gray:t=fill,format=gbrp";
    let tags = "-color_primaries bt2020 -color_trc bt2020-10 -colorspace bt2020nc -color_range tv";
    let words = format!("{pictures} -vf {coded} {tags} -c:v libx265 -x265-params lossless=1:log-level=error film.mp4");
    let Some(_) = bench.ffmpeg(&words) else { return };
    let ladder = rungs(&ALL, &[128]);
    let (world, _folder) = world(MediaConfig { ladder, ..config() }).await;
    let made = make(&world, &bench.read("film.mp4")).await;
    for ((track, _), depth) in made.tracks.iter().zip([8, 10, 10]) {
        bench.write("track.mp4", track);
        bench.ffmpeg("-i track.mp4 -frames:v 1 -vf scale=in_color_matrix=bt709,format=rgb24 -f rawvideo picture.rgb");
        let bytes = bench.read("picture.rgb");
        let at = |x: usize| [0, 1, 2].map(|colour| i32::from(bytes[3 * (32 * 128 + x) + colour]));
        for (x, expected) in [(24, [255, 0, 0]), (104, [128, 128, 128])] {
            let near = at(x).iter().zip(expected).all(|(got, wanted)| (got - wanted).abs() <= 8);
            assert!(near, "{depth} bits at {x}: {:?}, not {expected:?}", at(x));
        }
    }
}

/// The levels of the middle line of a JPEG of ours, as limited range has them.
fn drawn(bench: &Bench, jpeg: &[u8]) -> Vec<f64> {
    bench.write("picture.jpg", jpeg);
    let bytes = bench.ffmpeg("-i picture.jpg -vf extractplanes=y,crop=iw:2:0:ih/2 -f rawvideo -").unwrap();
    bytes[..bytes.len() / 2].iter().map(|level| 16.0 + f64::from(*level) * 219.0 / 255.0).collect()
}

#[tokio::test]
async fn posters_and_thumbnails_of_a_film_in_hdr_alone_are_in_standard_range() {
    let bench = Bench::new();
    let pq_light = format!(":hdr10=1:{LIGHT}");
    for (transfer, more, codec, light) in [
        ("smpte2084", pq_light.as_str(), VideoCodec::Hevc, pq as fn(f64) -> f64),
        ("arib-std-b67", "", VideoCodec::Av1, hlg),
    ] {
        let Some(film) = ramp(&bench, transfer, more) else { return };
        let ladder = rungs(&[codec], &[480]);
        let (world, _folder) = world(MediaConfig { ladder, ..config() }).await;
        let made = make(&world, &film).await;
        let poster = world.blob("acme", made.descriptor.poster_blob.as_ref().unwrap()).await;
        let thumbnails = made.descriptor.thumbnails.as_ref().unwrap();
        assert_eq!((thumbnails.count, thumbnails.tile_width), (1, 160), "{transfer}");
        let tile = world.track("acme", &made.descriptor, &thumbnails.pictures[0].blob).await;
        for (what, jpeg, off) in [("poster", &poster, 4.0), ("thumbnail", &tile, 6.0)] {
            let levels = drawn(&bench, jpeg);
            let edge = levels.len() / 20;
            for (x, level) in levels.iter().enumerate().take(levels.len() - edge).skip(edge) {
                let signal = (x as f64 + 0.5) / levels.len() as f64;
                let expected = sdr_level(light(signal).min(1000.0), 1000.0);
                assert!((level - expected).abs() <= off, "{transfer} {what} at {x}: {level:.1}, not {expected:.1}");
            }
        }
    }
}
