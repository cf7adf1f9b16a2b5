//! The style sheet that pages are coloured with: names and values, nothing else.

use tessera_contract_tenancy::Colours;

use crate::colour::palette;

/// The sheet. Its selector is stronger than a page's own `:root`, so that the order of sheets does not matter.
pub(crate) fn sheet(colours: &Colours) -> String {
    let palette = palette(colours);
    let names = [
        ("bg", &palette.background),
        ("bg-raised", &palette.raised),
        ("bg-high", &palette.high),
        ("text", &palette.text),
        ("text-soft", &palette.soft),
        ("text-faint", &palette.faint),
        ("accent", &palette.accent),
        ("accent-ink", &palette.on_accent),
        ("accent-text", &palette.accent_text),
    ];
    let lines: String = names.iter().map(|(name, colour)| format!("  --{name}: {colour};\n")).collect();
    format!("html:root {{\n{lines}}}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_has_every_name_once() {
        let sheet = sheet(&crate::colour::standard());
        assert!(sheet.starts_with("html:root {\n  --bg: #0a0b10;\n") && sheet.ends_with("}\n"), "{sheet}");
        for name in ["--bg-raised:", "--text-faint:", "--accent-ink:", "--accent-text:"] {
            assert_eq!(sheet.matches(name).count(), 1, "{name} in {sheet}");
        }
    }
}
