//! A contract with one of everything, and an implementation in memory.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tessera_contract::{
    Cx, Failure, FailureKind, Page, async_trait, contract, decode_cursor, encode_cursor, errors, page_limit,
};

/// A colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Colour {
    /// Like blood.
    Red,
    /// Like the sea.
    DeepBlue,
}

/// A number of its own type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Weight(pub i64);

/// Where something is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// Across.
    pub x: i32,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// All kinds of fields that a path and a query can carry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EchoQuery {
    /// In the path.
    pub word: String,
    /// Required list.
    pub tags: Vec<String>,
    /// List that may be absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub numbers: Vec<i64>,
    /// List of a newtype.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weights: Vec<Weight>,
    /// Optional text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Optional number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub big: Option<u64>,
    /// Optional newtype.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<Weight>,
    /// Optional enum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<Colour>,
    /// Optional fraction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// Flag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flag: Option<bool>,
}

/// The same in a body, with what only a body can carry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EchoBody {
    /// In the path.
    pub word: String,
    /// A list.
    pub tags: Vec<String>,
    /// Nested.
    pub places: Vec<Place>,
    /// Optional number.
    pub number: Option<i64>,
    /// By name.
    #[serde(default)]
    pub by_name: BTreeMap<String, i64>,
}

/// What arrived.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Echoed<T> {
    /// The request as the implementation saw it.
    pub seen: T,
}

/// Which page.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct ListNotes {
    /// Entries a page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// A note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Note {
    /// Its id.
    pub note_id: String,
    /// What it says.
    pub text: String,
    /// Counts up.
    pub version: i64,
}

/// Which note.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct GetNote {
    /// Its id.
    pub note_id: String,
}

/// A new note.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct CreateNote {
    /// What it says.
    pub text: String,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// A note's new text.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ReplaceNote {
    /// Its id.
    pub note_id: String,
    /// What it says now.
    pub text: String,
    /// The version this was made on.
    pub expected_version: i64,
}

/// Some of a note's fields.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct AmendNote {
    /// Its id.
    pub note_id: String,
    /// What it says now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The version this was made on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<i64>,
}

/// How to behave.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Misbehave {
    /// `hang`, `panic`, `wait`, `fail`; anything else is fine.
    pub how: String,
}

/// What was left of the caller's time, in milliseconds.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Behaved {
    /// Milliseconds to the deadline.
    pub remaining_ms: u64,
}

errors! {
    /// Why a note failed.
    pub enum NoteError {
        /// No such note.
        NoteNotFound = 404 "note_not_found",
    }
}

/// Notes, for trying the kit.
///
/// It promises nothing else.
#[contract(name = "notes", version = "1.0")]
pub trait Notes: Send + Sync + 'static {
    /// Give back a query.
    #[get("/v1/echo/{word}", access = public)]
    async fn echo_query(&self, cx: &Cx, request: EchoQuery) -> Result<Echoed<EchoQuery>, NoteError>;

    /// Give back a body.
    #[post("/v1/echo/{word}", access = public)]
    async fn echo_body(&self, cx: &Cx, request: EchoBody) -> Result<Echoed<EchoBody>, NoteError>;

    /// List notes, oldest first.
    #[get("/v1/notes", access = public)]
    async fn list_notes(&self, cx: &Cx, request: ListNotes) -> Result<Page<Note>, NoteError>;

    /// Fetch a note.
    #[get("/v1/notes/{note_id}", access = viewer)]
    async fn get_note(&self, cx: &Cx, request: GetNote) -> Result<Note, NoteError>;

    /// Create a note.
    #[post("/v1/notes", access = staff("notes:write"), status = 201, idempotent, body_bytes = 4096)]
    async fn create_note(&self, cx: &Cx, request: CreateNote) -> Result<Note, NoteError>;

    /// Replace a note's text.
    #[put("/v1/notes/{note_id}", access = service_or_staff("notes:write"))]
    async fn replace_note(&self, cx: &Cx, request: ReplaceNote) -> Result<Note, NoteError>;

    /// Change some of a note.
    #[patch("/v1/notes/{note_id}", access = staff("notes:write"))]
    async fn amend_note(&self, cx: &Cx, request: AmendNote) -> Result<Note, NoteError>;

    /// Remove a note.
    #[delete("/v1/notes/{note_id}", access = service)]
    async fn remove_note(&self, cx: &Cx, request: GetNote) -> Result<Note, NoteError>;

    /// Do something else than answering.
    #[post("/v1/misbehave", access = public, timeout_seconds = 2)]
    async fn misbehave(&self, cx: &Cx, request: Misbehave) -> Result<Behaved, NoteError>;
}

