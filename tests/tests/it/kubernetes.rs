//! The manifests of deploy/kubernetes: Kubernetes knows every field of them, nothing is missing that a cluster wants, and the
//! commands in them do what they should.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;
use tessera_testing::temp_dir;
use tessera_tests::{project, tessera};

/// What makes YAML of Kubernetes into JSON, and judges it: installed by scripts/setup.
fn validator() -> PathBuf {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let cache = std::env::var_os("TESSERA_CACHE").map_or_else(|| home.join(".cache/tessera"), PathBuf::from);
    cache.join("kubernetes-validate")
}

fn python(arguments: &[&str], file: &Path) -> String {
    let run = Command::new("python3")
        .args(arguments)
        .arg(file)
        .env("PYTHONPATH", validator())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .output()
        .expect("python3 starts");
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(run.status.success(), "{arguments:?}: {said}{}", String::from_utf8_lossy(&run.stderr));
    said
}

/// An overlay as a cluster gets it, after Kubernetes' own schemas have been asked about every field.
fn overlay(name: &str) -> Vec<Value> {
    let folder = project().join("deploy/kubernetes/overlays").join(name);
    let rendered = Command::new("kubectl").arg("kustomize").arg(&folder).output().expect("kubectl starts");
    assert!(rendered.status.success(), "{name}: {}", String::from_utf8_lossy(&rendered.stderr));
    let scratch = temp_dir();
    let file = scratch.path().join("rendered.yaml");
    fs::write(&file, &rendered.stdout).expect("a file can be written");
    let judged = python(&["-m", "kubernetes_validate", "--strict"], &file);
    let refused: Vec<&str> = judged.lines().filter(|line| !line.contains(" passed for resource ")).collect();
    assert!(refused.is_empty(), "{name}: {refused:?}");
    const TO_JSON: &str =
        "import sys, json, yaml; print(json.dumps([d for d in yaml.safe_load_all(open(sys.argv[1])) if d]))";
    let resources: Vec<Value> = serde_json::from_str(&python(&["-c", TO_JSON], &file)).expect("it is JSON");
    assert_eq!(judged.lines().count(), resources.len(), "{name}: every resource was judged");
    resources
}

fn of_kind<'r>(resources: &'r [Value], kind: &str) -> Vec<&'r Value> {
    resources.iter().filter(|resource| resource["kind"] == kind).collect()
}

fn name(resource: &Value) -> &str {
    resource["metadata"]["name"].as_str().expect("a resource has a name")
}

/// The containers of a workload, those that go before included.
fn containers(workload: &Value) -> Vec<&Value> {
    let pod = &workload["spec"]["template"]["spec"];
    ["initContainers", "containers"].iter().filter_map(|list| pod[list].as_array()).flatten().collect()
}

#[test]
fn kubernetes_knows_every_field_and_every_workload_is_confined_probed_and_bounded() {
    for (overlay_name, workloads) in [("production", 14), ("single-node", 1)] {
        let resources = overlay(overlay_name);
        let long: Vec<&Value> =
            ["Deployment", "StatefulSet"].iter().flat_map(|kind| of_kind(&resources, kind)).collect();
        assert_eq!(long.len(), workloads, "{overlay_name}");
        for workload in long.iter().copied().chain(of_kind(&resources, "Job")) {
            let pod = &workload["spec"]["template"]["spec"];
            let which = format!("{overlay_name} {}", name(workload));
            assert!(pod["securityContext"]["runAsNonRoot"] == true, "{which}");
            assert!(pod["automountServiceAccountToken"] == false, "{which}");
            for container in containers(workload) {
                assert!(
                    container["image"].as_str().is_some_and(|image| image.contains(":0.1.0")),
                    "{which}: a version"
                );
                assert!(container["resources"]["requests"]["cpu"].is_string(), "{which}");
                assert!(container["resources"]["limits"]["memory"].is_string(), "{which}");
                let confined = &container["securityContext"];
                assert!(confined["readOnlyRootFilesystem"] == true, "{which}");
                assert!(confined["allowPrivilegeEscalation"] == false, "{which}");
                assert_eq!(confined["capabilities"]["drop"][0], "ALL", "{which}");
            }
        }
        for workload in &long {
            let container = &workload["spec"]["template"]["spec"]["containers"][0];
            assert_eq!(container["livenessProbe"]["httpGet"]["path"], "/healthz", "{}", name(workload));
            assert_eq!(container["readinessProbe"]["httpGet"]["path"], "/readyz", "{}", name(workload));
        }
    }
}

