//! What the origin serves beside an asset's tracks: subtitles and thumbnails, from small files that media has stored.

use std::{num::NonZeroU32, sync::Arc};

use bytes::Bytes;
use tessera_at_rest::BlobCipher;
use tessera_contract::{Cx, Failure, FailureKind};
use tessera_contract_media::{GetDescriptor, StoredFile, SubtitleKind};
use tessera_types::{AssetId, TenantId};
use tessera_webvtt::{Track, read};

use crate::{
    config::DeliveryConfig,
    library::{aside, blob_key, damaged, lost, sha256},
    origin::{Entity, Freshness},
    presentation::Presentation,
    service::DeliveryService,
    shelf::Shelf,
    subtitles::{self, Subtitles},
    thumbnails,
};

/// Lists of subtitles that are remembered.
const LISTS: u64 = 10_000;
/// Memory for subtitles that have been read, and for pictures of thumbnails, in bytes each.
const MEMORY: u64 = 32 << 20;
/// What is larger than this is none of ours.
const FILE_MAX: u64 = 24 << 20;

/// An asset's subtitles in a slot of time: they may change, and are asked for again about as often as manifests are.
type ListKey = (TenantId, AssetId, i64);
type FileKey = (TenantId, String);

/// What has been read.
pub(crate) struct Beside {
    lists: Shelf<ListKey, Arc<[Subtitles]>>,
    /// Lists that were asked for because a name was on none, by the second.
    latest: Shelf<ListKey, Arc<[Subtitles]>>,
    tracks: Shelf<FileKey, Arc<Track>>,
    pictures: Shelf<FileKey, Bytes>,
    slot_seconds: i64,
}

/// A path below an asset's edition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place<'p> {
    /// `text/{id}/{file}`.
    Text { id: &'p str, file: TextFile },
    /// `thumbnails/thumbnails.vtt`.
    ThumbnailTrack,
    /// `thumbnails/{number}.jpg`.
    Picture(NonZeroU32),
}

/// A file of subtitles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextFile {
    /// `media.m3u8`: the HLS playlist of its segments.
    Playlist,
    /// `{number}.vtt`: a segment of text.
    Segment(NonZeroU32),
    /// `subtitles.vtt`: all of them, for DASH.
    Whole,
    /// `init.mp4`: the init segment of their samples.
    Init,
    /// `{number}.m4s`: a segment of samples.
    Samples(NonZeroU32),
}

impl<'p> Place<'p> {
    /// The edition that a path names, and what stands there; `None` for what is not beside the tracks.
    pub(crate) fn parse(path: &'p str) -> Option<(&'p str, Self)> {
        let parts: Vec<&str> = path.split('/').collect();
        match parts[..] {
            [edition, "text", id, file] => Some((edition, Self::Text { id, file: TextFile::parse(file)? })),
            [edition, "thumbnails", "thumbnails.vtt"] => Some((edition, Self::ThumbnailTrack)),
            [edition, "thumbnails", file] => Some((edition, Self::Picture(number(file.strip_suffix(".jpg")?)?))),
            _ => None,
        }
    }
}

impl TextFile {
    fn parse(file: &str) -> Option<Self> {
        match file {
            "media.m3u8" => Some(Self::Playlist),
            "subtitles.vtt" => Some(Self::Whole),
            "init.mp4" => Some(Self::Init),
            _ => match file.split_once('.')? {
                (digits, "vtt") => number(digits).map(Self::Segment),
                (digits, "m4s") => number(digits).map(Self::Samples),
                _ => None,
            },
        }
    }
}

/// One name a number: no sign, no leading zero.
fn number(digits: &str) -> Option<NonZeroU32> {
    let plain = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    if plain { digits.parse().ok() } else { None }
}

impl Beside {
    pub(crate) fn new(config: &DeliveryConfig) -> Self {
        Self {
            lists: Shelf::new(LISTS),
            latest: Shelf::new(LISTS),
            tracks: Shelf::new(MEMORY),
            pictures: Shelf::new(MEMORY),
            slot_seconds: i64::from(config.manifest_seconds.max(1)),
        }
    }
}

impl DeliveryService {
    /// The subtitles of an asset, as they were about a manifest's time ago at the most. While media cannot be reached they
    /// are as they were when the asset was first asked for.
    pub(crate) async fn subtitles(&self, cx: &Cx, asset: &AssetId) -> Result<Arc<[Subtitles]>, Failure> {
        let slot = self.library.deps().clock.now().as_seconds().div_euclid(self.beside.slot_seconds);
        let load = async || {
            let listed = match self.subtitles_now(cx, asset).await {
                Ok(listed) => listed,
                Err(error) => {
                    tracing::warn!(%asset, %error, "asking media for an asset's subtitles; the older list is told");
                    let known = self.library.descriptor(cx, asset).await;
                    let known = known.map_err(|e| Failure::internal("asking media for an asset", e))?;
                    subtitles::named(&known.subtitles)
                }
            };
            Ok::<_, Failure>((listed, 1))
        };
        self.beside.lists.get(&(cx.tenant.clone(), asset.clone(), slot), load).await
    }

    /// The subtitles of an asset as they were within this second: names that are made up have media asked no oftener.
    async fn latest_subtitles(&self, cx: &Cx, asset: &AssetId) -> Result<Arc<[Subtitles]>, Failure> {
        let second = self.library.deps().clock.now().as_seconds();
        let load = async || self.subtitles_now(cx, asset).await.map(|listed| (listed, 1));
        self.beside.latest.get(&(cx.tenant.clone(), asset.clone(), second), load).await
    }

