//! The origin: what stands at a path below a signed prefix, and its bytes, made on request.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use tessera_contract::{Cx, Failure, FailureKind};
use tessera_contract_delivery::DeliveryError;
use tessera_types::AssetId;

use crate::{
    allowance::Allowance,
    beside,
    dash::{self, Words},
    hls,
    library::Asset,
    packager::SegmentOf,
    place::{Addressing, Place, Playlist, TrackFile},
    presentation::{Presentation, Track, edition, entity_tag},
    service::DeliveryService,
    signalling::Encryption,
    signature,
    subtitles::Subtitles,
    written::Key,
};

/// The media type of HLS playlists (RFC 8216bis §4).
const PLAYLIST: &str = "application/vnd.apple.mpegurl";

/// How long caches may keep something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// It has a name of its own and never changes.
    Forever,
    /// Its name stays when it changes.
    Seconds(u32),
}

/// Something that can be fetched: all that a HEAD needs, and where the bytes come from.
#[derive(Debug)]
pub(crate) struct Entity {
    pub(crate) content_type: &'static str,
    pub(crate) freshness: Freshness,
    pub(crate) tag: String,
    pub(crate) length: u64,
    pub(crate) content: Content,
}

/// Where an entity's bytes come from.
#[derive(Debug)]
pub(crate) enum Content {
    Ready(Bytes),
    Made(Made),
}

/// What is packaged as it is sent.
#[derive(Debug)]
pub(crate) enum Made {
    /// A media segment.
    Segment(SegmentOf),
    /// The whole track at a place.
    Whole { presentation: Arc<Presentation>, track: usize },
}

impl Entity {
    /// Bytes that are there.
    pub(crate) fn ready(content_type: &'static str, freshness: Freshness, bytes: Bytes) -> Self {
        let (tag, length) = (entity_tag(&bytes), bytes.len() as u64);
        Self { content_type, freshness, tag, length, content: Content::Ready(bytes) }
    }
}

impl DeliveryService {
    /// What stands at `path` below the prefix `token` and `asset`, when the token allows it.
    pub(crate) async fn entity(&self, cx: &Cx, token: &str, asset: &str, path: &str) -> Result<Entity, DeliveryError> {
        let deps = self.library.deps();
        let pass = signature::verify(&deps.url_keys, token, &cx.tenant, deps.clock.now())?;
        let asset: AssetId = asset.parse().map_err(|_| signature::invalid())?;
        // A tier that is configured no longer is no tier.
        let allowance = Allowance::of(&self.config, &pass).filter(|_| pass.asset == asset);
        let allowance = allowance.ok_or_else(signature::invalid)?;
        let found = match beside::Place::parse(path) {
            Some((edition, place)) => self.beside_tracks(cx, &asset, edition, place).await?,
            None => self.of_tracks(cx, &asset, path, &allowance).await?,
        };
        found.ok_or_else(|| nothing_at(path).into())
    }

    /// A manifest, or a file of a track.
    async fn of_tracks(
        &self,
        cx: &Cx,
        asset: &AssetId,
        path: &str,
        allowance: &Allowance<'_>,
    ) -> Result<Option<Entity>, DeliveryError> {
        let Some(place) = Place::parse(path) else { return Ok(None) };
        let prepared = self.library.asset(cx, asset).await?;
        let Some(encryption) = self.way(&prepared, &place) else { return Ok(None) };
        let presentation = self.library.presentation(cx, &prepared, encryption).await?;
        let text = match place {
            Place::Multivariant { .. } | Place::Description { .. } => self.subtitles(cx, asset).await?,
            Place::OfTrack { .. } => Arc::default(),
        };
        Ok(self.at(&presentation, (path, place), &text, allowance)?)
    }

