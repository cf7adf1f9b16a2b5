//! What is kept of a file of subtitles, whoever wrote it: cues that say something, and nothing that reaches elsewhere.

use tessera_webvtt::{Cue, CueText, Header, Track, read};

/// Tags that cue text may have (W3C WebVTT §4.2.2), besides times.
const TAGS: [&str; 8] = ["b", "c", "i", "lang", "rt", "ruby", "u", "v"];
/// What makes a style sheet fetch something (CSS Values §4.5, CSS Images), escapes that could spell it included.
const REACHING: [&str; 6] = ["@", "\\", "url", "src", "image", "://"];

/// Why a file gives no subtitles.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error(transparent)]
    Read(#[from] tessera_webvtt::Error),
    #[error("there is not one cue in it")]
    Empty,
}

/// Reads SubRip or WebVTT and gives it back as a WebVTT file, with all times earlier by `start` milliseconds. Style sheets stay unless one of them refers to something, then
/// none does; text with tags that WebVTT does not have loses all of them.
pub(crate) fn clean(file: &[u8], start: i64) -> Result<String, Unreadable> {
    let track = read(file)?.track.shifted(start.saturating_neg());
    if track.cues().is_empty() {
        return Err(Unreadable::Empty);
    }
    let reaches = track.header().styles().any(reaches);
    let header = if reaches { Header::default() } else { track.header().clone() };
    let cues = track.cues().iter().map(cleaned).collect::<Result<_, _>>()?;
    let track = Track::new(header, cues)?;
    // As samples of MP4 they have limits that a file has not.
    let end = track.cues().iter().map(Cue::end).max().unwrap_or(1);
    track.segment(0..end.min(u32::MAX.into()))?;
    Ok(track.write())
}

fn reaches(style: &str) -> bool {
    let style = style.to_ascii_lowercase();
    REACHING.iter().any(|word| style.contains(word))
}

fn cleaned(cue: &Cue) -> Result<Cue, tessera_webvtt::Error> {
    if !has_foreign_tags(cue.text().as_str()) {
        return Ok(cue.clone());
    }
    let text = CueText::from_plain(&cue.text().plain())?;
    let plain = Cue::new(cue.start(), cue.end(), text)?.with_settings(cue.settings().clone());
    plain.with_id(cue.id().unwrap_or_default())
}

fn has_foreign_tags(text: &str) -> bool {
    let name = |tag: &str| -> String {
        let tag = tag.strip_prefix('/').unwrap_or(tag);
        tag.chars().take_while(|c| !matches!(c, '.' | '>' | ' ' | '\t' | '\n')).collect()
    };
    let is_time = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit() || matches!(b, b':' | b'.'));
    let known = |name: &str| name.is_empty() || TAGS.contains(&name) || is_time(name);
    text.split('<').skip(1).any(|tag| !known(&name(tag)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(body: &str) -> String {
        clean(format!("WEBVTT\n\n{body}").as_bytes(), 0).unwrap()
    }

    #[test]
    fn tags_of_pages_become_plain_text() {
        for (said, kept) in [
            ("<v Bob><i.loud>Hi</i></v> <00:00:00.500>you", "<v Bob><i.loud>Hi</i></v> <00:00:00.500>you"),
            ("a &lt; b <b>c</b>", "a &lt; b <b>c</b>"),
            ("<script>alert(1)</script>", "alert(1)"),
            ("<i>x</i><img src=x onerror=alert(1)>", "x"),
            ("<i>x</i><SCRIPT/src=//a>y", "xy"),
            ("<svg/onload=a>1 &lt; 2", "1 &lt; 2"),
        ] {
            let file = cleaned(&format!("00:00.000 --> 00:01.000\n{said}\n"));
            assert_eq!(file, format!("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n{kept}\n"), "{said}");
        }
    }

    #[test]
    fn style_sheets_stay_unless_they_reach_elsewhere() {
        let cue = "00:00.000 --> 00:01.000\nHi\n";
        assert!(cleaned(&format!("STYLE\n::cue(b) {{ color: lime }}\n\n{cue}")).contains("lime"));
        for style in [
            "::cue { background: url(//tracker.example/a) }",
            "::cue { background: u\\72l(a) }",
            "@import 'a';",
            "::cue { background: image-set('a' 1x) }",
            "::cue { background: URL(a) }",
        ] {
            let file = cleaned(&format!("STYLE\n{style}\n\n{cue}"));
            assert_eq!(file, "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nHi\n", "{style}");
        }
    }

    #[test]
    fn what_says_nothing_is_none() {
        let before = b"WEBVTT\n\n00:01.000 --> 00:03.000\nover\n\n00:02.000 --> 00:05.000\ncut\n";
        let expected = "WEBVTT\n\n00:00:00.000 --> 00:00:02.000\ncut\n";
        assert_eq!(clean(before, 3000).unwrap(), expected, "what ends before the film begins is gone");
        assert!(matches!(clean(before, 9000), Err(Unreadable::Empty)));
        assert!(matches!(clean(b"WEBVTT\n", 0), Err(Unreadable::Empty)));
        assert!(matches!(clean(b"a letter", 0), Err(Unreadable::Read(_))));
    }
}
