//! The whole description (ISO/IEC 23009-1 §5.3.1).

use crate::{
    AdaptationSet, Error,
    xml::{Tag, Xml},
};

/// A presentation of one period that is complete: `type="static"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mpd {
    /// How long the presentation is, as (ticks, ticks a second).
    pub duration: (u64, u32),
    /// How much a player buffers before it begins, as (ticks, ticks a second): about a segment.
    pub min_buffer_time: (u64, u32),
    /// Video and audio.
    pub adaptation_sets: Vec<AdaptationSet>,
}

impl Mpd {
    /// The description as text. Errors when a text cannot stand in XML, a list is empty, or a timescale is zero.
    pub fn write(&self) -> Result<String, Error> {
        if self.adaptation_sets.is_empty() {
            return Err(Error::Empty("adaptation set"));
        }
        let tag = Tag::new("MPD")
            .plain("xmlns", "urn:mpeg:dash:schema:mpd:2011")
            .plain("xmlns:cenc", "urn:mpeg:cenc:2013")
            .plain("xmlns:dashif", "https://dashif.org/CPS")
            .plain("profiles", "urn:mpeg:dash:profile:isoff-live:2011")
            .plain("type", "static")
            .plain("mediaPresentationDuration", duration(self.duration)?)
            .plain("minBufferTime", duration(self.min_buffer_time)?);
        let mut xml = Xml::new();
        xml.element(tag, |xml| {
            let period = Tag::new("Period").plain("id", 0).plain("start", "PT0S");
            xml.element(period, |xml| {
                self.adaptation_sets.iter().enumerate().try_for_each(|(id, set)| set.write(xml, id))
            })
        })?;
        Ok(xml.finish())
    }
}

/// An XML Schema duration in seconds, to the microsecond.
fn duration((ticks, timescale): (u64, u32)) -> Result<String, Error> {
    if timescale == 0 {
        return Err(Error::Zero("the timescale of a duration"));
    }
    let micros = (u128::from(ticks) * 1_000_000 + u128::from(timescale / 2)) / u128::from(timescale);
    Ok(format!("PT{}.{:06}S", micros / 1_000_000, micros % 1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_exact_to_the_microsecond() {
        for (ticks, timescale, text) in [
            (0, 1, "PT0.000000S"),
            (95_232, 48_000, "PT1.984000S"),
            (1, 3, "PT0.333333S"),
            (7_200, 1, "PT7200.000000S"),
        ] {
            assert_eq!(duration((ticks, timescale)).unwrap(), text);
        }
        assert!(duration((1, 0)).is_err());
    }
}
