//! One case: a file of the corpus, changed by a seed, given to a parser.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};

use peak_alloc::PeakAlloc;

use crate::{Material, Target, mutate};

/// Counts what parsers take.
#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// The most memory that a parser may take, in bytes, whatever it is given.
const MEMORY: usize = 256 << 20;
/// What it may take for a short file, and for each of its bytes more: a file is small, and what is made of it should be.
const SHORT: usize = 32 << 20;
const EACH_BYTE: usize = 64;

/// A changed file for a parser.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// The parser.
    pub target: &'a Target,
    /// The file.
    pub material: &'a Material,
    /// How it is changed; `None` for not at all.
    pub seed: Option<u64>,
}

/// What a parser did that it must not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// It panicked, and said this.
    Panic(String),
    /// It took so many bytes of memory.
    Memory(usize),
}

impl fmt::Display for Case<'_> {
    /// As `replay` takes it: `track h264.mp4 17`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.target.name, self.material.name)?;
        self.seed.map_or(Ok(()), |seed| write!(f, " {seed}"))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panic(said) => write!(f, "it panics: {said}"),
            Self::Memory(bytes) => write!(f, "it takes {} MB of memory", bytes >> 20),
        }
    }
}

impl Case<'_> {
    /// The bytes that the parser is given.
    pub fn bytes(&self) -> Vec<u8> {
        match self.seed {
            Some(seed) => mutate(&self.material.bytes, self.target.words, seed),
            None => self.material.bytes.clone(),
        }
    }

    /// Gives them to it. True when they were taken, false when they were refused.
    pub fn run(&self) -> Result<bool, Finding> {
        let bytes = self.bytes();
        let before = ALLOCATED.current_usage();
        ALLOCATED.reset_peak_usage();
        let run = catch_unwind(AssertUnwindSafe(|| (self.target.parse)(&bytes)));
        let taken = ALLOCATED.peak_usage().saturating_sub(before);
        match run {
            Err(panic) => {
                let said = panic.downcast_ref::<String>().cloned();
                let said = said.or_else(|| panic.downcast_ref::<&str>().map(|said| (*said).to_owned()));
                Err(Finding::Panic(said.unwrap_or_default()))
            }
            Ok(_) if taken > allowed(bytes.len()) => Err(Finding::Memory(taken)),
            Ok(parsed) => Ok(parsed),
        }
    }
}

/// The most memory that a file of so many bytes may cost.
fn allowed(length: usize) -> usize {
    length.saturating_mul(EACH_BYTE).saturating_add(SHORT).min(MEMORY)
}