#[test]
fn each_module_has_a_service_a_budget_and_scales_by_what_it_exports() {
    let resources = overlay("production");
    let metrics = fs::read_to_string(project().join("docs/observability.md")).expect("the list of metrics");
    for workload in of_kind(&resources, "Deployment") {
        let labels = &workload["spec"]["template"]["metadata"]["labels"];
        let fits = |selector: &Value| {
            let wanted = selector.as_object().expect("a selector has labels");
            wanted.iter().all(|(label, value)| &labels[label] == value)
        };
        for (kind, selector) in [("Service", "/spec/selector"), ("PodDisruptionBudget", "/spec/selector/matchLabels")] {
            let own: Vec<&Value> = of_kind(&resources, kind)
                .into_iter()
                .filter(|resource| fits(resource.pointer(selector).expect("it has a selector")))
                .collect();
            assert_eq!(own.len(), 1, "{kind} of {}", name(workload));
            assert_eq!(name(own[0]), name(workload));
        }
        let scaled = of_kind(&resources, "HorizontalPodAutoscaler");
        let scaled = scaled.into_iter().find(|scaler| scaler["spec"]["scaleTargetRef"]["name"] == name(workload));
        let by = scaled.expect("it scales")["spec"]["metrics"].as_array().expect("by something").clone();
        for metric in by.iter().filter_map(|metric| metric["pods"]["metric"]["name"].as_str()) {
            assert!(metrics.contains(&format!("`{metric}`")), "{metric} is no metric of docs/observability.md");
        }
    }
    // A job that migrates is no pod of the service.
    for job in of_kind(&resources, "Job") {
        let labels = &job["spec"]["template"]["metadata"]["labels"];
        assert_eq!(labels["app.kubernetes.io/component"], "migration");
    }
}

#[test]
fn secrets_are_copied_for_their_owner_alone() {
    let resources = overlay("production");
    let workload = of_kind(&resources, "Deployment")[0];
    let copy = &workload["spec"]["template"]["spec"]["initContainers"][0]["command"];
    let words: Vec<&str> = copy.as_array().expect("it is a command").iter().filter_map(Value::as_str).collect();
    let folder = temp_dir();
    let (volume, run) = (folder.path().join("volume"), folder.path().join("run"));
    // As a cluster mounts a Secret: links into a folder that others may read.
    fs::create_dir_all(volume.join("..data")).expect("a folder can be made");
    fs::create_dir(&run).expect("a folder can be made");
    fs::write(volume.join("..data/cx-signing"), "00".repeat(32)).expect("a file can be written");
    symlink("..data/cx-signing", volume.join("cx-signing")).expect("a link can be made");
    let here = |word: &str| {
        let word = word.replace("/etc/tessera-secrets", volume.to_str().expect("a path is text"));
        word.replace("/run/tessera", run.to_str().expect("a path is text"))
    };
    let copied = Command::new(words[0]).args(words[1..].iter().map(|word| here(word))).status();
    assert!(copied.is_ok_and(|status| status.success()));
    let mode = |path: &str| {
        fs::metadata(run.join(path)).unwrap_or_else(|e| panic!("{path}: {e}")).permissions().mode() & 0o777
    };
    assert_eq!((mode("secrets"), mode("secrets/cx-signing")), (0o700, 0o600));
}

#[test]
fn the_settings_are_settings_and_a_job_migrates_its_own_module() {
    let folder = temp_dir();
    let settings = fs::read_to_string(project().join("deploy/kubernetes/base/tessera.toml")).expect("the settings");
    let secrets = folder.path().join("secrets");
    let config = folder.path().join("tessera.toml");
    let here = settings.replace("/run/tessera/secrets", secrets.to_str().expect("a path is text"));
    fs::write(&config, here).expect("a file can be written");
    // No password has been made: the first that is wanted is asked for, and nothing else is found wrong.
    for (arguments, modules) in [
        (&["migrate"][..], Some("[\"catalog\"]")),
        (&["serve", "--modules", "catalog", "--listen", "127.0.0.1:0"], None),
    ] {
        let mut command = Command::new(tessera());
        command.arg("--config").arg(&config).args(arguments).arg("--data").arg(folder.path().join("data"));
        command.envs(modules.map(|modules| ("TESSERA_MODULES", modules)));
        command.env("TESSERA_BLOBS__S3__SECRET_ACCESS_KEY", "none").stdin(Stdio::null());
        let run = command.output().expect("the binary starts");
        let said = String::from_utf8_lossy(&run.stderr);
        assert!(!run.status.success() && said.contains("no secret postgres-platform"), "{arguments:?}: {said}");
    }
}
