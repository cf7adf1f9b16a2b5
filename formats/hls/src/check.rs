//! Whether playlists keep the rules of RFC 8216bis, those of others as well as ours.
//!
//! [`check()`] looks at one playlist, [`Presentation::check`] at a multivariant playlist with all that it leads to. What
//! they find is made to be printed. Any text may be checked: nothing is believed, and time and memory are bounded by the
//! text's length.

mod attributes;
mod bandwidth;
mod finding;
mod keys;
mod media;
mod multivariant;
mod presentation;
mod renditions;
mod rules;
mod segments;
mod tags;
mod text;
mod uri;
mod version;

pub use finding::{Finding, Report, Rule, Severity};
pub use presentation::Presentation;

use crate::read::check_length;
use finding::Findings;
use media::MediaSummary;
use multivariant::MultivariantSummary;
use text::{Playlist, PlaylistKind};

/// Checks one playlist, media or multivariant, and says which rules it breaks: by line, none when all is well, and no
/// more than a thousand.
pub fn check(text: &str) -> Vec<Finding> {
    let mut findings = Findings::default();
    check_into(text, &mut findings);
    findings.sorted()
}

/// What a playlist is, for those who look at several.
enum Summary {
    Media(MediaSummary),
    Multivariant(MultivariantSummary),
    Neither,
}

fn check_into(text: &str, findings: &mut Findings) -> Summary {
    if let Err(error) = check_length(text) {
        findings.add(0, rules::TOO_LONG, error.to_string());
        return Summary::Neither;
    }
    let playlist = Playlist::parse(text, findings);
    version::check(&playlist, findings);
    match playlist.kind {
        Some(PlaylistKind::Media) => Summary::Media(media::check(&playlist, findings)),
        Some(PlaylistKind::Multivariant) => Summary::Multivariant(multivariant::check(&playlist, findings)),
        None => Summary::Neither,
    }
}
