//! Test media from FFmpeg, and the tools that judge ours. A dev-dependency only: it panics where a tool fails.
//!
//! What is not installed is said on stderr, and its test passes without having run.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

/// A folder that is removed when dropped, and the tools to fill it.
pub struct Bench {
    dir: TempDir,
}

impl Default for Bench {
    fn default() -> Self {
        Self::new()
    }
}

impl Bench {
    /// An empty folder in the system's place for temporary files.
    pub fn new() -> Self {
        Self { dir: TempDir::new().expect("a temporary folder can be made") }
    }

    /// The path of a file in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file into the folder.
    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        fs::write(self.path(name), bytes).expect("the temporary folder can be written");
        self.path(name)
    }

    /// Reads a file of the folder.
    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name} was not made: {error}"))
    }

    /// Runs `ffmpeg` in the folder with these words; `None` when it is not installed. Panics when it fails.
    pub fn ffmpeg(&self, words: &str) -> Option<Vec<u8>> {
        self.run(Path::new("ffmpeg"), &format!("-v error -nostdin -y {words}"))
    }

    /// Runs Shaka Packager in the folder; `None` when it is not installed. Panics when it fails.
    pub fn shaka_packager(&self, words: &str) -> Option<Vec<u8>> {
        self.run(&shaka_packager(), words)
    }

    fn run(&self, tool: &Path, words: &str) -> Option<Vec<u8>> {
        let run = Command::new(tool).args(words.split_whitespace()).current_dir(self.dir.path()).output();
        let Ok(output) = run else {
            eprintln!("SKIPPED: {} is not installed; see scripts/", tool.display());
            return None;
        };
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{} {words}: {stderr}", tool.display());
        Some(output.stdout)
    }

    /// Encodes a track file as ingest does: fragmented, a fragment a group of pictures. `words` are FFmpeg's inputs and
    /// codec options. `None` when FFmpeg is not installed.
    pub fn track(&self, name: &str, words: &str) -> Option<Vec<u8>> {
        let flags = "-movflags +frag_keyframe+delay_moov+default_base_moof+negative_cts_offsets";
        self.ffmpeg(&format!("{words} {flags} -f mp4 {name}")).map(|_| self.read(name))
    }
}

/// Where `scripts/install-shaka-packager` puts it.
fn shaka_packager() -> PathBuf {
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/tessera"));
    let cache = env::var_os("TESSERA_CACHE").map(PathBuf::from).or_else(home).unwrap_or_default();
    cache.join("bin/shaka-packager")
}

/// The path of shared test material beside the project, such as `vectors/mp4`; `None`, and said so, when it is absent.
pub fn shared(path: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let found = root.join("shared").join(path);
    if found.exists() {
        return Some(found);
    }
    eprintln!("SKIPPED: the shared test material {path} is not beside the project");
    None
}

/// Inputs for [`Bench::track`]: a moving picture with a frame counter.
pub fn picture(size: &str, rate: u32, seconds: u32) -> String {
    format!("-f lavfi -i testsrc2=size={size}:rate={rate}:duration={seconds}")
}

/// Inputs for [`Bench::track`]: a tone.
pub fn tone(seconds: f64) -> String {
    format!("-f lavfi -i sine=frequency=440:sample_rate=48000:duration={seconds}")
}
