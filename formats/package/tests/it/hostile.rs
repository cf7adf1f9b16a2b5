//! Damaged movies end in an error or in outputs: never in a panic, a loop, or more bytes than came in.

use std::{fs, sync::OnceLock};

use proptest::{prelude::*, sample::Index};
use tessera_package::package;
use tessera_test_media::{Bench, picture, tone};

use crate::packaged::job;

/// Small real files: progressive, and fragmented with two tracks. None without FFmpeg.
fn files() -> &'static [Vec<u8>] {
    static FILES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    FILES.get_or_init(|| {
        let bench = Bench::new();
        let words =
            format!("{} {} -c:v libx264 -g 5 -bf 2 -x264-params slices=2 -c:a aac", picture("64x64", 10, 2), tone(2.0));
        let fragmented = "-movflags +frag_keyframe+delay_moov+default_base_moof";
        let made = [("a.mp4", ""), ("b.mp4", fragmented)];
        made.into_iter()
            .filter_map(|(name, flags)| bench.ffmpeg(&format!("{words} {flags} {name}")).map(|_| bench.read(name)))
            .collect()
    })
}

/// The bytes of a file's `moov` and `moof` boxes; those of media are many, and only move errors into samples.
fn headers(file: &[u8]) -> Vec<usize> {
    let mut area = Vec::new();
    let mut position = 0;
    while let Some(size) = file.get(position..position + 4) {
        let size = size.iter().fold(0, |value, byte| value << 8 | usize::from(*byte));
        let kept = if &file[position + 4..position + 8] == b"mdat" { 40.min(size) } else { size };
        area.extend(position..position + kept);
        position += size.max(8);
    }
    area
}

#[derive(Debug, Clone)]
enum Damage {
    Byte(Index, u8),
    /// Four bytes, as of a size or count, to an extreme.
    Word(Index, u32),
    Cut(Index),
    Remove(Index, usize),
}

impl Damage {
    fn any() -> impl Strategy<Value = Self> {
        let extreme = prop::sample::select(vec![0u32, 1, 7, 8, 0x7fff_ffff, 0x8000_0000, u32::MAX]);
        prop_oneof![
            4 => (any::<Index>(), any::<u8>()).prop_map(|(at, value)| Self::Byte(at, value)),
            4 => (any::<Index>(), extreme).prop_map(|(at, value)| Self::Word(at, value)),
            1 => any::<Index>().prop_map(Self::Cut),
            1 => (any::<Index>(), 1usize..100).prop_map(|(at, count)| Self::Remove(at, count)),
        ]
    }

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
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn damaged_movies_are_refused_or_packaged(
        which: Index,
        damages in prop::collection::vec(Damage::any(), 1..4),
        encrypted: bool,
    ) {
        let Some(file) = files().get(which.index(files().len().max(1))) else { return Ok(()) };
        let mut damaged = file.clone();
        let area = headers(file);
        damages.iter().for_each(|damage| damage.apply(&mut damaged, &area));
        let bench = Bench::new();
        let input = bench.write("in.mp4", &damaged);
        match package(&job(&bench, input, "out", encrypted), |_| {}) {
            Ok(report) => {
                let tracks = report.files.iter().filter(|path| path.extension().is_some_and(|end| end == "mp4"));
                let made: u64 = tracks.clone().map(|path| fs::metadata(path).unwrap().len()).sum();
                prop_assert!(report.media_size <= tracks.count() as u64 * damaged.len() as u64);
                prop_assert!(made < 20 * file.len() as u64, "{made} bytes from {}", file.len());
            }
            Err(_) => {
                let left = fs::read_dir(bench.path("out")).map(Iterator::count).unwrap_or(0);
                prop_assert_eq!(left, 0, "an error leaves nothing behind");
            }
        }
    }
}
