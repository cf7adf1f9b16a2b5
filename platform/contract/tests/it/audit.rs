//! What the guard tells the audit trail.

use std::sync::{Arc, Mutex};

use tessera_contract::{
    AuditTrail, Caller, Contract, ContractError, Cx, Deed, Failure, FailureKind, OperationInfo, OperationRecorded,
    async_trait,
};

use crate::{
    notes::{CreateNote, InMemory, ListNotes, Notes, ReplaceNote},
    world::{acme, now, service, viewer},
};

/// A trail that remembers.
#[derive(Default)]
struct Memory {
    kept: Mutex<Vec<OperationRecorded>>,
    refused: Mutex<Vec<(String, &'static str)>>,
    broken: bool,
}

#[async_trait]
impl AuditTrail for Memory {
    async fn keep(&self, cx: &Cx, deed: &Deed) -> Result<(), Failure> {
        if self.broken {
            return Err(Failure::new(FailureKind::Unavailable, "the trail is away"));
        }
        self.kept.lock().unwrap().push(deed.record(cx, now(), &[], None));
        Ok(())
    }
    fn refused(&self, cx: &Cx, operation: &OperationInfo) {
        self.refused.lock().unwrap().push((cx.caller.subject(), operation.name));
    }
}

fn staff(scopes: &[&str], trail: &Arc<Memory>) -> Cx {
    let scopes = scopes.iter().map(|&scope| scope.into()).collect();
    Cx::new(acme(), Caller::Staff { subject: "key_1".into(), scopes }, now()).with_trail(trail.clone())
}

fn note(text: &str) -> CreateNote {
    CreateNote { text: text.into(), place: None }
}

fn replace(note_id: &str) -> ReplaceNote {
    let version = if note_id == "n2" { 2 } else { 1 };
    serde_json::from_value(serde_json::json!({"note_id": note_id, "text": "new", "expected_version": version})).unwrap()
}

#[tokio::test]
async fn a_change_by_staff_that_no_commit_recorded_is_kept_once_and_reading_is_not() {
    let (trail, notes) = (Arc::<Memory>::default(), <dyn Notes>::guarded(InMemory::with_notes()));
    let staff = staff(&["*"], &trail);
    notes.create_note(&staff.with_idempotency_key("k"), note("hello")).await.unwrap();
    notes.replace_note(&staff, replace("n1")).await.unwrap();
    notes.replace_note(&staff, replace("gone")).await.unwrap_err();
    notes.replace_note(&service().with_trail(trail.clone()), replace("n2")).await.unwrap();
    notes.list_notes(&service().with_trail(trail.clone()), ListNotes::default()).await.unwrap();
    let kept = trail.kept.lock().unwrap();
    let told: Vec<_> = kept.iter().map(|one| (one.contract.as_str(), one.operation.as_str())).collect();
    assert_eq!(
        told,
        [("notes", "create_note"), ("notes", "replace_note")],
        "not what failed, what reads or what a module does"
    );
    assert_eq!((kept[0].request["text"].as_str(), kept[0].subject.as_str()), (Some("hello"), "key_1"));
    assert_eq!((kept[1].targets[0].field.as_str(), kept[1].targets[0].id.as_str()), ("note_id", "n1"));
    assert_ne!(kept[0].record_id, kept[1].record_id);
}

#[tokio::test]
async fn staff_without_the_scope_is_told_of_and_others_are_not() {
    let (trail, notes) = (Arc::<Memory>::default(), <dyn Notes>::guarded(InMemory::with_notes()));
    for caller in [Caller::Anonymous, viewer()] {
        notes.replace_note(&Cx::new(acme(), caller, now()).with_trail(trail.clone()), replace("n1")).await.unwrap_err();
    }
    let error = notes.replace_note(&staff(&["notes:read"], &trail), replace("n1")).await.unwrap_err();
    assert_eq!(error.failure().unwrap().kind, FailureKind::Forbidden);
    assert_eq!(*trail.refused.lock().unwrap(), [("key_1".to_owned(), "replace_note")]);
}

#[tokio::test]
async fn a_trail_that_is_away_does_not_fail_what_was_done() {
    let trail = Arc::new(Memory { broken: true, ..Memory::default() });
    let notes = <dyn Notes>::guarded(InMemory::with_notes());
    notes.replace_note(&staff(&["*"], &trail), replace("n1")).await.unwrap();
}

#[test]
fn the_operator_at_the_machine_is_a_caller_like_staff() {
    let clock = crate::world::clock();
    let cx = Cx::operator(acme(), clock.as_ref());
    assert!(cx.caller.has_scope("anything:write"));
    assert_eq!(cx.caller.subject(), tessera_contract::OPERATOR);
    let bound = cx.with_deed(Deed::new("tenancy", "create", &serde_json::json!({})));
    assert!(bound.deed().is_some() && bound.as_service("billing").deed().is_none());
}
