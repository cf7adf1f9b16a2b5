//! Elements and attributes, escaped (XML 1.0 §2.2, §2.4).

use std::fmt::{Display, Write};

use crate::Error;

/// A document being written, indented by two spaces a level.
#[derive(Debug)]
pub(crate) struct Xml {
    text: String,
    depth: usize,
}

/// An element's start tag, being written.
pub(crate) struct Tag {
    name: &'static str,
    text: String,
}

impl Tag {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, text: format!("<{name}") }
    }

    /// An attribute that is a number or a fixed name.
    pub(crate) fn plain(mut self, name: &'static str, value: impl Display) -> Self {
        // Writing to a String does not fail.
        let _ = write!(self.text, " {name}=\"{value}\"");
        self
    }

    /// An attribute of any text.
    pub(crate) fn text(self, name: &'static str, text: &str) -> Result<Self, Error> {
        let escaped = escape(name, text)?;
        Ok(self.plain(name, escaped))
    }

    /// An attribute that may be absent.
    pub(crate) fn optional(self, name: &'static str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.plain(name, value),
            None => self,
        }
    }
}

impl Xml {
    pub(crate) fn new() -> Self {
        Self { text: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned(), depth: 0 }
    }

    pub(crate) fn finish(self) -> String {
        self.text
    }

    /// An element without content.
    pub(crate) fn empty(&mut self, tag: Tag) {
        self.line(&format!("{}/>", tag.text));
    }

    /// An element with text.
    pub(crate) fn leaf(&mut self, tag: Tag, text: &str) -> Result<(), Error> {
        let escaped = escape(tag.name, text)?;
        self.line(&format!("{}>{escaped}</{}>", tag.text, tag.name));
        Ok(())
    }

    /// An element with elements, which `fill` writes.
    pub(crate) fn element(&mut self, tag: Tag, fill: impl FnOnce(&mut Self) -> Result<(), Error>) -> Result<(), Error> {
        self.line(&format!("{}>", tag.text));
        self.depth += 1;
        fill(self)?;
        self.depth -= 1;
        self.line(&format!("</{}>", tag.name));
        Ok(())
    }

    fn line(&mut self, line: &str) {
        (0..self.depth).for_each(|_| self.text.push_str("  "));
        self.text.push_str(line);
        self.text.push('\n');
    }
}

fn escape(attribute: &'static str, text: &str) -> Result<String, Error> {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // As themselves they would be read as blanks.
            '\t' => escaped.push_str("&#9;"),
            '\n' => escaped.push_str("&#10;"),
            '\r' => escaped.push_str("&#13;"),
            '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => {
                return Err(Error::NotXml { attribute, text: text.to_owned() });
            }
            c => escaped.push(c),
        }
    }
    Ok(escaped)
}
