//! Colours as eyes tell them apart: relative luminance and contrast (WCAG 2.2), and the shades that pages need.

use tessera_contract_tenancy::{Colour, Colours, TenancyError};

/// What text wants, WCAG 2.2 §1.4.3.
const TEXT: f64 = 4.5;
/// What a shape wants that is more than decoration, WCAG 2.2 §1.4.11.
const SHAPE: f64 = 3.0;
/// How much white lies over the background on the surfaces that stand out most.
const RAISED: f64 = 0.09;
/// How dark a background has to be for what is drawn on it in white with little opacity.
const DARK: f64 = 0.05;

/// The colours of a tenant that has chosen none.
pub(crate) fn standard() -> Colours {
    let of = |hex: u32| Colour::of([(hex >> 16) as u8, (hex >> 8) as u8, hex as u8]);
    Colours { background: of(0x0a_0b10), text: of(0xf6_f4f0), accent: of(0xff_6b4a) }
}

/// WCAG 2.2, "relative luminance": 0 is black, 1 is white.
fn luminance(channels: [u8; 3]) -> f64 {
    let linear = |channel: u8| {
        let part = f64::from(channel) / 255.0;
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    };
    let [red, green, blue] = channels.map(linear);
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/// WCAG 2.2, "contrast ratio": 1 to 21.
pub(crate) fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// `share` of `over` on top of `under`, as a browser composes it.
fn mix(under: [u8; 3], over: [u8; 3], share: f64) -> [u8; 3] {
    let channel = |at: usize| f64::from(under[at]) + (f64::from(over[at]) - f64::from(under[at])) * share;
    [0, 1, 2].map(|at| channel(at).round() as u8)
}

/// The surface that stands out most from the background.
fn raised(background: [u8; 3]) -> [u8; 3] {
    mix(background, [255; 3], RAISED)
}

/// Refuses colours that cannot be read, with the ratio found.
pub(crate) fn check(colours: &Colours) -> Result<(), TenancyError> {
    let [background, text, accent] = [&colours.background, &colours.text, &colours.accent].map(Colour::channels);
    let low = |what: &str, found: f64, wanted: f64, rule: &str| {
        // Rounded down: 4.499 must not read as 4.5.
        let found = (found * 100.0).floor() / 100.0;
        let detail = format!("{what} has a contrast of {found:.2}:1; WCAG 2.2 AA wants {wanted}:1 at least ({rule})");
        Err(TenancyError::ContrastTooLow(detail))
    };
    if luminance(background) > DARK {
        let found = contrast(background, [255; 3]);
        let wanted = 1.05 / (DARK + 0.05);
        let what = format!("white on colours.background {} (pages are dark)", colours.background);
        return low(&what, found, wanted, "so that what is drawn on it in shades of white can be seen");
    }
    let (on_background, on_raised) = (contrast(text, background), contrast(text, raised(background)));
    if on_background < TEXT {
        let what = format!("colours.text {} on colours.background {}", colours.text, colours.background);
        return low(&what, on_background, TEXT, "§1.4.3");
    }
    if on_raised < TEXT {
        let surface = Colour::of(raised(background));
        let what = format!("colours.text {} on {surface}, the raised surfaces of colours.background", colours.text);
        return low(&what, on_raised, TEXT, "§1.4.3");
    }
    let beside = contrast(accent, background);
    if beside < SHAPE {
        let what = format!("colours.accent {} beside colours.background {}", colours.accent, colours.background);
        return low(&what, beside, SHAPE, "§1.4.11");
    }
    Ok(())
}

/// Every colour that pages are drawn with.
pub(crate) struct Palette {
    pub(crate) background: Colour,
    pub(crate) raised: Colour,
    pub(crate) high: Colour,
    pub(crate) text: Colour,
    pub(crate) soft: Colour,
    pub(crate) faint: Colour,
    pub(crate) accent: Colour,
    /// What is read on the accent.
    pub(crate) on_accent: Colour,
    /// The accent where it is text.
    pub(crate) accent_text: Colour,
}

/// Derives it; whatever is text in it can be read where it stands, when `colours` passed [`check`].
pub(crate) fn palette(colours: &Colours) -> Palette {
    let [background, text, accent] = [&colours.background, &colours.text, &colours.accent].map(Colour::channels);
    let high = raised(background);
    // A quieter shade of text: as much of the background in it as leaves it readable.
    let quieter = |most: u32| {
        let shades = (0..=most).rev().map(|percent| mix(text, background, f64::from(percent) / 100.0));
        shades.into_iter().find(|shade| contrast(*shade, high) >= TEXT).unwrap_or(text)
    };
    let lighter = (0..=100).map(|percent| mix(accent, text, f64::from(percent) / 100.0));
    let dark = mix(accent, [0; 3], 0.92);
    let on_accent = if contrast(dark, accent) >= TEXT { dark } else { best_on(accent) };
    Palette {
        background: colours.background.clone(),
        raised: Colour::of(mix(background, [255; 3], RAISED / 2.0)),
        high: Colour::of(high),
        text: colours.text.clone(),
        soft: Colour::of(quieter(22)),
        faint: Colour::of(quieter(38)),
        accent: colours.accent.clone(),
        on_accent: Colour::of(on_accent),
        accent_text: Colour::of(lighter.into_iter().find(|shade| contrast(*shade, high) >= TEXT).unwrap_or(text)),
    }
}

/// Black or white: one of them has 4.58:1 at least on any colour.
fn best_on(colour: [u8; 3]) -> [u8; 3] {
    if contrast([0; 3], colour) >= contrast([255; 3], colour) { [0; 3] } else { [255; 3] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colours(background: &str, text: &str, accent: &str) -> Colours {
        let of = |text: &str| text.parse().expect("a colour");
        Colours { background: of(background), text: of(text), accent: of(accent) }
    }

    #[test]
    fn contrast_is_wcag_s() {
        for (one, other, ratio) in
            [("#000000", "#ffffff", 21.0), ("#777777", "#ffffff", 4.478), ("#ff0000", "#ffffff", 3.998)]
        {
            let [one, other] = [one, other].map(|text| text.parse::<Colour>().expect("a colour").channels());
            assert!((contrast(one, other) - ratio).abs() < 0.001, "{}", contrast(one, other));
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_the_ratio_found() {
        assert!(check(&standard()).is_ok());
        for (wrong, says) in [
            (
                colours("#101010", "#555555", "#ffcc00"),
                "colours.text #555555 on colours.background #101010 has a contrast of 2.5",
            ),
            (colours("#000000", "#757575", "#ffcc00"), "raised surfaces"),
            (colours("#0a0b10", "#f6f4f0", "#40201a"), "colours.accent #40201a beside colours.background #0a0b10"),
            (
                colours("#ffffff", "#000000", "#0000ff"),
                "white on colours.background #ffffff (pages are dark) has a contrast of 1.00:1",
            ),
        ] {
            let error = check(&wrong).expect_err("refused").to_string();
            assert!(error.contains(says), "{error:?} does not say {says:?}");
        }
    }

    #[test]
    fn every_text_of_a_palette_can_be_read() {
        for accepted in [
            standard(),
            colours("#06141b", "#eaf6f4", "#2dd4bf"),
            colours("#000000", "#8f8f8f", "#5c5cff"),
            colours("#1c0010", "#ffffff", "#ffe600"),
        ] {
            check(&accepted).expect("accepted");
            let palette = palette(&accepted);
            let high = palette.high.channels();
            for shade in [&palette.text, &palette.soft, &palette.faint, &palette.accent_text] {
                assert!(contrast(shade.channels(), high) >= TEXT, "{shade} on {}", palette.high);
            }
            assert!(contrast(palette.on_accent.channels(), palette.accent.channels()) >= TEXT);
        }
    }
}
