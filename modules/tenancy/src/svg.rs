//! SVG files that draw and do nothing else. What is not on the lists here is refused by name, not taken out: a file
//! that was changed behind its owner's back would be a riddle.

use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};

/// Elements that draw, or that drawing refers to (SVG 2).
const ELEMENTS: &[&str] = &[
    "svg",
    "g",
    "defs",
    "symbol",
    "use",
    "title",
    "desc",
    "path",
    "rect",
    "circle",
    "ellipse",
    "line",
    "polyline",
    "polygon",
    "text",
    "tspan",
    "linearGradient",
    "radialGradient",
    "stop",
    "clipPath",
    "mask",
    "pattern",
];
/// Attributes that place, shape or paint.
const ATTRIBUTES: &[&str] = &[
    "xmlns",
    "xmlns:xlink",
    "version",
    "viewBox",
    "preserveAspectRatio",
    "id",
    "class",
    "role",
    "aria-label",
    "aria-hidden",
    "aria-labelledby",
    "xml:space",
    "width",
    "height",
    "x",
    "y",
    "x1",
    "x2",
    "y1",
    "y2",
    "cx",
    "cy",
    "r",
    "rx",
    "ry",
    "fx",
    "fy",
    "d",
    "points",
    "transform",
    "gradientTransform",
    "gradientUnits",
    "spreadMethod",
    "offset",
    "stop-color",
    "stop-opacity",
    "clip-path",
    "clip-rule",
    "clipPathUnits",
    "mask",
    "maskUnits",
    "maskContentUnits",
    "patternUnits",
    "patternTransform",
    "patternContentUnits",
    "fill",
    "fill-opacity",
    "fill-rule",
    "stroke",
    "stroke-width",
    "stroke-opacity",
    "stroke-linecap",
    "stroke-linejoin",
    "stroke-miterlimit",
    "stroke-dasharray",
    "stroke-dashoffset",
    "opacity",
    "color",
    "display",
    "visibility",
    "font-family",
    "font-size",
    "font-weight",
    "font-style",
    "letter-spacing",
    "text-anchor",
    "dx",
    "dy",
    "dominant-baseline",
    "shape-rendering",
    "text-rendering",
    "href",
    "xlink:href",
    "vector-effect",
    "pathLength",
];
/// Elements of a file at most, and how deep they stand within each other.
const MOST: usize = 5000;
const DEEPEST: usize = 32;
/// `use` elements at most: each may draw all that is there once more.
const MOST_USES: usize = 64;

/// Checks a file; answers its size, in its own units.
pub(crate) fn check(text: &str) -> Result<(u32, u32), String> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = true;
    let (mut size, mut depth, mut elements, mut uses) = (None, 0_usize, 0_usize, 0_usize);
    loop {
        let event = reader.read_event().map_err(|error| format!("it is not well-formed XML: {error}"))?;
        let (start, opens) = match event {
            Event::Eof if depth > 0 => return Err("an element is not closed".into()),
            Event::Eof => return size.ok_or_else(|| "there is no element in it".to_owned()),
            Event::Start(start) => (start, true),
            Event::Empty(start) => (start, false),
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                continue;
            }
            Event::DocType(_) => return Err("a document type is not taken".into()),
            Event::PI(_) => return Err("processing instructions are not taken".into()),
            Event::CData(_) => return Err("CDATA is not taken".into()),
            Event::GeneralRef(name) => {
                // The five of XML and numbers; others need a document type.
                let known = ["amp", "lt", "gt", "quot", "apos"].contains(&&*name);
                if known || name.starts_with('#') {
                    continue;
                }
                return Err("it refers to an entity".into());
            }
            Event::Text(_) | Event::Comment(_) | Event::Decl(_) => continue,
        };
        let name = named(&start)?;
        elements += 1;
        uses += usize::from(name == "use");
        if depth == 0 {
            if size.is_some() || name != "svg" {
                return Err("its one outermost element has to be svg".into());
            }
            size = Some(size_of(&start)?);
        }
        if elements > MOST || depth >= DEEPEST || uses > MOST_USES {
            return Err(format!("at most {MOST} elements, {DEEPEST} deep, and {MOST_USES} uses are taken"));
        }
        attributes(&name, &start)?;
        depth += usize::from(opens);
    }
}

fn named(start: &BytesStart<'_>) -> Result<String, String> {
    let name = start.name().as_ref().to_owned();
    match ELEMENTS.contains(&name.as_str()) {
        true => Ok(name),
        false => Err(format!("the element {} is not taken", shown(&name))),
    }
}

