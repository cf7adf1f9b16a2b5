//! `tessera doctor`: what would keep Tessera from running well here.

use std::{
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, ExitCode},
};

use tessera_runtime::http::listen;
use tessera_store::{DataFolder, FolderError};

use crate::{app, cli::Place, config::Root, error::CommandError, output::tell, settings};

/// What one look found.
enum Finding {
    Good(String),
    /// It works, and somebody should know.
    Note(String),
    /// It will not work: what is wrong and what to do.
    Bad(String),
}

/// Looks, prints a line for each look, and fails when something will not work.
pub(crate) async fn run(config: Option<&Path>, place: &Place) -> Result<ExitCode, CommandError> {
    let root = match settings::load(config, place) {
        Ok(root) => root,
        Err(error) => {
            print("configuration", &Finding::Bad(error.to_string()));
            return Ok(ExitCode::FAILURE);
        }
    };
    let mut looks = vec![("configuration", Finding::Good("every setting is known and valid".into()))];
    looks.push(("ffmpeg", program("ffmpeg", "-version", "apt-get install ffmpeg")));
    looks.push(("ffprobe", program("ffprobe", "-version", "apt-get install ffmpeg")));
    looks.push(("encoders", encoders()));
    looks.push(("prlimit", program("prlimit", "--version", "apt-get install util-linux")));
    looks.push(("setpriv", program("setpriv", "--version", "apt-get install util-linux")));
    looks.push(("data folder", data_folder(&root)));
    looks.push(("secrets", secrets(&root.data)));
    looks.push(("disk", disk(&root.data)));
    looks.push(("port", port(&root).await));
    looks.push((
        "viewer app",
        match app::is_built() {
            true => Finding::Good("part of this binary".into()),
            false => Finding::Note("not part of this binary: `make app`, then build the server again".into()),
        },
    ));
    looks.iter().for_each(|(name, finding)| print(name, finding));
    let bad = looks.iter().filter(|(_, finding)| matches!(finding, Finding::Bad(_))).count();
    Ok(if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(name: &str, finding: &Finding) {
    let (mark, text) = match finding {
        Finding::Good(text) => ("ok  ", text),
        Finding::Note(text) => ("note", text),
        Finding::Bad(text) => ("BAD ", text),
    };
    tell(&format!("{mark}  {name:<14} {text}"));
}

fn program(name: &str, flag: &str, remedy: &str) -> Finding {
    match Command::new(name).arg(flag).output() {
        Ok(output) if output.status.success() => {
            let text = String::from_utf8_lossy(&output.stdout);
            Finding::Good(text.lines().next().unwrap_or_default().chars().take(60).collect())
        }
        Ok(_) | Err(_) => Finding::Bad(format!("cannot be run; install it with: {remedy}")),
    }
}

fn encoders() -> Finding {
    let wanted = ["libx264", "aac"];
    let Ok(output) = Command::new("ffmpeg").args(["-hide_banner", "-encoders"]).output() else {
        return Finding::Bad("ffmpeg cannot be run".into());
    };
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    let has = |name: &&str| listed.split_whitespace().any(|word| word == *name);
    let missing: Vec<&str> = wanted.into_iter().filter(|name| !has(name)).collect();
    match missing.is_empty() {
        true => Finding::Good(wanted.join(", ")),
        false => Finding::Bad(format!("this ffmpeg lacks {}: use Debian's", missing.join(", "))),
    }
}

fn data_folder(root: &Root) -> Finding {
    if !root.data.exists() {
        return Finding::Note(format!("{} is not there yet; the first start makes it", root.data.display()));
    }
    match DataFolder::open(&root.data) {
        Ok(folder) => Finding::Good(format!("{} is ours to use", folder.path().display())),
        Err(error @ FolderError::InUse { .. }) => Finding::Note(format!("a server is running: {error}")),
        Err(error) => Finding::Bad(error.to_string()),
    }
}

fn secrets(data: &Path) -> Finding {
    let folder = data.join("secrets");
    match std::fs::metadata(&folder) {
        Err(_) => Finding::Note("none yet; the first start makes them".into()),
        Ok(metadata) if metadata.permissions().mode() & 0o077 != 0 => {
            Finding::Bad(format!("others may read {}: chmod -R go= {}", folder.display(), folder.display()))
        }
        Ok(_) => Finding::Good(format!("{} is for its owner alone; back it up apart", folder.display())),
    }
}

fn disk(data: &Path) -> Finding {
    let place = data.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
    let place = if place.as_os_str().is_empty() { Path::new(".") } else { place };
    let Ok(output) = Command::new("df").args(["--output=avail", "-B1"]).arg(place).output() else {
        return Finding::Note("df cannot be run".into());
    };
    let free = String::from_utf8_lossy(&output.stdout).lines().last().and_then(|line| line.trim().parse::<u64>().ok());
    match free {
        Some(bytes) if bytes < 1 << 30 => Finding::Bad(format!("{} MB free; ingest needs room", bytes >> 20)),
        Some(bytes) => Finding::Good(format!("{} GB free", bytes >> 30)),
        None => Finding::Note("free space is not known".into()),
    }
}

async fn port(root: &Root) -> Finding {
    match listen(root.server.listen).await {
        Ok(_) => Finding::Good(format!("{} is free", root.server.listen)),
        Err(error) => Finding::Note(error.to_string()),
    }
}
