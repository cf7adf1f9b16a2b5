//! What is listened to and looked at while a child runs.

use std::{fs, io, path::Path, process::ExitStatus, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::Child,
};

use super::{LOOK, Limits, Overflow, account::Entry, usage};

/// What is kept of a child's complaints: the end of them.
const STDERR_KEPT: usize = 8 * 1024;
/// Bytes that a child may say on one of its outputs.
const SAID_MAX: u64 = 256 << 20;
/// Files and folders that a child may make.
const FILES_MAX: usize = 256;

/// Why a child is no longer waited for.
pub(super) enum Attending {
    /// It said more than its reader takes.
    Overflow,
    /// It said nothing for too long.
    Silent,
    /// It wrote more than it may.
    Wrote,
    Io(io::Error),
}

impl From<io::Error> for Attending {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Hears a child out and charges what it uses to `entry`, until it ends or goes too far with what it says or writes into `folder`.
pub(super) async fn attend(
    child: &mut Child,
    entry: &Entry,
    folder: &Path,
    limits: &Limits,
    mut on_output: impl FnMut(&[u8]) -> Result<(), Overflow> + Send,
) -> Result<(ExitStatus, String), Attending> {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let mut complaint = Vec::new();
    let keep_end = |bytes: &[u8]| {
        complaint.extend_from_slice(bytes);
        let surplus = complaint.len().saturating_sub(STDERR_KEPT);
        complaint.drain(..surplus);
        Ok(())
    };
    let heard = async {
        tokio::try_join!(read_all(stdout, limits.silence, &mut on_output), read_all(stderr, Duration::MAX, keep_end))?;
        if let Some(id) = child.id()
            && let Ok(Some(used)) = tokio::task::spawn_blocking(move || usage::at_the_end(id)).await
        {
            entry.used(used);
        }
        Ok::<_, Attending>(child.wait().await?)
    };
    let status = tokio::select! {
        ended = heard => ended?,
        beyond = written_beyond(folder, limits.written) => return Err(beyond),
        never = entry.follow() => match never {},
    };
    Ok((status, last_words(&complaint)))
}

async fn read_all(
    from: Option<impl AsyncRead + Unpin>,
    silence: Duration,
    mut each: impl FnMut(&[u8]) -> Result<(), Overflow>,
) -> Result<(), Attending> {
    let Some(mut from) = from else { return Ok(()) };
    let (mut buffer, mut said) = (vec![0; 8 * 1024], 0);
    loop {
        let read = tokio::time::timeout(silence, from.read(&mut buffer)).await.map_err(|_| Attending::Silent)??;
        said += read as u64;
        match read {
            0 => return Ok(()),
            _ if said > SAID_MAX => return Err(Attending::Overflow),
            read => each(&buffer[..read]).map_err(|Overflow| Attending::Overflow)?,
        }
    }
}

/// Comes back when `most` bytes or more than [`FILES_MAX`] files have come into `folder`.
async fn written_beyond(folder: &Path, most: u64) -> Attending {
    let mut before = None;
    loop {
        let folder = folder.to_owned();
        match tokio::task::spawn_blocking(move || held_in(&folder)).await {
            Ok(Ok(Some(bytes))) if bytes <= before.unwrap_or(bytes).saturating_add(most) => {
                before = before.or(Some(bytes))
            }
            Ok(Ok(_)) => return Attending::Wrote,
            // A file went while it was looked at, or we are stopping.
            Ok(Err(_)) | Err(_) => {}
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Bytes in `folder`; `None` when there are too many files to look at. What a child made is never followed through a
/// link.
fn held_in(folder: &Path) -> io::Result<Option<u64>> {
    let (mut bytes, mut files, mut folders) = (0_u64, 0, vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            files += 1;
            let metadata = entry.metadata()?;
            match metadata.is_dir() {
                true => folders.push(entry.path()),
                false => bytes = bytes.saturating_add(metadata.len()),
            }
            if files > FILES_MAX {
                return Ok(None);
            }
        }
    }
    Ok(Some(bytes))
}

/// The last lines of stderr, printable and short enough to show.
fn last_words(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    // FFmpeg begins a line with `[component @ address]`.
    let said = |line: &'_ str| line.trim().split_once("] ").map_or(line, |(_, said)| said).trim().to_owned();
    // SVT-AV1 tells of itself at length, and complains to FFmpeg.
    let is_said = |line: &String| !line.is_empty() && !line.starts_with("Svt[");
    let lines: Vec<String> = text.lines().map(said).filter(is_said).collect();
    let last = lines[lines.len().saturating_sub(3)..].join("; ");
    last.chars().filter(|c| !c.is_control()).take(400).collect()
}
