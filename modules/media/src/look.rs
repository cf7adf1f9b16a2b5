//! Looking at a source: what it is, or why it is refused.

use std::{
    fs::{File, Permissions},
    io::Read,
    os::unix::fs::PermissionsExt,
    path::Path,
    time::Duration,
};

use tessera_contract::Failure;
use tessera_contract_media::FailureReason;

use crate::{
    child::{ChildError, Limits, Overflow, Sandbox},
    colour::DynamicRange,
    config::MediaConfig,
    encode, light,
    probe::{self, Source},
    refusal::{Refusal, TAKEN},
    sniff::{Container, SNIFFED, packet_stride, sniff},
    transport,
};

/// Bytes of ffprobe's report at most.
const REPORT_MAX: usize = 4 << 20;
const PROBE_TIME: Duration = Duration::from_secs(60);
/// How slowly a transport stream is taken apart at most, and bytes that it may gain by it.
const REMUX_BYTES_A_SECOND: u64 = 4 << 20;
const REMUX_SPARE: u64 = 64 << 20;

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
    (head, mut bytes): (Vec<u8>, u64),
) -> Result<Source, Unknown> {
    let container = sniff(&head)?;
    if let Some(stride) = packet_stride(&head).filter(|_| container == Container::MpegTs) {
        let file = retime(folder, stride).await?;
        bytes = remux((sandbox, &config.ffmpeg), folder, file, bytes).await?;
    }
    let probing = Probing { sandbox, program: &config.ffprobe, folder };
    let report = probing.report(encode::probe(container)).await.map_err(|error| unreadable(container, error))?;
    let mut source = probe::source(container, &report, config.max_duration, bytes)?;
    let colour = &mut source.video.colour;
    if colour.range == DynamicRange::Pq && colour.mastering.is_none() && colour.light.is_none() {
        // Most containers leave it to the stream.
        let arguments = encode::probe_first_picture(container, source.video.index);
        let report = probing.report(arguments).await.map_err(|error| unreadable(container, error))?;
        (colour.mastering, colour.light) = light::of_first_picture(&report);
    }
    Ok(source)
}

/// The name of the file in `folder` whose times only go on: the transport stream itself, or what is made of it where they leap.
async fn retime(folder: &Path, stride: usize) -> Result<&'static str, Unknown> {
    const DOING: &str = "following the times of a transport stream on the scratch disk";
    let (source, retimed) = (folder.join(encode::SOURCE), folder.join(encode::RETIMED));
    let following = tokio::task::spawn_blocking(move || {
        let Some(timeline) = transport::observe(File::open(&source)?, stride)? else { return Ok(encode::SOURCE) };
        let made = File::create_new(retimed)?;
        transport::retime(File::open(&source)?, &made, stride, &timeline)?;
        made.set_permissions(Permissions::from_mode(0o444))?;
        Ok(encode::RETIMED)
    });
    let followed = following.await.map_err(|e| Unknown::Ours(Failure::internal(DOING, e)))?;
    followed.map_err(|error: std::io::Error| Unknown::Ours(Failure::unavailable(DOING, error)))
}

/// Puts a MOV made of `file` in the place of the transport stream `source` in `folder`, and answers how many bytes it has.
async fn remux((sandbox, program): (&Sandbox, &str), folder: &Path, file: &str, bytes: u64) -> Result<u64, Unknown> {
    let most = bytes.saturating_mul(2).saturating_add(REMUX_SPARE);
    let wall = PROBE_TIME + Duration::from_secs(bytes / REMUX_BYTES_A_SECOND);
    let memory = sandbox.memory();
    let limits = Limits { memory, wall, cpu: wall, silence: wall, file_size: most, written: most };
    let made = sandbox.run(program, encode::remux(file), folder, &limits, |_| Ok(())).await;
    made.map_err(|error| match error {
        ChildError::Failed { ref complaint, .. } if complaint.contains("No space left on device") => {
            let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
            Unknown::Ours(Failure::unavailable(&format!("the scratch disk is full: free some space ({error})"), full))
        }
        error => unreadable(Container::MpegTs, error),
    })?;
    if file != encode::SOURCE {
        let removed = tokio::fs::remove_file(folder.join(file)).await;
        removed.map_err(|e| Unknown::Ours(Failure::unavailable("removing a transport stream", e)))?;
    }
    let (remuxed, source) = (folder.join(encode::OUT).join(encode::REMUXED), folder.join(encode::SOURCE));
    let replaced = async {
        // Never through a link that the child made.
        let metadata = tokio::fs::symlink_metadata(&remuxed).await?;
        if metadata.is_file() { tokio::fs::rename(&remuxed, &source).await.map(|()| metadata.len()) } else { Ok(0) }
    };
    let remuxed = replaced.await.map_err(|e| Unknown::Ours(Failure::unavailable("replacing a transport stream", e)))?;
    match remuxed {
        0 => Err(Refusal::Truncated.because("nothing could be read of the transport stream; remux it to MP4").into()),
        bytes => Ok(bytes),
    }
}

/// How ffprobe is run.
struct Probing<'a> {
    sandbox: &'a Sandbox,
    program: &'a str,
    folder: &'a Path,
}

impl Probing<'_> {
    /// What it says.
    async fn report(&self, arguments: Vec<String>) -> Result<Vec<u8>, ChildError> {
        let limits = Limits {
            memory: self.sandbox.memory(),
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
        self.sandbox.run(self.program, arguments, self.folder, &limits, on_output).await?;
        Ok(report)
    }
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
            if container == Container::MpegTs && complaint.contains("matches no streams") {
                return Refusal::NotAVideo.because(format!("the transport stream has no pictures; {TAKEN}")).into();
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
