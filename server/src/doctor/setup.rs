//! What the process is made of: its configuration, and the programs it starts.

use std::{path::Path, process::Command};

use super::{Patient, report::Group};
use crate::{app, mtls};

/// What FFmpeg has to be able to write.
const ENCODERS: &[&str] = &["libx264", "aac"];

pub(super) fn look(patient: &Patient<'_>, config: Option<&Path>, group: &mut Group) {
    let default = Path::new("tessera.toml");
    group.good(
        "configuration",
        match config.or_else(|| default.exists().then_some(default)) {
            Some(file) => format!("{}; every setting is known and valid", file.display()),
            None => "no file: every setting has its default, or comes from the environment".into(),
        },
    );
    certificates(patient, group);
    let media = &patient.root.media.built_in;
    match (version(&media.ffmpeg), version(&media.ffprobe)) {
        (Some(version), Some(_)) => match missing_encoders(&media.ffmpeg) {
            missing if missing.is_empty() => {
                group.good("FFmpeg", format!("{version}, with {}", ENCODERS.join(" and ")))
            }
            missing => {
                let found = format!("{version} cannot write {}", missing.join(" and "));
                group.bad("FFmpeg", found, "use Debian's (apt-get install ffmpeg), or name another in [media]");
            }
        },
        (None, _) => group.bad("FFmpeg", format!("{} cannot be run", media.ffmpeg), "apt-get install ffmpeg"),
        (_, None) => group.bad("FFmpeg", format!("{} cannot be run", media.ffprobe), "apt-get install ffmpeg"),
    }
    let absent: Vec<&str> = ["prlimit", "setpriv"].into_iter().filter(|name| version(name).is_none()).collect();
    match absent.is_empty() {
        true => group.good("sandbox", "prlimit and setpriv, which keep FFmpeg within its limits"),
        false => group.bad("sandbox", format!("{} cannot be run", absent.join(", ")), "apt-get install util-linux"),
    }
    match app::is_built() {
        true => group.good("viewer app", "part of this binary"),
        false => group.note("viewer app", "not part of this binary", "make app, then build the server again"),
    }
}

/// Whether other modules will take what this process shows for itself, where it does.
fn certificates(patient: &Patient<'_>, group: &mut Group) {
    let (now, renew) = (patient.now, "put a new certificate and key in its place: docs/mtls.md, Renew");
    match patient.root.mtls.open() {
        Ok(None) => {}
        Err(error) => group.bad("certificates", error.to_string(), "docs/mtls.md says what each file is"),
        Ok(Some(mtls)) => match (mtls.holds(now), mtls.holds(now.plus(mtls::SOON))) {
            (Err(error), _) => group.bad("certificates", error.to_string(), renew),
            (Ok(()), Err(_)) => group.note("certificates", "good for less than two weeks more", renew),
            (Ok(()), Ok(())) => {
                let modules: Vec<String> = mtls.modules().into_iter().collect();
                group.good("certificates", format!("of {}", modules.join(", ")));
            }
        },
    }
}

/// What a program says of its version; `None` when it cannot be run.
fn version(program: &str) -> Option<String> {
    let flag = if program.contains("ff") { "-version" } else { "--version" };
    let output = Command::new(program).arg(flag).output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let first = text.lines().next().unwrap_or_default();
    // `ffmpeg version 5.1.6-0+deb12u1 Copyright (c) …`
    Some(first.split_whitespace().skip_while(|word| *word != "version").nth(1).unwrap_or(first).to_owned())
}

fn missing_encoders(ffmpeg: &str) -> Vec<&'static str> {
    let listed = Command::new(ffmpeg).args(["-hide_banner", "-encoders"]).output();
    let listed = listed.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    ENCODERS.iter().copied().filter(|name| !listed.split_whitespace().any(|word| word == *name)).collect()
}
