//! How a source's samples stand for colours, and how ours do.

use serde::Serialize;

/// How light is coded (ITU-T H.273 table 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DynamicRange {
    /// Standard dynamic range: BT.709 in what is made here.
    Sdr,
    /// Hybrid log-gamma (ITU-R BT.2100).
    Hlg,
    /// Perceptual quantisation (SMPTE ST 2084), as in HDR10.
    Pq,
}

/// What a source's samples stand for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Colour {
    pub(crate) range: DynamicRange,
    /// Between Y′CbCr and R′G′B′: a name of the `scale` filter's.
    pub(crate) matrix: &'static str,
    pub(crate) primaries: Primaries,
    /// More than 8 bits a sample.
    pub(crate) deep: bool,
    pub(crate) mastering: Option<Mastering>,
    pub(crate) light: Option<ContentLight>,
}

/// Which red, green and blue (ITU-T H.273 table 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Primaries {
    /// BT.709, or so close to it that nobody converts it.
    Bt709,
    /// BT.2020 and BT.2100.
    Bt2020,
    /// P3 with the white of D65 (SMPTE EG 432-1).
    P3,
}

/// The display that a film was finished on (SMPTE ST 2086).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Mastering {
    /// x and y of red, green, blue and white in CIE 1931.
    pub(crate) red: (f64, f64),
    pub(crate) green: (f64, f64),
    pub(crate) blue: (f64, f64),
    pub(crate) white: (f64, f64),
    /// In cd/m².
    pub(crate) darkest: f64,
    pub(crate) brightest: f64,
}

/// How bright a film gets (CTA-861.3), in cd/m².
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ContentLight {
    /// Its brightest pixel, MaxCLL.
    pub(crate) pixel: u32,
    /// Its brightest picture on average, MaxFALL.
    pub(crate) picture: u32,
}

/// HDR's reference white in cd/m² (ITU-R BT.2408 §2).
const WHITE: f64 = 203.0;
/// The brightest light of PQ, in cd/m².
const PQ_PEAK: f64 = 10_000.0;
/// HLG's nominal peak, in cd/m².
const HLG_PEAK: f64 = 1000.0;
/// A peak below this is not believed: it would turn the film up.
const LEAST_PEAK: f64 = 2.0 * WHITE;

/// The `scale` filter's names of a matrix (ITU-T H.273 table 4), for a source whose stream says `stated` and whose pictures are
/// `width` × `height`.
///
/// A stream that says nothing is taken as broadcasting and players take it: BT.601 up to standard definition, BT.709
/// above.
pub(crate) fn matrix(stated: Option<&str>, width: u32, height: u32) -> &'static str {
    match stated {
        Some("bt709") => "bt709",
        Some("smpte170m" | "bt470bg") => "bt601",
        Some("smpte240m") => "smpte240m",
        Some("fcc") => "fcc",
        Some("bt2020nc" | "bt2020c") => "bt2020",
        Some(_) | None if width.max(height) > 1024 || width.min(height) > 576 => "bt709",
        Some(_) | None => "bt601",
    }
}

impl DynamicRange {
    /// What a stream's transfer characteristics say.
    pub(crate) fn of(transfer: Option<&str>) -> Self {
        match transfer {
            Some("smpte2084") => Self::Pq,
            Some("arib-std-b67") => Self::Hlg,
            Some(_) | None => Self::Sdr,
        }
    }

    /// FFmpeg's name of the transfer characteristics.
    fn transfer(self) -> &'static str {
        match self {
            Self::Sdr => "bt709",
            Self::Hlg => "arib-std-b67",
            Self::Pq => "smpte2084",
        }
    }

    /// What a rendition says of its colours, with limited range, so that players need not guess.
    pub(crate) fn tags(self) -> [&'static str; 8] {
        let (matrix, primaries) = match self {
            Self::Sdr => ("bt709", "bt709"),
            Self::Hlg | Self::Pq => ("bt2020nc", "bt2020"),
        };
        let transfer = self.transfer();
        ["-colorspace", matrix, "-color_primaries", primaries, "-color_trc", transfer, "-color_range", "tv"]
    }
}

impl Primaries {
    /// What a stream says; HDR that says nothing is BT.2100.
    pub(crate) fn of(stated: Option<&str>, range: DynamicRange) -> Self {
        match stated {
            Some("bt2020") => Self::Bt2020,
            Some("smpte432" | "smpte431") => Self::P3,
            Some("bt709") => Self::Bt709,
            Some(_) | None if range != DynamicRange::Sdr => Self::Bt2020,
            Some(_) | None => Self::Bt709,
        }
    }

    /// As the `zscale` filter names them.
    fn name(self) -> &'static str {
        match self {
            Self::Bt709 => "709",
            Self::Bt2020 => "2020",
            Self::P3 => "smpte432",
        }
    }
}

impl Colour {
    /// What pictures made here in a range have: BT.709, or BT.2020 for HDR.
    pub(crate) fn made(range: DynamicRange) -> Self {
        let (matrix, primaries) = match range {
            DynamicRange::Sdr => ("bt709", Primaries::Bt709),
            DynamicRange::Hlg | DynamicRange::Pq => ("bt2020", Primaries::Bt2020),
        };
        Self { range, matrix, primaries, deep: true, mastering: None, light: None }
    }

