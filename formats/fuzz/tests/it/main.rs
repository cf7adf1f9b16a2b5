//! Every file of the corpus, as it is and changed by a few seeds, for every parser.
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere; clippy knows only functions marked #[test]")]

use tessera_fuzz::{Case, TARGETS, Target, corpus, target};

/// Seeds of each file.
const SEEDS: u64 = 40;
/// Of a hundred changed files, at least so many are still taken: changes that nothing survives find nothing.
const TAKEN: u64 = 5;

fn check(target: &Target) {
    let files = corpus(target.kind).unwrap();
    assert!(!files.is_empty(), "there is something for {} in corpus/{}", target.name, target.kind);
    let (mut cases, mut taken) = (0, 0);
    for material in &files {
        for seed in [None].into_iter().chain((0..SEEDS).map(Some)) {
            let case = Case { target, material, seed };
            match case.run() {
                Ok(parsed) => (cases, taken) = (cases + 1, taken + u64::from(parsed)),
                Err(finding) => panic!("{finding}\nagain: cargo run -p tessera-fuzz -- replay {case}"),
            }
        }
    }
    assert!(100 * taken >= TAKEN * cases, "{}: {taken} of {cases} are taken", target.name);
}

#[test]
fn films_are_refused_or_taken() {
    ["track", "movie", "inspect", "index"].iter().for_each(|name| check(target(name).unwrap()));
}

#[test]
fn samples_are_divided_or_refused() {
    ["avc", "hevc", "av1", "vp9"].iter().for_each(|name| check(target(name).unwrap()));
}

#[test]
fn texts_and_drm_data_are_read_or_refused() {
    ["hls", "webvtt", "cues", "pssh"].iter().for_each(|name| check(target(name).unwrap()));
}

#[test]
fn every_target_is_run_and_the_corpus_is_small() {
    let run = ["track", "movie", "inspect", "index", "avc", "hevc", "av1", "vp9", "hls", "webvtt", "cues", "pssh"];
    let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
    assert!(names.iter().all(|name| run.contains(name)), "{names:?}");
    let mut kinds: Vec<_> = TARGETS.iter().map(|target| target.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let size: usize = kinds.iter().flat_map(|kind| corpus(kind).unwrap()).map(|material| material.bytes.len()).sum();
    assert!(size < 1 << 20, "the corpus has {size} bytes");
}

/// A parser that does what none may do.
fn broken(what: fn(&[u8]) -> bool) -> Target {
    Target { name: "broken", kind: "pssh", words: &[], parse: what }
}

#[test]
fn panics_and_memory_are_findings() {
    let files = corpus("pssh").unwrap();
    let run = |what| Case { target: &broken(what), material: &files[0], seed: Some(1) }.run();
    assert!(run(|_| panic!("so it goes")).unwrap_err().to_string().contains("so it goes"));
    let greedy: fn(&[u8]) -> bool = |bytes| std::hint::black_box(vec![bytes.len() as u8; 300 << 20]).is_empty();
    assert!(run(greedy).unwrap_err().to_string().contains("300 MB"));
    assert_eq!(run(|_| false), Ok(false));
}
