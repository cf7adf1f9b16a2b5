//! `[media.ladder]`, and what a tenant has instead in `[media.tenants.<tenant>.ladder]`.

use serde::{Deserialize, Deserializer, Serialize, de};

/// Short sides that a rung may stand for: up to 8K.
const CLASSES: std::ops::RangeInclusive<u32> = 16..=4320;
const RUNGS_MAX: usize = 16;
const KBPS_MAX: u32 = 1_000_000;

/// What pictures are coded with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VideoCodec {
    /// H.264 (ISO/IEC 14496-10): plays everywhere, 8 bits, standard dynamic range.
    H264,
    /// H.265 (ISO/IEC 23008-2), with its parameter sets in the sample entry, `hvc1`.
    Hevc,
    /// AV1.
    Av1,
}

/// Which renditions are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LadderConfig {
    /// What each rung is coded with: `h264`, `hevc`, `av1`. Each costs its own time; HDR is kept in the last two and becomes
    /// SDR in the first. Default `["h264"]`.
    pub codecs: Vec<VideoCodec>,
    /// The tallest rung made, by its class; sources that are taller are scaled down to it. Default 1080.
    pub tallest: u32,
    /// The rungs, each `{ class, h264_kbps, hevc_kbps, av1_kbps }`. Default 2160, 1440, 1080, 720, 480, 360 and 240.
    pub rungs: Vec<RungConfig>,
    /// Whether a film that looks as good with fewer bits gets fewer, which some moments of it are coded for first. Default
    /// false.
    pub by_content: bool,
}

/// One rung: how tall its pictures are, and how many bits a second they have at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RungConfig {
    /// The short side of its 16:9 box in pixels, 16 to 4320: 720 for 720p.
    pub class: u32,
    /// Bits a second at most at up to 30 frames a second, in thousands, in H.264.
    pub h264_kbps: u32,
    /// The same in H.265.
    pub hevc_kbps: u32,
    /// The same in AV1.
    pub av1_kbps: u32,
}

impl RungConfig {
    const fn new(class: u32, [h264_kbps, hevc_kbps, av1_kbps]: [u32; 3]) -> Self {
        Self { class, h264_kbps, hevc_kbps, av1_kbps }
    }

    /// Bits a second at most, in thousands.
    pub(crate) fn max_kbps(&self, codec: VideoCodec) -> u32 {
        match codec {
            VideoCodec::H264 => self.h264_kbps,
            VideoCodec::Hevc => self.hevc_kbps,
            VideoCodec::Av1 => self.av1_kbps,
        }
    }
}

/// Tallest first.
const RUNGS: [RungConfig; 7] = [
    RungConfig::new(2160, [16_000, 10_500, 8800]),
    RungConfig::new(1440, [9000, 5900, 5000]),
    RungConfig::new(1080, [5000, 3300, 2800]),
    RungConfig::new(720, [2800, 1850, 1550]),
    RungConfig::new(480, [1400, 950, 800]),
    RungConfig::new(360, [800, 550, 460]),
    RungConfig::new(240, [400, 280, 240]),
];

impl Default for LadderConfig {
    fn default() -> Self {
        Self { codecs: vec![VideoCodec::H264], tallest: 1080, rungs: RUNGS.to_vec(), by_content: false }
    }
}

impl LadderConfig {
    /// The rungs to make, tallest first; at least one.
    pub(crate) fn chosen(&self) -> Vec<RungConfig> {
        let mut rungs = self.rungs.clone();
        rungs.sort_by_key(|rung| std::cmp::Reverse(rung.class));
        let smallest = rungs.last().copied();
        rungs.retain(|rung| rung.class <= self.tallest);
        if rungs.is_empty() {
            rungs.extend(smallest);
        }
        rungs
    }
}

/// A ladder as written: what is left out is as in the one that it stands in for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LadderChange {
    /// As in [`LadderConfig`].
    #[serde(deserialize_with = "codecs")]
    pub codecs: Option<Vec<VideoCodec>>,
    /// As in [`LadderConfig`].
    #[serde(deserialize_with = "class")]
    pub tallest: Option<u32>,
    /// As in [`LadderConfig`].
    #[serde(deserialize_with = "rungs")]
    pub rungs: Option<Vec<RungConfig>>,
    /// As in [`LadderConfig`].
    pub by_content: Option<bool>,
}

impl LadderChange {
    /// `base` with what this one says.
    pub(crate) fn over(&self, base: &LadderConfig) -> LadderConfig {
        let Self { codecs, tallest, rungs, by_content } = self.clone();
        LadderConfig {
            codecs: codecs.unwrap_or_else(|| base.codecs.clone()),
            tallest: tallest.unwrap_or(base.tallest),
            rungs: rungs.unwrap_or_else(|| base.rungs.clone()),
            by_content: by_content.unwrap_or(base.by_content),
        }
    }
}

impl<'de> Deserialize<'de> for LadderConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(LadderChange::deserialize(deserializer)?.over(&Self::default()))
    }
}

