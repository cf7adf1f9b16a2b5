//! Descriptors: what an adaptation set is for (ISO/IEC 23009-1 §5.8, DASH-IF IOP).

use crate::xml::{Tag, Xml};

const ROLE: &str = "urn:mpeg:dash:role:2011";
const AUDIO_PURPOSE: &str = "urn:tva:metadata:cs:AudioPurposeCS:2007";

/// What part a set plays in the presentation (§5.8.5.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// What is played when nobody chooses.
    Main,
    /// Another choice of the same.
    Alternate,
    /// In addition to something else.
    Supplementary,
    /// A commentary on the presentation.
    Commentary,
    /// Another language than the original's.
    Dub,
    /// Describes the pictures.
    Description,
    /// Text of everything that is heard.
    Caption,
    /// Text of what is said, in translation.
    Subtitle,
    /// Text that is shown unless subtitles are: signs, and speech in other languages.
    ForcedSubtitle,
    /// Sign language.
    Sign,
}

/// Whom a set helps (§5.8.4.3), as TV-Anytime numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accessibility {
    /// Who does not see the pictures: audio description.
    VisuallyImpaired,
    /// Who does not hear well: clean audio, or captions.
    HardOfHearing,
}

/// Pictures for seeking fast, made for a set of video (DASH-IF IOP §3.2.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrickMode {
    /// The place of the video's set in [`crate::Mpd::adaptation_sets`], which is its id.
    pub of: usize,
    /// The fastest rate for which the pictures suffice.
    pub max_playout_rate: u32,
    /// Whether pictures need others: false for I-frames only.
    pub coding_dependency: bool,
    /// Whether players that know no trick modes leave the set alone; otherwise they may play it as video.
    pub essential: bool,
}

/// Coding-independent code points of a video's colours (ISO/IEC 23091-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour {
    /// Colour primaries: 1 for BT.709, 9 for BT.2020.
    pub primaries: u8,
    /// Transfer characteristics: 1 for BT.709, 16 for PQ, 18 for HLG.
    pub transfer: u8,
    /// Matrix coefficients: 1 for BT.709, 9 for BT.2020.
    pub matrix: u8,
}

impl Role {
    fn value(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Alternate => "alternate",
            Self::Supplementary => "supplementary",
            Self::Commentary => "commentary",
            Self::Dub => "dub",
            Self::Description => "description",
            Self::Caption => "caption",
            Self::Subtitle => "subtitle",
            Self::ForcedSubtitle => "forced-subtitle",
            Self::Sign => "sign",
        }
    }

    pub(crate) fn write(self, xml: &mut Xml) {
        descriptor(xml, "Role", ROLE, self.value());
    }
}

impl Accessibility {
    pub(crate) fn write(self, xml: &mut Xml) {
        let value = match self {
            Self::VisuallyImpaired => "1",
            Self::HardOfHearing => "2",
        };
        descriptor(xml, "Accessibility", AUDIO_PURPOSE, value);
    }
}

impl TrickMode {
    pub(crate) fn write(self, xml: &mut Xml) {
        let name = if self.essential { ESSENTIAL } else { SUPPLEMENTAL };
        descriptor(xml, name, "http://dashif.org/guidelines/trickmode", &self.of.to_string());
    }
}

impl Colour {
    const PQ: u8 = 16;
    const HLG: u8 = 18;
    /// BT.2020's transfer, as which HLG can be shown.
    const BT_2020: u8 = 14;

    /// The properties of the first kind, then those of the second, in the schema's order. PQ must be understood to be
    /// watched; HLG is BT.2020 to who knows no HLG; anything else is told for information.
    pub(crate) fn write(self, xml: &mut Xml, essential: bool) {
        let all = |transfer| {
            [
                ("ColourPrimaries", self.primaries),
                ("TransferCharacteristics", transfer),
                ("MatrixCoefficients", self.matrix),
            ]
        };
        let properties = match (self.transfer, essential) {
            (Self::PQ, true) => all(Self::PQ).to_vec(),
            (Self::HLG, true) => all(Self::BT_2020).to_vec(),
            (Self::HLG, false) => vec![("TransferCharacteristics", Self::HLG)],
            (Self::PQ, false) | (_, true) => Vec::new(),
            (transfer, false) => all(transfer).to_vec(),
        };
        let name = if essential { ESSENTIAL } else { SUPPLEMENTAL };
        for (property, value) in properties {
            descriptor(xml, name, &format!("urn:mpeg:mpegB:cicp:{property}"), &value.to_string());
        }
    }
}

pub(crate) const ESSENTIAL: &str = "EssentialProperty";
pub(crate) const SUPPLEMENTAL: &str = "SupplementalProperty";

/// An element with a scheme and a value that are ours.
pub(crate) fn descriptor(xml: &mut Xml, name: &'static str, scheme: &str, value: &str) {
    xml.empty(Tag::new(name).plain("schemeIdUri", scheme).plain("value", value));
}
