//! What of an asset a signed URL opens: its tier's renditions, less what its territory and its own claims leave out.

use std::ops::Deref;

use crate::{config::DeliveryConfig, config::Tier, signature::Pass, stock::StockTrack};

/// What may be had. Every limit holds; none of them widens another.
pub(crate) struct Allowance<'a> {
    max_height: Option<u32>,
    /// Each a list of all codings that may be had.
    codings: Vec<&'a [String]>,
}

impl<'a> Allowance<'a> {
    /// What `pass` allows under this configuration; `None` when its tier is configured no longer.
    pub(crate) fn of(config: &'a DeliveryConfig, pass: &'a Pass) -> Option<Self> {
        let tier = config.tier(&pass.tier)?;
        let territory = pass.territory.as_ref().and_then(|territory| config.territories.get(territory));
        let rules: Vec<&Tier> = tier.into_iter().chain(territory).collect();
        let heights = rules.iter().filter_map(|rule| rule.max_height).chain(pass.max_height);
        let codings = rules.iter().filter_map(|rule| rule.codecs.as_deref()).chain(pass.codecs.as_deref());
        Some(Self { max_height: heights.min(), codings: codings.collect() })
    }

    /// The tracks of these that may be had: of the codings, and video up to the height; the smallest where none is.
    pub(crate) fn of_tracks<'t, T: Deref<Target = StockTrack>>(&self, tracks: &'t [T]) -> Vec<&'t T> {
        let coded = |track: &&T| {
            let coding = track.coding();
            self.codings.iter().all(|list| list.iter().any(|allowed| allowed.eq_ignore_ascii_case(coding)))
        };
        let coded: Vec<&T> = tracks.iter().filter(coded).collect();
        let smallest = coded.iter().filter_map(|track| track.height()).min().unwrap_or(0);
        let limit = self.max_height.unwrap_or(u32::MAX).max(smallest);
        coded.into_iter().filter(|track| track.height().is_none_or(|height| height <= limit)).collect()
    }

    /// Whether all of an asset may be had.
    pub(crate) fn is_everything(&self) -> bool {
        self.max_height.is_none() && self.codings.is_empty()
    }
}