    async fn subtitles_now(&self, cx: &Cx, asset: &AssetId) -> Result<Arc<[Subtitles]>, Failure> {
        let request = GetDescriptor { asset_id: asset.clone() };
        let described = self.library.deps().media.get_descriptor(&cx.as_service("delivery"), request).await;
        let described = described.map_err(|e| Failure::internal("asking media for an asset's subtitles", e))?;
        Ok(subtitles::named(&described.subtitles))
    }

    /// What stands at a place beside the tracks.
    pub(crate) async fn beside(
        &self,
        cx: &Cx,
        presentation: &Presentation,
        place: Place<'_>,
    ) -> Result<Option<Entity>, Failure> {
        match place {
            Place::Text { id, file } => self.text(cx, presentation, id, file).await,
            Place::ThumbnailTrack => thumbnails::track(presentation).map(|text| text.map(whole_text)),
            Place::Picture(number) => {
                let Some(file) = thumbnails::picture(presentation, number) else { return Ok(None) };
                let load = async || {
                    let picture = self.small(cx, presentation, file).await?;
                    Ok::<_, Failure>((Bytes::from(picture), file.size_bytes))
                };
                let picture = self.beside.pictures.get(&(cx.tenant.clone(), file.blob.clone()), load).await?;
                Ok(Some(Entity::ready("image/jpeg", Freshness::Forever, picture)))
            }
        }
    }

    async fn text(
        &self,
        cx: &Cx,
        presentation: &Presentation,
        id: &str,
        file: TextFile,
    ) -> Result<Option<Entity>, Failure> {
        let find = |list: &[Subtitles]| list.iter().find(|subtitles| subtitles.id == id).cloned();
        let asset = &presentation.asset;
        let known = find(&self.subtitles(cx, asset).await?);
        // Another origin may have told of them already.
        let found = if known.is_some() { known } else { find(&self.latest_subtitles(cx, asset).await?) };
        let Some(found) = found else { return Ok(None) };
        if file == TextFile::Playlist {
            let text = subtitles::playlist(presentation);
            let text = text.map_err(|e| Failure::internal("writing an HLS playlist", e))?;
            let freshness = Freshness::Seconds(self.config.manifest_seconds);
            return Ok(Some(Entity::ready("application/vnd.apple.mpegurl", freshness, text.into())));
        }
        let load = async || {
            let bytes = self.small(cx, presentation, &found.file).await?;
            let reading = aside("reading subtitles", move || read(&bytes)).await?;
            let reading = reading.map_err(|e| Failure::internal("reading stored subtitles", e))?;
            // About what cues take in memory beside their text.
            Ok::<_, Failure>((Arc::new(reading.track), found.file.size_bytes.saturating_mul(4)))
        };
        let track = self.beside.tracks.get(&(cx.tenant.clone(), found.file.blob.clone()), load).await?;
        let part = subtitles::part(presentation, &found, &track, file);
        let part = part.map_err(|e| Failure::internal("writing subtitles", e))?;
        let content_type = match file {
            TextFile::Init | TextFile::Samples(_) => "application/mp4",
            TextFile::Playlist | TextFile::Segment(_) | TextFile::Whole => "text/vtt",
        };
        Ok(part.map(|bytes| Entity::ready(content_type, Freshness::Forever, bytes.into())))
    }

    /// A small file as it was before it was stored.
    async fn small(&self, cx: &Cx, presentation: &Presentation, file: &StoredFile) -> Result<Vec<u8>, Failure> {
        if file.size_bytes > FILE_MAX {
            let detail = format!("{} has {} bytes, more than {FILE_MAX}", file.blob, file.size_bytes);
            return Err(Failure::new(FailureKind::Internal, detail));
        }
        let key = blob_key(&file.blob)?;
        let stored = self.library.deps().blobs.tenant(&cx.tenant).get(&key).await.map_err(lost)?;
        if sha256(&stored) != file.sha256 {
            return Err(damaged(&cx.tenant, &presentation.asset, &key, "its bytes have changed"));
        }
        let mut bytes = Vec::from(stored);
        BlobCipher::new(&presentation.at_rest, key.as_str()).apply(&mut bytes);
        Ok(bytes)
    }
}

fn whole_text(text: String) -> Entity {
    Entity::ready("text/vtt", Freshness::Forever, text.into())
}

/// Whether a manifest may name subtitles of this kind.
pub(crate) fn is_known(kind: SubtitleKind) -> bool {
    match kind {
        SubtitleKind::Subtitles | SubtitleKind::Captions | SubtitleKind::Forced => true,
        SubtitleKind::Unknown => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_have_one_name_each() {
        let text = |file| Some(("e1", Place::Text { id: "t1-0a", file }));
        let two = NonZeroU32::new(2).unwrap();
        for (path, place) in [
            ("e1/text/t1-0a/media.m3u8", text(TextFile::Playlist)),
            ("e1/text/t1-0a/2.vtt", text(TextFile::Segment(two))),
            ("e1/text/t1-0a/subtitles.vtt", text(TextFile::Whole)),
            ("e1/text/t1-0a/init.mp4", text(TextFile::Init)),
            ("e1/text/t1-0a/2.m4s", text(TextFile::Samples(two))),
            ("e1/thumbnails/2.jpg", Some(("e1", Place::Picture(two)))),
            ("e1/thumbnails/thumbnails.vtt", Some(("e1", Place::ThumbnailTrack))),
            ("e1/text/t1-0a/02.vtt", None),
            ("e1/text/t1-0a/0.vtt", None),
            ("e1/text/t1-0a/+2.m4s", None),
            ("e1/text/t1-0a/2.mp4", None),
            ("e1/thumbnails/4294967296.jpg", None),
            ("e1/v720/media.m3u8", None),
            ("master.m3u8", None),
        ] {
            assert_eq!(Place::parse(path), place, "{path}");
        }
    }
}
