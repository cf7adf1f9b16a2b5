//! SubRip's markup: HTML's tags for fonts and Advanced SubStation's codes in braces, translated or dropped.

use crate::{
    CueText, Error, Settings,
    text::{escape, escape_at, without_blank_lines},
};

/// The deepest nesting that is translated; tags within are dropped.
const MAX_OPEN: usize = 16;

/// The colours that WebVTT has classes for (§5.1), as HTML names and writes them.
const COLOURS: [(&str, &str, &str); 8] = [
    ("white", "ffffff", "c.white"),
    ("lime", "00ff00", "c.lime"),
    ("cyan", "00ffff", "c.cyan"),
    ("red", "ff0000", "c.red"),
    ("yellow", "ffff00", "c.yellow"),
    ("magenta", "ff00ff", "c.magenta"),
    ("blue", "0000ff", "c.blue"),
    ("black", "000000", "c.black"),
];

/// A tag as SubRip has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tag {
    /// An element, and what WebVTT calls it; `None` when it has nothing of the kind.
    Open(&'static str, Option<&'static str>),
    Close(&'static str),
    LineBreak,
    Nothing,
}

/// Text being translated, with the elements that are open.
#[derive(Default)]
struct Translation {
    text: String,
    open: Vec<(&'static str, Option<&'static str>)>,
    settings: Option<&'static str>,
}

/// Cue text and settings of SubRip's lines. Errors when the text is too long.
pub(super) fn translate(source: &str) -> Result<(CueText, Settings), Error> {
    let mut translation = Translation::default();
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        let length = translation.code(rest).or_else(|| translation.element(rest));
        let length = length.or_else(|| translation.escaped(rest)).unwrap_or_else(|| {
            escape(c, &mut translation.text);
            c.len_utf8()
        });
        rest = &rest[length..];
    }
    while translation.open.last().is_some() {
        translation.close_last();
    }
    let text = without_blank_lines(&translation.text);
    let is_empty = CueText::new(&text)?.plain().trim().is_empty();
    let text = CueText::new(if is_empty { "" } else { &text })?;
    Ok((text, translation.settings.map(Settings::parse).unwrap_or_default()))
}

impl Translation {
    /// A code in braces, such as `{\an8}` or `{\i1}`; returns its length.
    fn code(&mut self, text: &str) -> Option<usize> {
        let codes = text.strip_prefix("{\\")?;
        // Up to the first brace, so that braces without an end are not searched again and again.
        let end = codes.find(['{', '}', '\n']).filter(|end| codes[*end..].starts_with('}'))?;
        for code in codes[..end].split('\\') {
            match code {
                "i1" => self.tag(Tag::Open("i", Some("i"))),
                "b1" => self.tag(Tag::Open("b", Some("b"))),
                "u1" => self.tag(Tag::Open("u", Some("u"))),
                "i0" => self.tag(Tag::Close("i")),
                "b0" => self.tag(Tag::Close("b")),
                "u0" => self.tag(Tag::Close("u")),
                code => self.settings = self.settings.or_else(|| position(code)),
            }
        }
        Some(end + 3)
    }

    /// An element of HTML's; what only looks like one is text.
    fn element(&mut self, text: &str) -> Option<usize> {
        let inside = text.strip_prefix('<')?;
        let end = inside.find(['<', '>']).filter(|end| inside[*end..].starts_with('>'))?;
        let tag = element_tag(&inside[..end])?;
        self.tag(tag);
        Some(end + 2)
    }

    /// An escape that WebVTT has too is kept.
    fn escaped(&mut self, text: &str) -> Option<usize> {
        let (name, _) = escape_at(text)?;
        self.text.push_str(name);
        Some(name.len())
    }

    fn tag(&mut self, tag: Tag) {
        match tag {
            Tag::Nothing => {}
            Tag::LineBreak => self.text.push('\n'),
            Tag::Open(name, class) => {
                if self.open.len() < MAX_OPEN {
                    class.iter().for_each(|class| self.text.push_str(&format!("<{class}>")));
                    self.open.push((name, class));
                }
            }
            // What was opened within is closed too: WebVTT's elements nest.
            Tag::Close(name) if self.open.iter().any(|(open, _)| *open == name) => {
                while self.close_last() != Some(name) {}
            }
            Tag::Close(_) => {}
        }
    }

