//! The origin: what stands at a path below a signed prefix, and its bytes, made on request.

use std::sync::Arc;

use bytes::Bytes;
use tessera_at_rest::BlobCipher;
use tessera_contract::{Cx, Failure, FailureKind};
use tessera_contract_delivery::DeliveryError;
use tessera_isobmff::{Segment, common_pssh};
use tessera_types::AssetId;

use crate::{
    beside, dash,
    hls::{self, Keys},
    library::{aside, damaged, lost},
    presentation::{Presentation, Track, entity_tag},
    service::DeliveryService,
    signature,
    subtitles::{Carriage, Subtitles},
};

/// A segment smaller than this is packaged in well under a millisecond, less than handing it over would cost.
const SMALL: u64 = 128 * 1024;

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
    content: Content,
}

#[derive(Debug)]
enum Content {
    Ready(Bytes),
    /// A media segment of a track by its place.
    Segment {
        presentation: Arc<Presentation>,
        track: usize,
        number: u32,
        header: Vec<u8>,
    },
}

impl Entity {
    /// Bytes that are there.
    pub(crate) fn ready(content_type: &'static str, freshness: Freshness, bytes: Bytes) -> Self {
        let (tag, length) = (entity_tag(&bytes), bytes.len() as u64);
        Self { content_type, freshness, tag, length, content: Content::Ready(bytes) }
    }
}

/// A path below a signed prefix and asset.
enum Place<'p> {
    Multivariant(Keys),
    Description(Carriage),
    Playlist { edition: &'p str, track: &'p str, keys: Keys },
    Init { edition: &'p str, track: &'p str },
    Segment { edition: &'p str, track: &'p str, number: u32 },
}

impl<'p> Place<'p> {
    fn parse(path: &'p str) -> Option<Self> {
        let parts: Vec<&str> = path.split('/').collect();
        match parts[..] {
            ["master.m3u8"] => Some(Self::Multivariant(Keys::Both)),
            ["master-clearkey.m3u8"] => Some(Self::Multivariant(Keys::ClearKeyAlone)),
            ["manifest.mpd"] => Some(Self::Description(Carriage::SideCar)),
            ["manifest-wvtt.mpd"] => Some(Self::Description(Carriage::Samples)),
            [edition, track, "media.m3u8"] => Some(Self::Playlist { edition, track, keys: Keys::Both }),
            [edition, track, "media-clearkey.m3u8"] => {
                Some(Self::Playlist { edition, track, keys: Keys::ClearKeyAlone })
            }
            [edition, track, "init.mp4"] => Some(Self::Init { edition, track }),
            [edition, track, segment] => {
                let digits = segment.strip_suffix(".m4s")?;
                // One name a segment: no sign, no leading zero.
                let plain = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
                let number = plain.then(|| digits.parse().ok())??;
                Some(Self::Segment { edition, track, number })
            }
            _ => None,
        }
    }
}

impl DeliveryService {
    /// What stands at `path` below the prefix `token` and `asset`, when the token allows it.
    pub(crate) async fn entity(&self, cx: &Cx, token: &str, asset: &str, path: &str) -> Result<Entity, DeliveryError> {
        let deps = self.library.deps();
        let pass = signature::verify(&deps.url_keys, token, &cx.tenant, deps.clock.now())?;
        let asset: AssetId = asset.parse().map_err(|_| signature::invalid())?;
        // A tier that is configured no longer is no tier.
        let max_height = self.config.max_height(&pass.tier).filter(|_| pass.asset == asset);
        let max_height = max_height.ok_or_else(signature::invalid)?;
        if let Some((edition, place)) = beside::Place::parse(path) {
            let presentation = self.library.presentation(cx, &asset).await?;
            let known = edition == presentation.edition;
            let found = if known { self.beside(cx, &presentation, place).await? } else { None };
            return found.ok_or_else(|| nothing_at(path).into());
        }
        let place = Place::parse(path).ok_or_else(|| nothing_at(path))?;
        let presentation = self.library.presentation(cx, &asset).await?;
        let text = match place {
            Place::Multivariant(_) | Place::Description(_) => self.subtitles(cx, &asset).await?,
            Place::Playlist { .. } | Place::Init { .. } | Place::Segment { .. } => Arc::default(),
        };
        self.at(&presentation, place, &text, max_height)?.ok_or_else(|| nothing_at(path).into())
    }