/// Notes of each tenant, and the idempotency fingerprints that arrived.
#[derive(Default)]
pub struct InMemory {
    notes: Mutex<BTreeMap<(String, String), Note>>,
    pub fingerprints: Mutex<Vec<(String, String)>>,
}

impl InMemory {
    /// With notes `n1` to `n5` in tenant `acme`.
    pub fn with_notes() -> Arc<Self> {
        let notes = Self::default();
        for n in 1..=5 {
            let note = Note { note_id: format!("n{n}"), text: format!("note {n}"), version: n };
            notes.notes.lock().unwrap().insert(("acme".into(), note.note_id.clone()), note);
        }
        Arc::new(notes)
    }

    fn edit(&self, cx: &Cx, id: &str, expected: Option<i64>, text: Option<String>) -> Result<Note, NoteError> {
        let mut notes = self.notes.lock().unwrap();
        let key = (cx.tenant.to_string(), id.to_owned());
        let note = notes.get_mut(&key).ok_or_else(|| NoteError::NoteNotFound(format!("no note {id}")))?;
        if let Some(expected) = expected.filter(|expected| *expected != note.version) {
            return Err(Failure::version_conflict(expected, note.version).into());
        }
        note.text = text.unwrap_or_else(|| note.text.clone());
        note.version += 1;
        Ok(note.clone())
    }
}

#[async_trait]
impl Notes for InMemory {
    async fn echo_query(&self, _: &Cx, request: EchoQuery) -> Result<Echoed<EchoQuery>, NoteError> {
        Ok(Echoed { seen: request })
    }

    async fn echo_body(&self, _: &Cx, request: EchoBody) -> Result<Echoed<EchoBody>, NoteError> {
        Ok(Echoed { seen: request })
    }

    async fn list_notes(&self, cx: &Cx, request: ListNotes) -> Result<Page<Note>, NoteError> {
        let limit = page_limit(request.limit)?;
        let after: Option<String> = decode_cursor(request.cursor.as_deref())?;
        let notes = self.notes.lock().unwrap();
        let ours = notes.iter().filter(|((tenant, _), _)| *tenant == cx.tenant.to_string()).map(|(_, note)| note);
        let rest = ours.filter(|note| after.as_ref().is_none_or(|after| note.note_id > *after)).cloned().collect();
        Ok(Page::from_rows(rest, limit, |note| note.note_id.clone()))
    }

    async fn get_note(&self, cx: &Cx, request: GetNote) -> Result<Note, NoteError> {
        let key = (cx.tenant.to_string(), request.note_id.clone());
        let found = self.notes.lock().unwrap().get(&key).cloned();
        found.ok_or_else(|| NoteError::NoteNotFound(format!("no note {}", request.note_id)))
    }

    async fn create_note(&self, cx: &Cx, request: CreateNote) -> Result<Note, NoteError> {
        let effect = cx.effect().expect("the guard binds it");
        self.fingerprints.lock().unwrap().push((effect.key.clone(), effect.fingerprint.clone()));
        let note = Note { note_id: encode_cursor(&effect.key), text: request.text, version: 1 };
        self.notes.lock().unwrap().insert((cx.tenant.to_string(), note.note_id.clone()), note.clone());
        Ok(note)
    }

    async fn replace_note(&self, cx: &Cx, request: ReplaceNote) -> Result<Note, NoteError> {
        self.edit(cx, &request.note_id, Some(request.expected_version), Some(request.text))
    }

    async fn amend_note(&self, cx: &Cx, request: AmendNote) -> Result<Note, NoteError> {
        self.edit(cx, &request.note_id, request.expected_version, request.text)
    }

    async fn remove_note(&self, cx: &Cx, request: GetNote) -> Result<Note, NoteError> {
        let gone = self.notes.lock().unwrap().remove(&(cx.tenant.to_string(), request.note_id.clone()));
        gone.ok_or_else(|| NoteError::NoteNotFound(format!("no note {}", request.note_id)))
    }

    async fn misbehave(&self, cx: &Cx, request: Misbehave) -> Result<Behaved, NoteError> {
        match request.how.as_str() {
            "hang" => std::future::pending().await,
            "panic" => panic!("told to"),
            "wait" => {
                let failure = Failure::new(FailureKind::RateLimited, "too many notes");
                Err(failure.retry_after(Duration::from_millis(1500)).into())
            }
            "fail" => Err(Failure::internal("writing it down", std::io::Error::other("the secret cause")).into()),
            _ => Ok(Behaved { remaining_ms: u64::try_from(cx.remaining().as_millis()).unwrap() }),
        }
    }
}