    fn close_last(&mut self) -> Option<&'static str> {
        let (name, class) = self.open.pop()?;
        if let Some(class) = class {
            let class = class.split('.').next().unwrap_or(class);
            self.text.push_str(&format!("</{class}>"));
        }
        Some(name)
    }
}

/// The settings of Advanced SubStation's `\an`, which counts positions as a keypad does; 2 is the usual one.
fn position(code: &str) -> Option<&'static str> {
    Some(match code {
        "an1" => "align:start position:5%,line-left",
        "an2" => "",
        "an3" => "align:end position:95%,line-right",
        "an4" => "line:50%,center align:start position:5%,line-left",
        "an5" => "line:50%,center",
        "an6" => "line:50%,center align:end position:95%,line-right",
        "an7" => "line:0 align:start position:5%,line-left",
        "an8" => "line:0",
        "an9" => "line:0 align:end position:95%,line-right",
        _ => return None,
    })
}

fn element_tag(inside: &str) -> Option<Tag> {
    let (is_close, inside) = inside.strip_prefix('/').map_or((false, inside), |inside| (true, inside));
    let name = inside.split([' ', '\t', '\n', '/']).next()?.to_ascii_lowercase();
    let (name, class) = match name.as_str() {
        "i" | "em" => ("i", Some("i")),
        "b" | "strong" => ("b", Some("b")),
        "u" => ("u", Some("u")),
        "font" => ("font", colour(inside)),
        "br" => return Some(Tag::LineBreak),
        "s" | "strike" | "span" | "p" | "div" | "center" => return Some(Tag::Nothing),
        _ => return None,
    };
    Some(if is_close { Tag::Close(name) } else { Tag::Open(name, class) })
}

/// The class of `<font color=…>`.
fn colour(inside: &str) -> Option<&'static str> {
    let lower = inside.to_ascii_lowercase();
    let (_, value) = lower.split_once("color")?;
    let value = value.trim_start().strip_prefix('=')?.trim_start();
    let value = value.trim_start_matches(['"', '\'', '#']);
    let value = value.split(|c: char| !c.is_ascii_alphanumeric()).next()?;
    COLOURS.into_iter().find(|(name, hex, _)| value == *name || value == *hex).map(|(_, _, class)| class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_translated_or_dropped() {
        for (source, text, settings) in [
            ("<I>a</I> <b>b</b> <u>c</u> <em>d</em>", "<i>a</i> <b>b</b> <u>c</u> <i>d</i>", ""),
            ("{\\an8}top", "top", "line:0"),
            ("{\\an2}{\\an8}first counts", "first counts", ""),
            ("{\\i1}a{\\i0} {\\fad(1,2)\\an5}b", "<i>a</i> b", "line:50%,center"),
            ("{not a code} {\\open", "{not a code} {\\open", ""),
            ("<font color=\"#FFFF00\" size=3>a</font>b", "<c.yellow>a</c>b", ""),
            ("<font color=Red>a</font> <font color=\"#123456\">b</font>", "<c.red>a</c> b", ""),
            ("<i><b>a</i>b</b>", "<i><b>a</b></i>b", ""),
            ("<i>open", "<i>open</i>", ""),
            ("</i>closed", "closed", ""),
            ("<laughs> 1 < 2 > 0 --> x", "&lt;laughs&gt; 1 &lt; 2 &gt; 0 --&gt; x", ""),
            ("R&B &amp; &lt;rock&gt; &nbsp;", "R&amp;B &amp; &lt;rock&gt; &nbsp;", ""),
            ("a<br>b<BR/>c<br><br>d", "a\nb\nc\nd", ""),
            ("<s>a</s><span class=x>b</span>", "ab", ""),
            ("  \n\na\n \nb ", "a\nb", ""),
            ("<i>\n</i>", "", ""),
        ] {
            let (found, placed) = translate(source).unwrap();
            assert_eq!((found.as_str(), placed.as_str()), (text, settings), "{source:?}");
        }
    }

    #[test]
    fn deep_nesting_is_cut() {
        let text = translate(&format!("{}a{}b", "<i>".repeat(1_000), "</i>".repeat(1_000))).unwrap().0;
        assert_eq!(text.as_str(), format!("{}a{}b", "<i>".repeat(16), "</i>".repeat(16)));
    }
}
