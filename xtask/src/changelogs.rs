//! Each module's own version, and the changelog that says what is in it.

use std::{fs, path::Path};

/// Every module whose version is not its own, or is not the newest of its changelog.
pub(crate) fn check(root: &Path) -> Vec<String> {
    let folders = fs::read_dir(root.join("modules")).into_iter().flatten().flatten();
    let mut names: Vec<String> = folders.map(|folder| folder.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    let read = |name: &str, file: &str| fs::read_to_string(root.join("modules").join(name).join(file)).ok();
    let found = |name: &String| {
        let what = wrong(&read(name, "Cargo.toml").unwrap_or_default(), read(name, "CHANGELOG.md").as_deref())?;
        Some(format!("modules/{name}: {what}"))
    };
    names.iter().filter_map(found).collect()
}

/// What is wrong with a module's manifest and changelog, if anything.
fn wrong(manifest: &str, changelog: Option<&str>) -> Option<String> {
    let Some(version) = own_version(manifest) else {
        return Some("Cargo.toml has no `version = \"…\"` of the module's own".into());
    };
    let Some(changelog) = changelog else {
        return Some("there is no CHANGELOG.md: say what is new in each version".into());
    };
    let Some(newest) = newest_entry(changelog) else {
        return Some("CHANGELOG.md has no entry: the newest begins with `## [VERSION] - DATE`".into());
    };
    (newest != version).then(|| format!("Cargo.toml says {version} and the newest entry of CHANGELOG.md {newest}"))
}

fn own_version(manifest: &str) -> Option<&str> {
    let package = manifest.split("\n[").next()?;
    let lines = package.lines().filter_map(|line| line.strip_prefix("version")?.trim_start().strip_prefix('='));
    lines.map(|version| version.trim().trim_matches('"')).next()
}

fn newest_entry(changelog: &str) -> Option<&str> {
    changelog.lines().find_map(|line| line.strip_prefix("## [")?.split_once(']')).map(|(version, _)| version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_has_a_version_of_its_own_and_a_changelog_that_begins_with_it() {
        let manifest = "[package]\nname = \"m\"\nversion = \"0.2.0\"\n\n[dependencies]\nversion = \"9\"\n";
        let changelog = "# Changelog\n\n## [0.2.0] - Unreleased\n- More.\n\n## [0.1.0] - 2026-11-22\n";
        assert_eq!(wrong(manifest, Some(changelog)), None);
        let shared = manifest.replace("version = \"0.2.0\"", "version.workspace = true");
        for (manifest, changelog, named) in [
            (&*shared, Some(changelog), "of the module's own"),
            (manifest, None, "no CHANGELOG.md"),
            (manifest, Some("# Changelog\n"), "no entry"),
            (manifest, Some("## [0.1.0] - 2026-11-22\n"), "says 0.2.0 and the newest entry of CHANGELOG.md 0.1.0"),
        ] {
            let found = wrong(manifest, changelog);
            assert!(found.as_ref().is_some_and(|found| found.contains(named)), "{named}: {found:?}");
        }
    }
}