    /// A file beside the tracks: subtitles and thumbnails are the same in every edition.
    async fn beside_tracks(
        &self,
        cx: &Cx,
        asset: &AssetId,
        edition: &str,
        place: beside::Place<'_>,
    ) -> Result<Option<Entity>, DeliveryError> {
        let prepared = self.library.asset(cx, asset).await?;
        let Some(encryption) = self.way_named(&prepared, edition) else { return Ok(None) };
        let presentation = self.library.presentation(cx, &prepared, encryption).await?;
        Ok(self.beside(cx, &presentation, place).await?)
    }

    /// The asset's poster.
    pub(crate) async fn poster(&self, cx: &Cx, asset: &AssetId) -> Result<Entity, DeliveryError> {
        const A_DAY: u32 = 24 * 60 * 60;
        let poster = self.library.poster(cx, asset).await?;
        Ok(Entity::ready("image/jpeg", Freshness::Seconds(A_DAY), poster))
    }

    /// How the asset is packaged at a place: `Some(None)` is in the clear, `None` is not at all.
    fn way(&self, asset: &Asset, place: &Place<'_>) -> Option<Option<Encryption>> {
        let (settings, clear) = (&self.config.drm, asset.stock.clear);
        let named = |scheme: Option<Encryption>, otherwise| match (clear, scheme) {
            (true, None) => Some(None),
            (true, Some(_)) => None,
            (false, scheme) => Some(Some(scheme.unwrap_or(otherwise))),
        };
        match place {
            Place::Multivariant { scheme, .. } => named(*scheme, settings.hls_scheme),
            Place::Description { scheme, .. } => named(*scheme, settings.dash_scheme),
            Place::OfTrack { edition, .. } => self.way_named(asset, edition),
        }
    }

    /// The way of packaging that an edition names.
    fn way_named(&self, asset: &Asset, name: &str) -> Option<Option<Encryption>> {
        let ways: &[_] = if asset.stock.clear { &[None] } else { &[Some(Encryption::Cbcs), Some(Encryption::Cenc)] };
        let named = |way| edition(way, &self.config.drm, self.config.segment_seconds);
        ways.iter().copied().find(|way| named(*way) == name)
    }

