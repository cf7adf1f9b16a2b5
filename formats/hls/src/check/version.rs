//! Protocol versions (RFC 8216bis §8): which one a playlist needs, and whether it says so.

use super::{
    finding::Findings,
    rules,
    text::{Content, Playlist},
};
use crate::values::{AttributeList, integer};

/// What needs the highest version so far.
struct Need {
    version: u64,
    line: usize,
    what: &'static str,
}

pub(crate) fn check(playlist: &Playlist<'_>, findings: &mut Findings) {
    let has = |wanted| {
        playlist.lines.iter().any(|line| matches!(&line.content, Content::Tag { tag, .. } if tag.name == wanted))
    };
    let i_frames_only = has("EXT-X-I-FRAMES-ONLY");
    let (mut stated, mut at) = (1, 0);
    let mut need = Need { version: 1, line: 0, what: "" };
    for line in &playlist.lines {
        let Content::Tag { tag, value, list } = &line.content else { continue };
        if tag.name == "EXT-X-VERSION" && at == 0 {
            (stated, at) = (integer(value).unwrap_or(u64::MAX), line.number);
        }
        let request = list.0.iter().any(|attribute| attribute.name.starts_with("REQ-"));
        let request = request.then_some((12, "an attribute REQ-*"));
        for (version, what) in needs(tag.name, value, list, i_frames_only).into_iter().chain([request]).flatten() {
            if version > need.version {
                need = Need { version, line: line.number, what };
            }
        }
    }
    if need.version > stated {
        let Need { version, line, what } = need;
        findings.add(at, rules::VERSION, format!("it is {stated}, and {what} on line {line} needs {version}"));
    }
}

type Needs = [Option<(u64, &'static str)>; 3];

fn needs(tag: &str, value: &str, list: &AttributeList<'_>, i_frames_only: bool) -> Needs {
    let when = |is: bool, version, what| is.then_some((version, what));
    let has = |name| list.get(name).is_some();
    let one = |version, what| [Some((version, what)), None, None];
    match tag {
        "EXT-X-KEY" => [
            when(has("IV"), 2, "IV"),
            when(list.get("METHOD").is_some_and(|method| method.starts_with("SAMPLE-AES")), 5, "METHOD=SAMPLE-AES"),
            when(has("KEYFORMAT") || has("KEYFORMATVERSIONS"), 5, "KEYFORMAT"),
        ],
        "EXTINF" => {
            let duration = value.split_once(',').map_or(value, |(duration, _title)| duration);
            [when(duration.contains('.'), 3, "a duration with a fraction"), None, None]
        }
        "EXT-X-BYTERANGE" => one(4, "EXT-X-BYTERANGE"),
        "EXT-X-I-FRAMES-ONLY" => one(4, "EXT-X-I-FRAMES-ONLY"),
        "EXT-X-MAP" if i_frames_only => one(5, "EXT-X-MAP"),
        "EXT-X-MAP" => one(6, "EXT-X-MAP without EXT-X-I-FRAMES-ONLY"),
        "EXT-X-MEDIA" => {
            let id = list.get("INSTREAM-ID");
            let service = id.is_some_and(|id| id.starts_with("SERVICE"));
            let other = id.is_some() && list.get("TYPE") != Some("CLOSED-CAPTIONS");
            [
                when(service, 7, "an INSTREAM-ID of a SERVICE"),
                when(other, 13, "INSTREAM-ID of another TYPE than CLOSED-CAPTIONS"),
                None,
            ]
        }
        "EXT-X-DEFINE" => [Some((8, "EXT-X-DEFINE")), when(has("QUERYPARAM"), 11, "QUERYPARAM"), None],
        "EXT-X-SKIP" => {
            [Some((9, "EXT-X-SKIP")), when(has("RECENTLY-REMOVED-DATERANGES"), 10, "RECENTLY-REMOVED-DATERANGES"), None]
        }
        _ => [None; 3],
    }
}
