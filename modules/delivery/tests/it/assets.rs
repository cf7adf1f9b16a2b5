//! Assets as media stores them: track files from FFmpeg, indexed, encrypted at rest.

use serde_json::json;
use tessera_at_rest::BlobCipher;
use tessera_cenc::TrackIndexer;
use tessera_contract_media::{AssetDescriptor, AtRest, TrackDescriptor};
use tessera_runtime::blobs::Blobs;
use tessera_test_media::{Bench, picture, tone};

const AT_REST_KEY: [u8; 16] = [0x5a; 16];

/// A track as it was encoded, clear.
#[derive(Clone)]
pub(crate) struct Clip {
    pub(crate) id: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) file: Vec<u8>,
}

/// Two video renditions and sound, 6 s; `None` where FFmpeg is not installed.
pub(crate) fn film(bench: &Bench) -> Option<Vec<Clip>> {
    Some(vec![video(bench, "v360", "640x360")?, video(bench, "v180", "320x180")?, sound(bench)?])
}

pub(crate) fn video(bench: &Bench, id: &'static str, size: &str) -> Option<Clip> {
    let gop = "-c:v libx264 -preset veryfast -g 50 -keyint_min 50 -sc_threshold 0 -bf 2 -flags +cgop";
    let file = bench.track(&format!("{id}.mp4"), &format!("{} {gop}", picture(size, 25, 6)))?;
    Some(Clip { id, kind: "video", file })
}

pub(crate) fn sound(bench: &Bench) -> Option<Clip> {
    sound_in(bench, "a1", "und", 2)
}

pub(crate) fn sound_in(bench: &Bench, id: &'static str, language: &str, channels: u16) -> Option<Clip> {
    let words = format!("{} -c:a aac -ac {channels} -metadata:s:a:0 language={language}", tone(6.0));
    let file = bench.track(&format!("{id}.mp4"), &format!("{words} -frag_duration 2000000"))?;
    Some(Clip { id, kind: "audio", file })
}

/// Puts the asset's blobs where its descriptor says.
pub(crate) async fn store(
    blobs: &Blobs,
    tenant: &str,
    asset: &str,
    protection: &str,
    clips: &[Clip],
) -> AssetDescriptor {
    let blobs = blobs.tenant(&tenant.parse().unwrap());
    let mut tracks = Vec::new();
    for clip in clips {
        let blob = format!("assets/{asset}/{}.mp4", clip.id);
        let index_blob = format!("assets/{asset}/{}.json", clip.id);
        let mut indexer = TrackIndexer::new();
        indexer.push(&clip.file).unwrap();
        let index = serde_json::to_vec(&indexer.finish().unwrap()).unwrap();
        blobs.put(&blob.parse().unwrap(), encrypted(&blob, &clip.file).into()).await.unwrap();
        blobs.put(&index_blob.parse().unwrap(), index.into()).await.unwrap();
        let track = json!({
            "track_id": clip.id, "kind": clip.kind, "blob": blob, "index_blob": index_blob,
            "size_bytes": clip.file.len(),
        });
        tracks.push(serde_json::from_value::<TrackDescriptor>(track).unwrap());
    }
    let poster_blob = format!("assets/{asset}/poster.jpg");
    blobs.put(&poster_blob.parse().unwrap(), format!("a picture of {asset}").into()).await.unwrap();
    serde_json::from_value(json!({
        "asset_id": asset, "protection": protection, "duration_seconds": 6.0, "tracks": tracks,
        "poster_blob": poster_blob,
        "at_rest": {"key_base64": "WlpaWlpaWlpaWlpaWlpaWg==", "scheme": AtRest::SCHEME},
    }))
    .unwrap()
}

/// As it lies in the blob store.
pub(crate) fn encrypted(blob: &str, clear: &[u8]) -> Vec<u8> {
    let mut bytes = clear.to_vec();
    BlobCipher::new(&AT_REST_KEY, blob).apply(&mut bytes);
    bytes
}