    fn at(
        &self,
        presentation: &Arc<Presentation>,
        (path, place): (&str, Place<'_>),
        text: &Arc<[Subtitles]>,
        allowance: &Allowance<'_>,
    ) -> Result<Option<Entity>, Failure> {
        let (tracks, tricks) = (allowance.of_tracks(&presentation.tracks), allowance.of_tracks(&presentation.tricks));
        if tracks.is_empty() {
            return Ok(None);
        }
        let key = || Key::of(path, tracks.iter().copied());
        let manifest = |kind, write: &dyn Fn() -> Result<String, Failure>| {
            self.manifest(presentation, (key(), text), kind, write).map(Some)
        };
        match place {
            // A file that gets longer has no length to be announced, and its index would end before it.
            Place::Multivariant { addressing: Addressing::Ranges, .. }
            | Place::Description { addressing: Addressing::Ranges, .. }
                if presentation.open_ended =>
            {
                Ok(None)
            }
            Place::Multivariant { addressing, keys, .. } => manifest(PLAYLIST, &|| {
                hls::multivariant(presentation, &tracks, text, addressing, keys).map_err(unwritable)
            }),
            Place::Description { addressing, carriage, .. } => manifest("application/dash+xml", &|| {
                let (clearkey_url, settings) = (self.config.clearkey_url.as_str(), &self.config.drm);
                let (subtitles, segment_seconds) = ((&text[..], carriage), self.config.segment_seconds);
                let words = Words { addressing, subtitles, clearkey_url, settings, segment_seconds };
                let text = dash::mpd(presentation, (&tracks, &tricks), &words);
                text.map_err(|e| Failure::internal("writing a DASH description", e))
            }),
            Place::OfTrack { track: id, file, .. } => {
                let found = tracks.iter().chain(&tricks).find(|track| track.id == id);
                let place = found.and_then(|track| Some((*track, presentation.place(&track.id)?)));
                place.map(|place| self.file(presentation, place, (path, file))).transpose().map(Option::flatten)
            }
        }
    }

    /// A manifest, as it was written before or as `write` gives it.
    fn manifest(
        &self,
        presentation: &Presentation,
        (key, text): (Key, &Arc<[Subtitles]>),
        content_type: &'static str,
        write: impl FnOnce() -> Result<String, Failure>,
    ) -> Result<Entity, Failure> {
        let (bytes, tag) = presentation.written.get(key, text, write)?;
        let (freshness, length) = (self.freshness(presentation), bytes.len() as u64);
        Ok(Entity { content_type, freshness, tag, length, content: Content::Ready(bytes) })
    }

    /// How long a manifest stays as it is.
    fn freshness(&self, presentation: &Presentation) -> Freshness {
        let growing = presentation.segment_seconds.div_ceil(2);
        let seconds = self.config.manifest_seconds;
        Freshness::Seconds(if presentation.open_ended { seconds.min(growing) } else { seconds })
    }

    /// A file of a track, which is at a place.
    fn file(
        &self,
        presentation: &Arc<Presentation>,
        (track, place): (&Track, usize),
        (path, file): (&str, TrackFile),
    ) -> Result<Option<Entity>, Failure> {
        let range = |range: &Range<u64>| range.end - range.start;
        Ok(match file {
            TrackFile::Playlist(Playlist::IFrames, _) if !track.index.kind.is_video() => None,
            TrackFile::Whole | TrackFile::Playlist(Playlist::Media(Addressing::Ranges) | Playlist::IFrames, _)
                if presentation.open_ended =>
            {
                None
            }
            TrackFile::Playlist(which, keys) => {
                let key = Key::of(path, []);
                let clearkey_url = &self.config.clearkey_url;
                let write = || hls::media(presentation, track, clearkey_url, (which, keys)).map_err(unwritable);
                Some(self.manifest(presentation, (key, &Arc::default()), PLAYLIST, write)?)
            }
            TrackFile::Init => Some(Entity::ready(media_type(track), Freshness::Forever, track.layout.init.clone())),
            TrackFile::Segment(number) => track.segment(number).map(|_| {
                let segment = number as usize - 1;
                let made = SegmentOf { presentation: presentation.clone(), track: place, segment };
                let length = range(&track.layout.segment_range(segment));
                media(track, presentation.entity_tag(track, &number.to_string()), length, Made::Segment(made))
            }),
            TrackFile::Whole => {
                let made = Made::Whole { presentation: presentation.clone(), track: place };
                let tag = presentation.entity_tag(track, TrackFile::WHOLE);
                Some(media(track, tag, track.layout.size(), made))
            }
        })
    }

    /// These bytes of a segment as served. As many parts are packaged at once as is configured; others wait until they
    /// are asked for no longer.
    pub(crate) async fn package(&self, of: SegmentOf, range: Range<u64>) -> Result<Vec<u8>, Failure> {
        let permit = self.packagers.clone().acquire_owned().await;
        let permit = permit.map_err(|e| Failure::internal("waiting for a packager", e))?;
        let blobs = self.library.deps().blobs.tenant(&of.presentation.tenant);
        of.package(&blobs, range, permit).await
    }
}

fn media(track: &Track, tag: String, length: u64, made: Made) -> Entity {
    let content = Content::Made(made);
    Entity { content_type: media_type(track), freshness: Freshness::Forever, tag, length, content }
}

fn unwritable(error: hls::Unwritable) -> Failure {
    Failure::internal("writing an HLS playlist", error)
}

fn media_type(track: &Track) -> &'static str {
    if track.index.kind.is_video() { "video/mp4" } else { "audio/mp4" }
}

fn nothing_at(path: &str) -> Failure {
    let shown: String = path.chars().take(100).collect();
    Failure::new(FailureKind::NotFound, format!("the asset has nothing at {shown:?}; follow the manifest's own URIs"))
}