    /// Whether pictures need more than another matrix to become BT.709.
    pub(crate) fn is_wide(&self) -> bool {
        self.range != DynamicRange::Sdr || self.primaries != Primaries::Bt709
    }

    /// Filters that scale to `width` × `height` and keep the light as it is coded: `range` and BT.2020 for HDR, else BT.709,
    /// with `format` in the end.
    pub(crate) fn kept(&self, width: u32, height: u32, format: &str) -> String {
        match self.range {
            DynamicRange::Sdr => {
                let colours = format!("in_color_matrix={}:out_color_matrix=bt709:out_range=tv", self.matrix);
                format!("scale={width}:{height}:flags=bicubic:{colours},setsar=1,format={format}")
            }
            DynamicRange::Hlg | DynamicRange::Pq if self.primaries == Primaries::Bt2020 => {
                format!("{},format={format}", self.scaled(width, height))
            }
            DynamicRange::Hlg | DynamicRange::Pq => {
                let (transfer, primaries) = (self.range.transfer(), self.primaries.name());
                let read = format!("min=2020_ncl:rin=limited:tin={transfer}:pin={primaries}");
                let made = format!("m=2020_ncl:r=limited:t={transfer}:p=2020");
                format!("{},zscale={read}:{made},format={format}", self.scaled(width, height))
            }
        }
    }

    /// Filters that scale to `width` × `height` in 10 bits, as `zscale` reads them.
    fn scaled(&self, width: u32, height: u32) -> String {
        let colours = format!("in_color_matrix={}:out_color_matrix=bt2020:out_range=tv", self.matrix);
        format!("scale={width}:{height}:flags=bicubic:{colours},setsar=1,format=yuv420p10le")
    }

    /// Filters that scale to `width` × `height` and turn what [is wide](Self::is_wide) into BT.709.
    ///
    /// HDR's reference white of 203 cd/m² is one; light below 0.3 of it stays in proportion, and what is brighter is rolled off
    /// so that the film's peak becomes SDR's white and nothing clips.
    pub(crate) fn to_sdr(&self, width: u32, height: u32) -> String {
        let (scaled, primaries) = (self.scaled(width, height), self.primaries.name());
        let read = format!("min=2020_ncl:rin=limited:pin={primaries}:tin={}", self.range.transfer());
        let peak = match self.range {
            DynamicRange::Sdr => {
                return format!("{scaled},zscale={read}:p=709:t=709:m=709:r=limited,format=yuv420p10le");
            }
            DynamicRange::Hlg => HLG_PEAK,
            DynamicRange::Pq => self.peak(),
        };
        let linear = format!("zscale={read}:t=linear:npl={WHITE},format=gbrpf32le,zscale=p=709");
        let rolled_off = format!("tonemap=mobius:param=0.3:desat=0:peak={:.3}", peak / WHITE);
        format!("{scaled},{linear},{rolled_off},zscale=t=709:m=709:r=limited,format=yuv420p10le")
    }

    /// The brightest light of a PQ film, in cd/m²; all that PQ has where the film does not say.
    fn peak(&self) -> f64 {
        let mastered = self.mastering.map(|mastering| mastering.brightest);
        let measured = self.light.map(|light| f64::from(light.pixel));
        let brightest = mastered.into_iter().chain(measured).fold(0.0, f64::max);
        if brightest > 0.0 { brightest.clamp(LEAST_PEAK, PQ_PEAK) } else { PQ_PEAK }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stream_states_counts_and_its_size_where_it_states_nothing() {
        for (stated, width, height, expected) in [
            (Some("bt709"), 320, 180, "bt709"),
            (Some("smpte170m"), 1920, 1080, "bt601"),
            (Some("bt2020nc"), 3840, 2160, "bt2020"),
            (Some("unknown"), 1280, 720, "bt709"),
            (None, 1280, 720, "bt709"),
            (None, 720, 576, "bt601"),
            (None, 360, 640, "bt601"),
            (None, 720, 1280, "bt709"),
        ] {
            assert_eq!(matrix(stated, width, height), expected, "{stated:?} {width}x{height}");
        }
    }

    #[test]
    fn the_peak_is_the_films_own_where_it_is_said_and_believable() {
        let mastering = |brightest| Mastering {
            red: (0.68, 0.32),
            green: (0.265, 0.69),
            blue: (0.15, 0.06),
            white: (0.3127, 0.329),
            darkest: 0.0001,
            brightest,
        };
        for (mastered, pixel, peak) in [
            (None, None, 10_000.0),
            (Some(1000.0), None, 1000.0),
            (Some(1000.0), Some(1600), 1600.0),
            (Some(1000.0), Some(0), 1000.0),
            (Some(100.0), None, 406.0),
            (None, Some(4_000_000), 10_000.0),
        ] {
            let colour = Colour {
                range: DynamicRange::Pq,
                matrix: "bt2020",
                primaries: Primaries::Bt2020,
                deep: true,
                mastering: mastered.map(mastering),
                light: pixel.map(|pixel| ContentLight { pixel, picture: 0 }),
            };
            assert_eq!(colour.peak(), peak, "{mastered:?} {pixel:?}");
        }
    }
}
