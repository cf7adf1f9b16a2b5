//! Which renditions are made of a source: never larger than it is.

use crate::config::{LadderConfig, RungConfig, VideoCodec};

/// One rung for one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rung {
    /// Its name: the standard short side it stands for, 720 for 720p.
    pub(crate) class: u32,
    /// Width in pixels, even.
    pub(crate) width: u32,
    /// Height in pixels, even.
    pub(crate) height: u32,
    /// As configured.
    pub(crate) of: RungConfig,
}

impl Rung {
    /// Bits a second at most, in thousands, at up to 30 frames a second.
    pub(crate) fn max_kbps(&self, codec: VideoCodec) -> u32 {
        self.of.max_kbps(codec)
    }
}

/// H.264's macroblock; nothing is made smaller than one.
const SMALLEST: u32 = 16;
/// A picture that fits its box but for a sliver keeps its size: scaling by a hundredth costs sharpness and gains nothing.
const AS_IT_IS: f64 = 0.97;

/// The rungs for a picture of `width` × `height` square pixels as displayed, tallest first; at least one.
///
/// A rung is a box of 16:9, lying or standing as the picture does, and the picture fills it in one direction: 1920×800
/// is a 1080p picture, 1080×1920 as well.
pub(crate) fn ladder(config: &LadderConfig, width: u32, height: u32) -> Vec<Rung> {
    let chosen = config.chosen();
    let fits = |of: &RungConfig| {
        let scale = scale_into(of.class, width, height);
        (scale <= 1.0).then(|| rung(of.class, *of, width, height, scale))
    };
    let rungs: Vec<Rung> = chosen.iter().filter_map(fits).collect();
    match chosen.last() {
        // Smaller than the smallest rung: as it is, with that rung's bits.
        Some(smallest) if rungs.is_empty() => vec![rung(width.min(height), *smallest, width, height, 1.0)],
        Some(_) | None => rungs,
    }
}

/// By how much the picture shrinks (or, above 1, would have to grow) to fill the class's box.
fn scale_into(class: u32, width: u32, height: u32) -> f64 {
    let (short, long) = (f64::from(width.min(height)), f64::from(width.max(height)));
    (f64::from(class) / short).min(f64::from(class) * 16.0 / 9.0 / long)
}

fn rung(class: u32, of: RungConfig, width: u32, height: u32, scale: f64) -> Rung {
    let scale = if scale > AS_IT_IS { 1.0 } else { scale };
    Rung { class, width: even(width, scale), height: even(height, scale), of }
}

/// The scaled side, to the nearest even number that is not above the source.
fn even(side: u32, scale: f64) -> u32 {
    let nearest = 2 * (f64::from(side) * scale / 2.0).round() as u32;
    nearest.min(side & !1).max(SMALLEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> LadderConfig {
        LadderConfig { tallest: 2160, ..LadderConfig::default() }
    }

    fn sizes(width: u32, height: u32) -> Vec<(u32, u32, u32)> {
        ladder(&all(), width, height).iter().map(|rung| (rung.class, rung.width, rung.height)).collect()
    }

    #[test]
    fn the_ladder_ends_at_the_source() {
        assert_eq!(
            sizes(1920, 1080),
            [(1080, 1920, 1080), (720, 1280, 720), (480, 854, 480), (360, 640, 360), (240, 426, 240)]
        );
        assert_eq!(sizes(3840, 2160)[..3], [(2160, 3840, 2160), (1440, 2560, 1440), (1080, 1920, 1080)]);
        assert_eq!(sizes(7680, 4320)[0], (2160, 3840, 2160), "the tallest there is");
        assert_eq!(ladder(&LadderConfig::default(), 3840, 2160)[0].class, 1080, "or the tallest that was set");
        assert_eq!(sizes(1280, 720).len(), 4);
        assert_eq!(sizes(700, 500), [(480, 672, 480), (360, 504, 360), (240, 336, 240)]);
        assert_eq!(sizes(176, 144), [(144, 176, 144)], "a small picture keeps its size");
        assert_eq!(sizes(321, 201), [(201, 320, 200)], "an odd one loses a line, not gains one");
    }

    #[test]
    fn wide_and_standing_pictures_fill_their_box() {
        assert_eq!(sizes(1920, 800)[..2], [(1080, 1920, 800), (720, 1280, 534)]);
        assert_eq!(sizes(1080, 1920)[..2], [(1080, 1080, 1920), (720, 720, 1280)]);
        assert_eq!(sizes(640, 480)[0], (480, 640, 480));
        assert_eq!(sizes(860, 480)[0], (480, 860, 480), "a sliver too wide");
        assert_eq!(sizes(1080, 1080)[..2], [(1080, 1080, 1080), (720, 720, 720)], "a square fills its short side");
    }

    #[test]
    fn no_side_is_above_the_source_or_odd() {
        for width in (16..4000).step_by(61) {
            for height in (16..2400).step_by(37) {
                for rung in ladder(&all(), width, height) {
                    let even = rung.width % 2 == 0 && rung.height % 2 == 0;
                    assert!(even && rung.width <= width && rung.height <= height, "{width}x{height}: {rung:?}");
                }
            }
        }
    }
}
