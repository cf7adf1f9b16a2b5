//! Manifests as they were written, for whoever asks for the same again: all viewers of a tier do.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use tessera_contract::Failure;

use crate::{
    presentation::{Track, entity_tag},
    subtitles::Subtitles,
};

/// Manifests of a presentation that are kept at most. Its ways of addressing, its keys and its tiers are fewer; whoever signs
/// many different URLs has them written each time.
const MOST: usize = 64;

/// One presentation's manifests, forgotten with it.
#[derive(Default)]
pub(crate) struct Written(Mutex<HashMap<Key, Kept>>);

/// What a manifest follows from, beside the presentation and its subtitles: its path, and the tracks that may be had.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key(String);

impl Key {
    /// Of a manifest at `path` that names these of the presentation's tracks.
    pub(crate) fn of<'t>(path: &str, tracks: impl IntoIterator<Item = &'t Track>) -> Self {
        let mut key = path.to_owned();
        for track in tracks {
            key.push('\n'); // which is in no path that names something, and in no track's id
            key.push_str(&track.id);
        }
        Self(key)
    }
}

#[derive(Clone)]
struct Kept {
    /// The subtitles that it names.
    text: Arc<[Subtitles]>,
    bytes: Bytes,
    tag: String,
}

impl Written {
    /// The manifest and its entity tag, as kept or as `write` gives it.
    pub(crate) fn get(
        &self,
        key: Key,
        text: &Arc<[Subtitles]>,
        write: impl FnOnce() -> Result<String, Failure>,
    ) -> Result<(Bytes, String), Failure> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(kept) = kept.filter(|kept| kept.text == *text) {
            return Ok((kept.bytes, kept.tag));
        }
        let bytes = Bytes::from(write()?);
        let tag = entity_tag(&bytes);
        let mut manifests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if manifests.len() < MOST || manifests.contains_key(&key) {
            manifests.insert(key, Kept { text: text.clone(), bytes: bytes.clone(), tag: tag.clone() });
        }
        Ok((bytes, tag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_written_once_until_its_subtitles_are_others_and_few_are_kept() {
        let (written, text): (_, Arc<[Subtitles]>) = (Written::default(), Arc::new([]));
        let get = |path: &str, text: &Arc<[Subtitles]>, says: &str| {
            written.get(Key::of(path, []), text, || Ok(says.to_owned())).unwrap()
        };
        let first = get("a", &text, "one");
        assert_eq!(get("a", &text, "two"), first, "it is kept");
        assert_eq!(get("b", &text, "two").0, "two", "for its own path");
        let others = serde_json::json!([{
            "subtitle_id": "s1", "language": "de", "kind": "subtitles",
            "file": {"blob": "assets/a/s1.vtt", "size_bytes": 9, "sha256": "ab".repeat(32)},
        }]);
        let others = crate::subtitles::named(&serde_json::from_value::<Vec<_>>(others).unwrap());
        let second = get("a", &others, "three");
        assert!(second.0 == "three" && second.1 != first.1, "and its own subtitles");
        (0..MOST).for_each(|n| drop(get(&n.to_string(), &text, "many")));
        assert_eq!(written.0.lock().unwrap().len(), MOST);
        assert_eq!(get(&(MOST - 1).to_string(), &text, "anew").0, "anew", "what has no room is written each time");
    }
}
