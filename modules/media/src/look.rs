//! Looking at a source: what it is, or why it is refused.

use std::{fs::File, io::Read, path::Path, time::Duration};

use tessera_contract::Failure;
use tessera_contract_media::FailureReason;

use crate::{
    child::{ChildError, Limits, Overflow, Sandbox},
    config::MediaConfig,
    encode,
    probe::{self, Source},
    refusal::{Refusal, TAKEN},
    sniff::{Container, SNIFFED, sniff},
};

/// Bytes of ffprobe's report at most.
const REPORT_MAX: usize = 4 << 20;
const PROBE_TIME: Duration = Duration::from_secs(60);

/// Why there is nothing to say about a source.
#[derive(Debug)]
pub(crate) enum Unknown {
    /// It cannot be used.
    Refused(FailureReason),
    /// Something of ours.
    Ours(Failure),
}

impl From<FailureReason> for Unknown {
    fn from(reason: FailureReason) -> Self {
        Self::Refused(reason)
    }
}

/// The first bytes of a file and how many it has. Waits for the disk.
pub(crate) fn head(path: &Path) -> std::io::Result<(Vec<u8>, u64)> {
    let mut head = Vec::new();
    let file = File::open(path)?;
    let bytes = file.metadata()?.len();
    file.take(SNIFFED as u64).read_to_end(&mut head)?;
    Ok((head, bytes))
}

/// What the file `source` in `folder` is, of which `head` are the first of `bytes` bytes.
pub(crate) async fn look(
    sandbox: &Sandbox,
    config: &MediaConfig,
    folder: &Path,
    (head, bytes): (Vec<u8>, u64),
) -> Result<Source, Unknown> {
    let container = sniff(&head)?;
    let limits = Limits {
        memory: sandbox.memory(),
        wall: PROBE_TIME,
        cpu: PROBE_TIME,
        silence: PROBE_TIME,
        file_size: 0,
        written: 0,
    };
    let mut report = Vec::new();
    let on_output = |bytes: &[u8]| match report.len() + bytes.len() <= REPORT_MAX {
        true => {
            report.extend_from_slice(bytes);
            Ok(())
        }
        false => Err(Overflow),
    };
    let arguments = encode::probe(container);
    let probing = sandbox.run(&config.ffprobe, arguments, folder, &limits, on_output);
    probing.await.map_err(|error| unreadable(container, error))?;
    Ok(probe::source(container, &report, config.max_duration, bytes)?)
}

fn unreadable(container: Container, error: ChildError) -> Unknown {
    match error {
        ChildError::NotStarted { .. } | ChildError::Lost { .. } => {
            Unknown::Ours(Failure::unavailable(&error.to_string(), error))
        }
        ChildError::Failed { complaint, .. } => {
            if let Some(codec) = not_taken(&complaint) {
                let found = format!("something in the file is coded with {codec}; {TAKEN}, and the usual sound");
                return Refusal::UnsupportedCodec.because(found).into();
            }
            if complaint.contains("max pixel count") {
                let most = encode::PIXELS_MAX;
                let found = format!("the film's picture is larger than {most} pixels: make it smaller, 8K at most");
                return Refusal::TooLarge.because(found).into();
            }
            let name = container.name();
            let found = format!("the file begins like {name} and is cut short or damaged ({complaint}); {TAKEN}");
            Refusal::Truncated.because(found).into()
        }
        ChildError::TooSlow { .. }
        | ChildError::Silent { .. }
        | ChildError::TooMuch { .. }
        | ChildError::WroteTooMuch { .. }
        | ChildError::Stopped { .. } => {
            Refusal::NotAVideo.because(format!("the file takes more than a film may to be looked at: {error}")).into()
        }
    }
}

/// The codec that is on none of our lists, when that is what stopped ffprobe.
fn not_taken(complaint: &str) -> Option<&str> {
    let (before, _) = complaint.split_once(") not on whitelist")?;
    before.rsplit_once("Codec (").map(|(_, codec)| codec)
}
