//! `tessera media inspect`: what is in a file, and what is wrong with it.

use std::{
    fmt::Write as _,
    fs::File,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use tessera_isobmff::{
    InspectLimits, InspectedBox, InspectedProtection, InspectedSample, InspectedTrack, Inspection, Inspector, Problem,
};

use crate::{
    error::CommandError,
    output::{say, tell},
};

/// Prints what is found; answers whether nothing is wrong.
pub(crate) async fn run(file: PathBuf, json: bool, limits: InspectLimits) -> Result<bool, CommandError> {
    let looked = tokio::task::spawn_blocking(move || inspect(&file, limits)).await;
    let found = looked.map_err(|e| CommandError::caused("looking at the file", e))??;
    match json {
        true => tell(&serde_json::to_string_pretty(&found).map_err(|e| CommandError::caused("writing JSON", e))?),
        false => tell(text(&found).trim_end()),
    }
    let problems = found.problems.len() as u64 + found.problems_not_listed;
    say(&format!("{} tracks, {problems} problems", found.tracks.len()));
    Ok(found.is_sound())
}

/// Waits for the disk.
fn inspect(path: &Path, limits: InspectLimits) -> Result<Inspection, CommandError> {
    let unreadable = |e| CommandError::caused(format!("reading {}", path.display()), e);
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(CommandError::new(format!("{} is not a file", path.display())));
    }
    let mut inspector = Inspector::new(metadata.len(), limits);
    let mut bytes = Vec::new();
    while let Some(range) = inspector.wanted() {
        // At most `limits::MAX_MOVIE_BOX` of them.
        bytes.resize((range.end - range.start) as usize, 0);
        file.read_exact_at(&mut bytes, range.start).map_err(unreadable)?;
        inspector.give(&bytes);
    }
    Ok(inspector.finish())
}

/// Everything as people read it; a `String` takes whatever is written to it.
fn text(found: &Inspection) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{:>12} {:>12}  box", "offset", "size");
    found.boxes.iter().for_each(|found| tree(&mut text, found, 0));
    if found.boxes_not_listed > 0 {
        let _ = writeln!(text, "{:>12} more boxes, listed with a larger --boxes", found.boxes_not_listed);
    }
    for track in &found.tracks {
        let _ = writeln!(text, "\n{}", heading(track));
        let _ = writeln!(text, "  {}", counts(track));
        if let Some(protection) = &track.protection {
            let _ = writeln!(text, "  {}", protected(protection));
        }
        for (number, sample) in (1..).zip(&track.first_samples) {
            let _ = writeln!(text, "  {}", line(number, sample));
        }
    }
    if !found.problems.is_empty() {
        let _ = writeln!(text);
    }
    for Problem { offset, place, problem, remedy } in &found.problems {
        let _ = writeln!(text, "problem: '{place}' at byte {offset}: {problem}\n         {remedy}");
    }
    if found.problems_not_listed > 0 {
        let _ = writeln!(text, "and {} problems more", found.problems_not_listed);
    }
    text
}

fn tree(text: &mut String, found: &InspectedBox, depth: usize) {
    let fields: String = found.fields.0.iter().map(|(name, value)| format!(" {name}={value}")).collect();
    let (indent, kind) = (2 * depth, &found.kind);
    let _ = writeln!(text, "{:>12} {:>12}  {:indent$}{kind}{fields}", found.offset, found.size, "");
    found.boxes.iter().for_each(|inner| tree(text, inner, depth + 1));
}

/// `track 1: vide, avc1.64001f, 1280x720, und`.
fn heading(track: &InspectedTrack) -> String {
    let mut parts = vec![track.handler.clone()];
    parts.extend(track.codec.clone().or_else(|| track.format.clone()));
    parts.extend(track.resolution.map(|(width, height)| format!("{width}x{height}")));
    parts.extend(track.sound.map(|(rate, channels)| format!("{rate} Hz, {channels} channels")));
    parts.extend(track.language.clone());
    parts.retain(|part| !part.is_empty());
    if parts.is_empty() {
        parts.push("described in the init segment, which is not in this file".to_owned());
    }
    format!("track {}: {}", track.track_id, parts.join(", "))
}

fn counts(track: &InspectedTrack) -> String {
    let InspectedTrack { samples, sync_samples, bytes, duration, fragments, .. } = track;
    let duration = match track.timescale {
        Some(timescale) => format!("{:.3} s at {timescale} a second", *duration as f64 / f64::from(timescale)),
        None => format!("{duration} ticks"),
    };
    let each = match track.sample_durations {
        Some((shortest, longest)) if shortest == longest => format!(", {longest} each"),
        Some((shortest, longest)) => format!(", {shortest} to {longest} each"),
        None => String::new(),
    };
    format!("{samples} samples, {sync_samples} sync, {bytes} bytes in {fragments} fragments, {duration}{each}")
}

fn protected(protection: &InspectedProtection) -> String {
    let InspectedProtection { scheme, key_id, iv_size, constant_iv, pattern } = protection;
    let iv = match constant_iv {
        Some(iv) => format!("constant IV {iv}"),
        None => format!("IVs of {iv_size} bytes"),
    };
    let pattern = pattern.as_ref().map(|pattern| format!(", pattern {pattern}")).unwrap_or_default();
    format!("protected: {scheme}, key id {key_id}, {iv}{pattern}")
}

fn line(number: u32, sample: &InspectedSample) -> String {
    let InspectedSample { offset, size, decode_time, duration, composition_offset, sync, iv, subsamples } = sample;
    let sync = if *sync { " sync" } else { "" };
    let iv = iv.as_ref().map(|iv| format!(" iv {iv}")).unwrap_or_default();
    let divided: Vec<_> = subsamples.iter().map(|s| format!("{}+{}", s.clear, s.protected)).collect();
    let divided = if divided.is_empty() { String::new() } else { format!(" clear+protected {}", divided.join(" ")) };
    format!(
        "sample {number}: {size} bytes at {offset}, decoded at {decode_time} for {duration}, shown {composition_offset:+}{sync}{iv}{divided}"
    )
}