    /// The asset's poster.
    pub(crate) async fn poster(&self, cx: &Cx, asset: &AssetId) -> Result<Entity, DeliveryError> {
        const A_DAY: u32 = 24 * 60 * 60;
        let poster = self.library.poster(cx, asset).await?;
        Ok(Entity::ready("image/jpeg", Freshness::Seconds(A_DAY), poster))
    }

    fn at(
        &self,
        presentation: &Arc<Presentation>,
        place: Place<'_>,
        text: &[Subtitles],
        max_height: Option<u32>,
    ) -> Result<Option<Entity>, Failure> {
        let allowed = presentation.allowed(max_height);
        let track = |edition: &str, id: &str| {
            let known = edition == presentation.edition;
            allowed.iter().copied().find(|track| known && track.id == id)
        };
        let manifest = Freshness::Seconds(self.config.manifest_seconds);
        let clearkey = &self.config.clearkey_url;
        Ok(match place {
            Place::Multivariant(keys) => {
                let text = hls::multivariant(presentation, &allowed, text, keys);
                Some(playlist(manifest, text.map_err(|e| Failure::internal("writing an HLS playlist", e))?))
            }
            Place::Description(carriage) => {
                let text = dash::mpd(presentation, &allowed, (text, carriage), clearkey, self.config.segment_seconds);
                let text = text.map_err(|e| Failure::internal("writing a DASH description", e))?;
                Some(Entity::ready("application/dash+xml", manifest, text.into()))
            }
            Place::Playlist { edition, track: id, keys } => {
                let track = track(edition, id);
                let text = track.map(|track| hls::media(presentation, track, clearkey, keys)).transpose();
                let text = text.map_err(|e| Failure::internal("writing an HLS playlist", e))?;
                text.map(|text| playlist(manifest, text))
            }
            Place::Init { edition, track: id } => track(edition, id).map(|track| init(presentation, track)),
            Place::Segment { edition, track: id, number } => {
                track(edition, id).map(|track| segment(presentation, track, number)).transpose()?.flatten()
            }
        })
    }

    /// The bytes of an entity. As many segments are packaged at once as is configured; others wait until `cx`'s
    /// deadline.
    pub(crate) async fn bytes(&self, cx: &Cx, entity: Entity) -> Result<Bytes, Failure> {
        let (presentation, track, number, header) = match entity.content {
            Content::Ready(bytes) => return Ok(bytes),
            Content::Segment { presentation, track, number, header } => (presentation, track, number, header),
        };
        let permit = tokio::time::timeout_at(cx.deadline, self.packagers.clone().acquire_owned()).await;
        let busy = |_| Failure::new(FailureKind::Unavailable, "the origin is busy packaging; try again");
        let permit = permit.map_err(busy)?.map_err(|e| Failure::internal("waiting for a packager", e))?;
        let stored = Stored::read(self, cx, &presentation, track, number).await?;
        let cx = cx.clone();
        let package = move || {
            let packaged = stored.package(&cx, &presentation, track, number, header);
            drop(permit); // held to the end of the work, also when nobody waits for it any more
            packaged
        };
        match entity.length < SMALL {
            true => package(),
            false => aside("packaging a segment", package).await?,
        }
    }
}

/// The part of a track file that a segment's samples are in, as stored.
struct Stored {
    bytes: Vec<u8>,
    offset: u64,
}

