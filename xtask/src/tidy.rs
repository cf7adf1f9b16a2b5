//! The shape of the tree: what a reader may count on in every file.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{changelogs, layers};

const LINES_MAX: usize = 500;

/// A word that must not stand in some files.
struct Ban {
    word: &'static str,
    why: &'static str,
    applies: fn(&str) -> bool,
}

const BANS: &[Ban] = &[
    Ban {
        word: concat!("axum", "::"),
        why: "a module uses axum in src/http.rs alone, for what is not an operation",
        applies: |file| file.starts_with("modules/") && file.contains("/src/") && !file.contains("/src/http"),
    },
    Ban {
        word: concat!("SystemTime::", "now"),
        why: "only tessera_types::SystemClock reads the machine's clock: take an Arc<dyn Clock>",
        applies: |file| file.contains("/src/") && !file.starts_with("platform/types/"),
    },
    Ban {
        word: concat!("Timestamp::", "now()"),
        why: "only tessera_types::SystemClock reads the machine's clock: take an Arc<dyn Clock>",
        applies: |file| file.contains("/src/") && !file.starts_with("platform/types/"),
    },
    Ban { word: concat!("#[ig", "nore]"), why: "a test runs, or says why not", applies: |_| true },
    Ban { word: concat!("TO", "DO"), why: "what is not built is absent, and planned in docs", applies: |_| true },
    Ban { word: concat!("FIX", "ME"), why: "mend it", applies: |_| true },
];

const NAMES: &[&str] = &["utils.rs", "util.rs", "helpers.rs", "common.rs", "misc.rs", "manager.rs"];

/// Everything that is out of shape.
pub(crate) fn check(root: &Path) -> Vec<String> {
    let mut findings = [layers::check(root), changelogs::check(root)].concat();
    for folder in
        ["platform", "formats", "contracts", "modules", "adapters", "server", "tests", "xtask", "bench", "simulator"]
    {
        for path in sources(&root.join(folder)) {
            let file = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            match fs::read_to_string(&path) {
                Ok(text) => file_findings(&file, &text, &mut findings),
                Err(error) => findings.push(format!("{file}: cannot be read: {error}")),
            }
        }
    }
    findings
}

fn file_findings(file: &str, text: &str, findings: &mut Vec<String>) {
    let lines = text.lines().count();
    if lines > LINES_MAX {
        findings.push(format!("{file}: {lines} lines; past {LINES_MAX} a file holds two concepts"));
    }
    let name = file.rsplit('/').next().unwrap_or(file);
    if NAMES.contains(&name) {
        findings.push(format!("{file}: name a file for its one concept"));
    }
    let starts = text.trim_start();
    let is_test = file.contains("/tests/");
    if !is_test && !starts.starts_with("//!") && file.contains("/src/") {
        findings.push(format!("{file}: begins without saying what it owns (//! …)"));
    }
    for ban in BANS.iter().filter(|ban| (ban.applies)(file)) {
        for (number, _) in text.lines().enumerate().filter(|(_, line)| line.contains(ban.word)) {
            findings.push(format!("{file}:{}: {:?}: {}", number + 1, ban.word, ban.why));
        }
    }
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files = Vec::new();
    for path in entries {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !matches!(name.as_str(), "target" | "node_modules" | "vendor") {
            files.extend(sources(&path));
        } else if name.ends_with(".rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(file: &str, text: &str) -> usize {
        let mut findings = Vec::new();
        file_findings(file, text, &mut findings);
        findings.len()
    }

    #[test]
    fn shape_is_judged_by_place() {
        let uses_axum = concat!("//! Doc.\nuse axum", "::Router;\n");
        assert_eq!(found("modules/media/src/http.rs", uses_axum), 0);
        assert_eq!(found("modules/media/src/service.rs", uses_axum), 1);
        assert_eq!(found("modules/media/src/utils.rs", "//! Doc.\n"), 1);
        assert_eq!(found("modules/media/src/ladder.rs", "fn undocumented() {}\n"), 1);
        assert_eq!(found("modules/media/src/ladder.rs", &"//! Doc.\n".repeat(501)), 1);
    }
}
