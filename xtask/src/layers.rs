//! The layers: each crate may use only those to its left.

use std::{path::Path, process::Command};

use serde_json::Value;

/// Where a crate stands, from left to right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Layer {
    FormatsAndTypes,
    Platform,
    Contracts,
    ModulesAndAdapters,
    Server,
    Scenarios,
}

fn layer(folder: &str) -> Option<Layer> {
    match folder.split('/').next()? {
        "formats" => Some(Layer::FormatsAndTypes),
        "platform" if folder == "platform/types" => Some(Layer::FormatsAndTypes),
        "platform" => Some(Layer::Platform),
        "contracts" => Some(Layer::Contracts),
        "modules" | "adapters" => Some(Layer::ModulesAndAdapters),
        "server" => Some(Layer::Server),
        "tests" | "xtask" | "bench" | "simulator" => Some(Layer::Scenarios),
        _ => None,
    }
}

/// Every arrow that runs the wrong way.
pub(crate) fn check(root: &Path) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root)
        .output();
    let metadata: Value = match output.map(|output| serde_json::from_slice(&output.stdout)) {
        Ok(Ok(metadata)) => metadata,
        Ok(Err(error)) => return vec![format!("cargo metadata answered no JSON: {error}")],
        Err(error) => return vec![format!("cargo metadata cannot be run: {error}")],
    };
    let folder = |manifest: &Value| {
        let manifest = Path::new(manifest.as_str().unwrap_or_default()).parent()?.strip_prefix(root).ok()?;
        Some(manifest.to_string_lossy().into_owned())
    };
    let packages = metadata["packages"].as_array().cloned().unwrap_or_default();
    let mut findings = Vec::new();
    for package in &packages {
        let Some(from) = folder(&package["manifest_path"]) else { continue };
        let Some(from_layer) = layer(&from) else {
            findings.push(format!("{from}: no layer is known for this folder"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let Some(path) = dependency["path"].as_str() else { continue };
            let Ok(to) = Path::new(path).strip_prefix(root) else { continue };
            let (to, kind) = (to.to_string_lossy().into_owned(), dependency["kind"].as_str().unwrap_or("normal"));
            if let Some(why) = layer(&to).and_then(|to_layer| wrong(from_layer, &to, to_layer, kind)) {
                findings.push(format!("{from} must not depend on {to}: {why}"));
            }
        }
    }
    findings
}

fn wrong(from_layer: Layer, to: &str, to_layer: Layer, kind: &str) -> Option<&'static str> {
    if to == "platform/testing" {
        return (kind != "dev" && from_layer != Layer::Scenarios).then_some("test support is a dev-dependency");
    }
    if to_layer > from_layer {
        return Some("the arrow runs from left to right: formats, types → platform → contracts → modules → server");
    }
    // A module's tests may put a real adapter behind a port; nothing of a module ever stands on one.
    let adapter_in_tests = kind == "dev" && to.starts_with("adapters/");
    let same = to_layer == from_layer && !adapter_in_tests;
    (same && from_layer == Layer::ModulesAndAdapters).then_some("a module depends on contracts, never on a module")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows_run_one_way() {
        for (from, to, kind, fine) in [
            ("modules/billing", "contracts/catalog", "normal", true),
            ("modules/billing", "platform/store", "normal", true),
            ("modules/billing", "modules/catalog", "normal", false),
            ("modules/billing", "modules/catalog", "dev", false),
            ("modules/billing", "adapters/sandbox-gateway", "dev", true),
            ("modules/billing", "adapters/sandbox-gateway", "normal", false),
            ("contracts/drm", "contracts/entitlement", "normal", true),
            ("contracts/drm", "modules/drm", "normal", false),
            ("platform/store", "contracts/catalog", "normal", false),
            ("formats/cenc", "platform/store", "normal", false),
            ("modules/billing", "platform/testing", "dev", true),
            ("modules/billing", "platform/testing", "normal", false),
            ("server", "modules/billing", "normal", true),
        ] {
            let found = wrong(layer(from).unwrap(), to, layer(to).unwrap(), kind);
            assert_eq!(found.is_none(), fine, "{from} → {to} ({kind}): {found:?}");
        }
    }
}