impl Stored {
    /// One read, over the few headers that may stand between two fragments' samples.
    async fn read(
        origin: &DeliveryService,
        cx: &Cx,
        presentation: &Presentation,
        track: usize,
        number: u32,
    ) -> Result<Self, Failure> {
        let (track, segment) = find(presentation, track, number)?;
        let ranges = segment.data_ranges(&track.index);
        let start = ranges.iter().map(|range| range.start).min().unwrap_or(0);
        let end = ranges.iter().map(|range| range.end).max().unwrap_or(0);
        if start >= end {
            return Ok(Self { bytes: Vec::new(), offset: start });
        }
        let blobs = origin.library.deps().blobs.tenant(&cx.tenant);
        let blocks = track.checks.as_ref().map_or(start..end, |checks| checks.around(start..end));
        let cut = |found: u64| {
            let what = format!("it has {found} bytes, and its index names byte {end}");
            damaged(cx, &presentation.asset, &track.blob, &what)
        };
        match blobs.get_range(&track.blob, blocks.clone()).await {
            Ok(bytes) if bytes.len() as u64 == blocks.end - blocks.start => {
                Ok(Self { bytes: bytes.into(), offset: blocks.start })
            }
            Ok(bytes) => Err(cut(blocks.start + bytes.len() as u64)),
            Err(failure) => match blobs.info(&track.blob).await {
                Ok(info) if info.size < blocks.end => Err(cut(info.size)),
                _ => Err(lost(failure)),
            },
        }
    }

    /// The segment as served: decrypted from rest, its samples joined behind their header, and protected.
    fn package(
        mut self,
        cx: &Cx,
        presentation: &Presentation,
        track: usize,
        number: u32,
        header: Vec<u8>,
    ) -> Result<Bytes, Failure> {
        let (track, segment) = find(presentation, track, number)?;
        let checked = track.checks.as_ref().map_or(Ok(()), |checks| checks.verify(self.offset, &self.bytes));
        checked.map_err(|damage| damaged(cx, &presentation.asset, &track.blob, &damage.to_string()))?;
        BlobCipher::new(&presentation.at_rest, track.blob.as_str()).at(self.offset).apply(&mut self.bytes);
        let mut packaged = header;
        let data = packaged.len();
        packaged.reserve_exact(usize::try_from(segment.data_size).unwrap_or(0));
        for range in segment.data_ranges(&track.index) {
            let within = |at: u64| usize::try_from(at - self.offset).unwrap_or(usize::MAX);
            packaged.extend_from_slice(&self.bytes[within(range.start)..within(range.end)]);
        }
        if let Some(protected) = &presentation.protection {
            let encrypted = protected.cipher.encrypt(&track.index, segment, &mut packaged[data..]);
            encrypted.map_err(|e| Failure::internal("protecting a segment", e))?;
        }
        Ok(packaged.into())
    }
}

fn find(presentation: &Presentation, track: usize, number: u32) -> Result<(&Track, &Segment), Failure> {
    let found = presentation.tracks.get(track).and_then(|track| Some((track, track.segment(number)?)));
    found.ok_or_else(|| Failure::new(FailureKind::Internal, "a segment was looked up that was there before"))
}

fn playlist(freshness: Freshness, text: String) -> Entity {
    Entity::ready("application/vnd.apple.mpegurl", freshness, text.into())
}

fn init(presentation: &Presentation, track: &Track) -> Entity {
    let signalled = presentation.signalled();
    let pssh: Vec<_> = signalled.iter().map(|signalled| common_pssh(&[signalled.key_id])).collect();
    let bytes = track.index.init_segment(signalled, &pssh);
    Entity::ready(media_type(track), Freshness::Forever, bytes.into())
}

/// The segment's entity, its size known from the index alone.
fn segment(presentation: &Arc<Presentation>, track: &Track, number: u32) -> Result<Option<Entity>, Failure> {
    let Some(segment) = track.segment(number) else { return Ok(None) };
    let header = track.index.segment_header(segment, presentation.signalled());
    let header = header.map_err(|e| Failure::internal("writing a segment's header", e))?;
    let length = header.len() as u64 + segment.data_size;
    let tag = presentation.entity_tag(&format!("{}/{number}", track.id));
    let place = presentation.tracks.iter().position(|other| other.id == track.id).unwrap_or(usize::MAX);
    let content = Content::Segment { presentation: presentation.clone(), track: place, number, header };
    Ok(Some(Entity { content_type: media_type(track), freshness: Freshness::Forever, tag, length, content }))
}

fn media_type(track: &Track) -> &'static str {
    if track.index.kind.is_video() { "video/mp4" } else { "audio/mp4" }
}

fn nothing_at(path: &str) -> Failure {
    let shown: String = path.chars().take(100).collect();
    Failure::new(FailureKind::NotFound, format!("the asset has nothing at {shown:?}; follow the manifest's own URIs"))
}