fn attributes(element: &str, start: &BytesStart<'_>) -> Result<(), String> {
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| format!("an attribute of {element} cannot be read: {error}"))?;
        let name = attribute.key.as_ref().to_owned();
        if !ATTRIBUTES.contains(&name.as_str()) {
            return Err(format!("the attribute {} of {element} is not taken", shown(&name)));
        }
        let value = attribute.value.to_ascii_lowercase();
        if name.starts_with("xmlns") {
            continue;
        }
        if name.ends_with("href") && !value.starts_with('#') {
            return Err(format!("{element} refers to something outside the file"));
        }
        // References are written plainly here: no entity, no escape, no comment hides one.
        let outside =
            value.replace("url(#", "").contains("url(") || value.contains("://") || value.contains(['&', '\\']);
        if outside || value.contains("/*") || value.contains("script:") || value.contains("data:") {
            return Err(format!("the value of {} of {element} is not taken", shown(&name)));
        }
    }
    Ok(())
}

/// Width and height of `viewBox`, else of the element's own attributes; whole units, rounded up.
fn size_of(start: &BytesStart<'_>) -> Result<(u32, u32), String> {
    let value = |name: &str| {
        let attribute = start.try_get_attribute(name).ok().flatten()?;
        Some(attribute.value.trim().to_owned())
    };
    let view: Option<Vec<f64>> = value("viewBox").map(|text| {
        text.split([' ', ',', '\n', '\t'])
            .filter(|part| !part.is_empty())
            .filter_map(|part| part.parse().ok())
            .collect()
    });
    let own = |name: &str| value(name).and_then(|text| text.trim_end_matches("px").parse::<f64>().ok());
    let size = match view.as_deref() {
        Some([_, _, width, height]) => Some((*width, *height)),
        _ => own("width").zip(own("height")),
    };
    let size = size.filter(|(width, height)| *width > 0.0 && *height > 0.0 && *width < 1e6 && *height < 1e6);
    let (width, height) = size.ok_or("its svg element has neither a viewBox nor a width and height")?;
    Ok((width.ceil() as u32, height.ceil() as u32))
}

fn shown(name: &str) -> String {
    name.chars().take(40).filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 32 32\">";

    #[test]
    fn a_drawing_is_taken() {
        let own = include_str!("../../../apps/viewer/public/favicon.svg");
        assert_eq!(check(own), Ok((32, 32)));
        let gradient = format!(
            "<?xml version=\"1.0\"?><!-- made by hand -->{OPEN}<title>A &amp; B</title><defs><linearGradient id=\"a\">\
             <stop offset=\"0\" stop-color=\"#fff\"/></linearGradient></defs><path fill=\"url(#a)\" d=\"M0 0\"/>\
             <use href=\"#a\"/></svg>"
        );
        assert_eq!(check(&gradient), Ok((32, 32)));
        assert_eq!(check("<svg width=\"12.5px\" height=\"9\"/>"), Ok((13, 9)));
    }

    #[test]
    fn what_does_more_than_draw_is_refused() {
        for inside in [
            "<script>alert(1)</script>",
            "<g onload=\"alert(1)\"/>",
            "<style>@import 'https://x.example'</style>",
            "<path style=\"fill:url(https://x.example)\"/>",
            "<image href=\"https://x.example/a.png\"/>",
            "<use href=\"https://x.example/a.svg#a\"/>",
            "<use xlink:href=\"data:image/svg+xml,x\"/>",
            "<foreignObject/>",
            "<animate attributeName=\"href\"/>",
            "<set attributeName=\"onclick\" to=\"alert(1)\"/>",
            "<a href=\"#a\"><path/></a>",
            "<path fill=\"URL( https://x.example )\"/>",
            "<path fill=\"u&#114;l(//x.example)\"/>",
            "<path fill=\"url(//x.example)\"/>",
            "<path fill=\"\\75rl(x)\"/>",
            "<x:script xmlns:x=\"http://www.w3.org/2000/svg\"/>",
            "&xxe;",
            "<![CDATA[<script/>]]>",
            "<?xml-stylesheet href=\"x.css\"?>",
            "<path",
            "</g>",
        ] {
            assert!(check(&format!("{OPEN}{inside}</svg>")).is_err(), "{inside}");
        }
        for whole in [
            "",
            "<html/>",
            "<!DOCTYPE svg [<!ENTITY a \"b\">]><svg viewBox=\"0 0 1 1\"/>",
            "<svg/>",
            OPEN,
            "<svg width=\"1e9\" height=\"1\"/>",
        ] {
            assert!(check(whole).is_err(), "{whole}");
        }
        let bombs = ["<use href=\"#a\"/>".repeat(MOST_USES + 1), "<g>".repeat(DEEPEST), "<g/>".repeat(MOST)];
        for bomb in bombs {
            assert!(check(&format!("{OPEN}{bomb}</svg>")).is_err(), "{}", &bomb[..20]);
        }
    }
}
