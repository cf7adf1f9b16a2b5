//! What others made that ends in the binary: a table of it, and the licences that have to go along with it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// The crate that becomes the binary, and what it is built for.
const BINARY: &str = "tessera-server";
const TARGET: &str = "x86_64-unknown-linux-gnu";
const APP: &str = "apps/viewer";

/// Somebody's work.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Part {
    kind: &'static str,
    name: String,
    version: String,
    licence: String,
    folder: PathBuf,
}

/// Writes `DEPENDENCIES.md` and `THIRD-PARTY.txt` into `folder`; names parts without a licence.
pub(crate) fn write(root: &Path, folder: &Path) -> Vec<String> {
    let parts = match (crates(root), packages(root)) {
        (Ok(crates), Ok(packages)) => crates.into_iter().chain(packages).collect::<BTreeSet<Part>>(),
        (Err(error), _) | (_, Err(error)) => return vec![error],
    };
    let unnamed = parts.iter().filter(|part| part.licence.is_empty());
    let findings = unnamed.map(|part| format!("{} {} names no licence", part.name, part.version)).collect();
    let written = fs::create_dir_all(folder)
        .and_then(|()| fs::write(folder.join("DEPENDENCIES.md"), table(&parts)))
        .and_then(|()| fs::write(folder.join("THIRD-PARTY.txt"), texts(&parts)));
    match written {
        Ok(()) => {
            println!("{} parts: {}/DEPENDENCIES.md and THIRD-PARTY.txt", parts.len(), folder.display());
            findings
        }
        Err(error) => vec![format!("writing into {}: {error}", folder.display())],
    }
}

/// The crates that are linked into the binary, as cargo resolved them.
fn crates(root: &Path) -> Result<BTreeSet<Part>, String> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", TARGET])
        .current_dir(root)
        .output()
        .map_err(|error| format!("cargo metadata cannot be run: {error}"))?;
    let metadata: Value = serde_json::from_slice(&output.stdout).map_err(|_| {
        format!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default())
    })?;
    Ok(linked(&metadata))
}

fn linked(metadata: &Value) -> BTreeSet<Part> {
    let by_id = |list: &Value| -> BTreeMap<String, Value> {
        let entries = list.as_array().into_iter().flatten();
        entries.map(|entry| (text(&entry["id"]), entry.clone())).collect()
    };
    let (packages, nodes) = (by_id(&metadata["packages"]), by_id(&metadata["resolve"]["nodes"]));
    let is_macro = |package: &Value| package["targets"][0]["kind"][0] == "proc-macro";
    let mut waiting: Vec<String> =
        packages.values().filter(|package| package["name"] == BINARY).map(|package| text(&package["id"])).collect();
    let (mut seen, mut parts) = (BTreeSet::new(), BTreeSet::new());
    while let Some(id) = waiting.pop() {
        let Some(package) = packages.get(&id).filter(|package| !is_macro(package)) else { continue };
        if !seen.insert(id.clone()) {
            continue;
        }
        if package["source"].is_string() {
            parts.insert(Part {
                kind: "crate",
                name: text(&package["name"]),
                version: text(&package["version"]),
                licence: text(&package["license"]),
                folder: Path::new(&text(&package["manifest_path"])).parent().unwrap_or(Path::new("")).to_owned(),
            });
        }
        let normal = |dependency: &&Value| {
            dependency["dep_kinds"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"].is_null()))
        };
        let dependencies = nodes.get(&id).and_then(|node| node["deps"].as_array()).into_iter().flatten();
        waiting.extend(dependencies.filter(normal).map(|dependency| text(&dependency["pkg"])));
    }
    parts
}

/// The packages that the viewer app's bundle is made of, by its lock file.
fn packages(root: &Path) -> Result<BTreeSet<Part>, String> {
    let file = root.join(APP).join("package-lock.json");
    let lock = fs::read_to_string(&file).map_err(|error| format!("reading {}: {error}", file.display()))?;
    let lock: Value = serde_json::from_str(&lock).map_err(|error| format!("{}: {error}", file.display()))?;
    let entries = lock["packages"].as_object().into_iter().flatten();
    let shipped = entries.filter(|(path, entry)| !path.is_empty() && entry["dev"] != true);
    let part = |(path, entry): (&String, &Value)| Part {
        kind: "npm",
        name: path.rsplit("node_modules/").next().unwrap_or(path).to_owned(),
        version: text(&entry["version"]),
        licence: text(&entry["license"]),
        folder: root.join(APP).join(path),
    };
    Ok(shipped.map(part).collect())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn table(parts: &BTreeSet<Part>) -> String {
    let line = |part: &Part| format!("| {} | {} | {} | {} |\n", part.kind, part.name, part.version, part.licence);
    let lines: String = parts.iter().map(line).collect();
    format!(
        "# What others made that is in the binary\n\n| kind | name | version | licence |\n| --- | --- | --- | --- |\n{lines}"
    )
}

/// Every licence and notice that a part brings along, each text once with all whose it is.
fn texts(parts: &BTreeSet<Part>) -> String {
    let mut whose: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for part in parts {
        for text in licence_files(&part.folder) {
            whose.entry(text).or_default().push(format!("{} {} ({})", part.name, part.version, part.licence));
        }
    }
    let rule = "=".repeat(100);
    let section = |(text, owners): (&String, &Vec<String>)| {
        format!("{rule}\n{}\n{rule}\n\n{}\n\n", owners.join("\n"), text.trim())
    };
    whose.iter().map(section).collect()
}

fn licence_files(folder: &Path) -> Vec<String> {
    let named = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
        ["LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE"].iter().any(|start| name.starts_with(start))
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.is_file() && named(path)).collect();
    files.sort();
    files.iter().filter_map(|file| fs::read_to_string(file).ok()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_linked_counts_and_what_only_builds_or_tests_does_not() {
        let package = |name: &str, source: Value, kind: &str| {
            json!({"id": name, "name": name, "version": "1.0.0", "license": "MIT", "source": source,
                "manifest_path": format!("/{name}/Cargo.toml"), "targets": [{"kind": [kind]}]})
        };
        let of = |name: &str, kind: Value| json!({"pkg": name, "dep_kinds": [{"kind": kind}]});
        let metadata = json!({
            "packages": [
                package(BINARY, Value::Null, "bin"), package("ours", Value::Null, "lib"),
                package("linked", json!("registry"), "lib"), package("macro", json!("registry"), "proc-macro"),
                package("builder", json!("registry"), "lib"), package("tester", json!("registry"), "lib"),
            ],
            "resolve": {"nodes": [
                {"id": BINARY, "deps": [of("ours", Value::Null), of("tester", json!("dev"))]},
                {"id": "ours", "deps": [of("linked", Value::Null), of("macro", Value::Null), of("builder", json!("build"))]},
            ]},
        });
        let names: Vec<String> = linked(&metadata).into_iter().map(|part| part.name).collect();
        assert_eq!(names, ["linked"]);
    }
}
