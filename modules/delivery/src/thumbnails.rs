//! Thumbnails of a presentation: a WebVTT track whose cues name tiles, and a set of the DASH description.

use std::num::NonZeroU32;

use tessera_contract::Failure;
use tessera_contract_media::{StoredFile, ThumbnailsDescriptor};
use tessera_dash::{AdaptationSet, ImageCoding, Media, Representation, Segments};
use tessera_webvtt::{Error, Header, Thumbnails, Track, read};

use crate::presentation::Presentation;

/// The track: tiles of each picture in turn, as relative URIs beside it.
pub(crate) fn track(presentation: &Presentation) -> Result<Option<String>, Failure> {
    let Some(thumbnails) = usable(presentation) else { return Ok(None) };
    let text = written(thumbnails, presentation.milliseconds());
    text.map(Some).map_err(|e| Failure::internal("writing a track of thumbnails", e))
}

fn written(thumbnails: &ThumbnailsDescriptor, duration: u64) -> Result<String, Error> {
    let interval = u64::from(thumbnails.interval_seconds) * 1000;
    let tiles = tiles(thumbnails);
    let mut cues = Vec::new();
    for number in 0..thumbnails.pictures.len() as u64 {
        let first = number * u64::from(tiles);
        let count = u64::from(tiles).min(u64::from(thumbnails.count).saturating_sub(first));
        let start = first * interval;
        if count == 0 || start >= duration {
            break;
        }
        let is_last = first + count == u64::from(thumbnails.count);
        let end = if is_last { duration } else { (start + count * interval).min(duration) };
        let picture = Thumbnails {
            uri: format!("{}.jpg", number + 1),
            tile: (thumbnails.tile_width, thumbnails.tile_height),
            columns: thumbnails.columns,
            count: count as u32, // of a picture
            interval,
            duration: end - start,
        };
        // Its times are the picture's own.
        let own = read(picture.write()?.as_bytes())?.track;
        cues.extend_from_slice(own.shifted(start.cast_signed()).cues());
    }
    Ok(Track::new(Header::default(), cues)?.write())
}

/// The picture with this number.
pub(crate) fn picture(presentation: &Presentation, number: NonZeroU32) -> Option<&StoredFile> {
    usable(presentation)?.pictures.get(number.get() as usize - 1)
}

/// The set of the DASH description (DASH-IF IOP §6.2.6).
pub(crate) fn adaptation_set(presentation: &Presentation) -> Option<AdaptationSet> {
    let thumbnails = usable(presentation)?;
    let ThumbnailsDescriptor { tile_width, tile_height, columns, rows, interval_seconds, pictures, .. } = thumbnails;
    let seconds = u64::from(tiles(thumbnails)) * u64::from(*interval_seconds);
    let largest = pictures.iter().map(|picture| picture.size_bytes).max().unwrap_or(0);
    let representation = Representation {
        id: "thumbnails".into(),
        bandwidth: (largest * 8 / seconds.max(1)).max(1),
        codecs: None,
        media: Media::Thumbnails {
            size: (tile_width * columns, tile_height * rows),
            tiles: (*columns, *rows),
            coding: ImageCoding::Jpeg,
        },
        segments: Segments::Numbered {
            media: format!("{}/thumbnails/$Number$.jpg", presentation.edition),
            duration: (seconds, 1),
        },
    };
    Some(AdaptationSet { representations: vec![representation], ..AdaptationSet::default() })
}

fn tiles(thumbnails: &ThumbnailsDescriptor) -> u32 {
    thumbnails.columns * thumbnails.rows
}

/// The thumbnails, unless what media says of them cannot be drawn: sides of pictures stay below what JPEG can say.
fn usable(presentation: &Presentation) -> Option<&ThumbnailsDescriptor> {
    const SIDE_MAX: u64 = 65_535;
    presentation.thumbnails.as_ref().filter(|t| {
        let side = |tile: u32, tiles: u32| (1..=SIDE_MAX).contains(&(u64::from(tile) * u64::from(tiles)));
        side(t.tile_width, t.columns) && side(t.tile_height, t.rows) && t.interval_seconds > 0 && !t.pictures.is_empty()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_go_on_from_picture_to_picture() {
        let file = StoredFile { blob: "a".into(), sha256: String::new(), size_bytes: 1 };
        let thumbnails = ThumbnailsDescriptor {
            tile_width: 160,
            tile_height: 90,
            columns: 2,
            rows: 1,
            count: 3,
            interval_seconds: 2,
            pictures: vec![file.clone(), file],
        };
        assert_eq!(
            written(&thumbnails, 5_500).unwrap(),
            "WEBVTT\n\n00:00:00.000 --> 00:00:02.000\n1.jpg#xywh=0,0,160,90\n\n00:00:02.000 --> 00:00:04.000\n\
             1.jpg#xywh=160,0,160,90\n\n00:00:04.000 --> 00:00:05.500\n2.jpg#xywh=0,0,160,90\n"
        );
        assert_eq!(written(&thumbnails, 9_000).unwrap().lines().nth(8), Some("00:00:04.000 --> 00:00:09.000"));
        assert_eq!(written(&thumbnails, 1_000).unwrap().matches("-->").count(), 1);
    }
}