/// What a tenant has of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TenantConfig {
    /// Its ladder; what is left out is as in `[media.ladder]`.
    pub ladder: LadderChange,
}

fn codecs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<VideoCodec>>, D::Error> {
    let mut codecs = Vec::<VideoCodec>::deserialize(deserializer)?;
    let named = codecs.len();
    codecs.sort_unstable();
    codecs.dedup();
    match codecs.len() {
        0 => Err(de::Error::custom("codecs names at least one of \"h264\", \"hevc\" and \"av1\"")),
        kept if kept < named => Err(de::Error::custom("codecs names one twice")),
        _ => Ok(Some(codecs)),
    }
}

fn class<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    checked_class(u32::deserialize(deserializer)?).map(Some)
}

fn checked_class<E: de::Error>(class: u32) -> Result<u32, E> {
    match CLASSES.contains(&class) {
        true => Ok(class),
        false => Err(E::custom(format!("a rung's class is {} to {}, got {class}", CLASSES.start(), CLASSES.end()))),
    }
}

fn rungs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<RungConfig>>, D::Error> {
    let rungs = Vec::<RungConfig>::deserialize(deserializer)?;
    if rungs.is_empty() || rungs.len() > RUNGS_MAX {
        return Err(de::Error::custom(format!("rungs has 1 to {RUNGS_MAX} rungs, got {}", rungs.len())));
    }
    for (place, rung) in rungs.iter().enumerate() {
        checked_class(rung.class)?;
        if rungs[..place].iter().any(|other| other.class == rung.class) {
            return Err(de::Error::custom(format!("there are two rungs of class {}", rung.class)));
        }
        let rates = [rung.h264_kbps, rung.hevc_kbps, rung.av1_kbps];
        if let Some(rate) = rates.into_iter().find(|rate| !(1..=KBPS_MAX).contains(rate)) {
            return Err(de::Error::custom(format!("a bit rate is 1 to {KBPS_MAX} kbit/s, got {rate}")));
        }
    }
    Ok(Some(rungs))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::MediaConfig;

    fn config(written: Value) -> Result<MediaConfig, String> {
        serde_json::from_value(written).map_err(|error| error.to_string())
    }

    #[test]
    fn a_tenants_ladder_is_the_deployments_but_for_what_it_says() {
        let rung = json!({"class": 90, "h264_kbps": 100, "hevc_kbps": 80, "av1_kbps": 70});
        let written = json!({
            "ladder": {"codecs": ["hevc", "h264"], "tallest": 2160},
            "tenants": {"acme": {"ladder": {"tallest": 720}}, "globex": {"ladder": {"codecs": ["h264"], "rungs": [rung]}}},
        });
        let config = config(written).unwrap();
        let told = |tenant: &str| {
            let ladder = config.ladder_of(&tenant.parse().unwrap());
            (ladder.codecs.clone(), ladder.chosen().iter().map(|rung| rung.class).collect::<Vec<_>>())
        };
        let both = vec![VideoCodec::H264, VideoCodec::Hevc];
        assert_eq!(told("initech"), (both.clone(), vec![2160, 1440, 1080, 720, 480, 360, 240]));
        assert_eq!(told("acme"), (both, vec![720, 480, 360, 240]));
        assert_eq!(told("globex"), (vec![VideoCodec::H264], vec![90]));
    }

    #[test]
    fn what_is_not_said_is_quick_and_a_ladder_has_a_rung_at_least() {
        let ladder = LadderConfig::default();
        assert_eq!((ladder.codecs.as_slice(), ladder.chosen()[0].class), ([VideoCodec::H264].as_slice(), 1080));
        assert_eq!(
            LadderConfig { tallest: 100, ..ladder }.chosen(),
            [RUNGS[6]],
            "the smallest of those that there are"
        );
    }

    #[test]
    fn a_ladder_that_makes_no_sense_is_refused_with_what_is_wrong() {
        let rung = |class: u32, kbps: u32| json!({"class": class, "h264_kbps": kbps, "hevc_kbps": 1, "av1_kbps": 1});
        for (ladder, word) in [
            (json!({"codecs": []}), "at least one"),
            (json!({"codecs": ["hevc", "hevc"]}), "twice"),
            (json!({"codecs": ["vp9"]}), "vp9"),
            (json!({"tallest": 8}), "16 to 4320"),
            (json!({"rungs": []}), "1 to 16"),
            (json!({"rungs": [rung(720, 1), rung(720, 2)]}), "two rungs of class 720"),
            (json!({"rungs": [rung(720, 0)]}), "kbit/s"),
            (json!({"rungs": [{"class": 720}]}), "h264_kbps"),
            (json!({"tallness": 8}), "tallness"),
        ] {
            let complaint = config(json!({ "ladder": ladder.clone() })).unwrap_err();
            assert!(complaint.contains(word), "{ladder}: {complaint}");
            let complaint = config(json!({"tenants": {"acme": {"ladder": ladder.clone()}}})).unwrap_err();
            assert!(complaint.contains(word), "a tenant's {ladder}: {complaint}");
        }
    }
}
