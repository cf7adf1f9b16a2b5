//! Names that another provider has for people: whose accounts they are.

use tessera_contract::{Cx, FailureKind};
use tessera_contract_identity::{IdentityEdge, IdentityError, ResolveSubject};
use tessera_store::Position;
use tessera_testing::{cx, on_every_engine};
use tessera_types::AccountId;

use crate::world::World;

const ISSUER: &str = "https://id.example";

async fn resolved(world: &World, cx: &Cx, issuer: &str, subject: &str) -> Result<AccountId, IdentityError> {
    let request = ResolveSubject { issuer: issuer.into(), subject: subject.into() };
    world.identity.resolve_subject(cx, request).await.map(|resolved| resolved.account_id)
}

async fn created(world: &World) -> Vec<String> {
    let batch = world.identity.store().events_after(Position::default(), 100).await.unwrap();
    batch.events.into_iter().map(|(_, event)| event.subject).collect()
}

#[tokio::test]
async fn a_subject_stands_for_one_account_which_is_told_of_once() {
    on_every_engine(async |engine| {
        let world = World::start(engine).await;
        let (acme, globex) = (cx("acme").service("edge"), cx("globex").service("edge"));
        let (one, two) = tokio::join!(resolved(&world, &acme, ISSUER, "ada"), resolved(&world, &acme, ISSUER, "ada"));
        let (ada, again) = (one.unwrap(), two.unwrap());
        assert_eq!(ada, again, "two at once are one");
        assert_eq!(resolved(&world, &acme, ISSUER, "ada").await.unwrap(), ada);
        let others = [
            resolved(&world, &acme, ISSUER, "Ada").await.unwrap(),
            resolved(&world, &acme, "https://other.example", "ada").await.unwrap(),
            resolved(&world, &globex, ISSUER, "ada").await.unwrap(),
        ];
        assert!(others.iter().all(|other| *other != ada), "another subject, issuer or tenant is somebody else");
        let told = created(&world).await;
        assert_eq!(told.iter().filter(|subject| subject.as_str() == ada.as_str()).count(), 1, "{told:?}");
        assert_eq!(told.len(), 4, "{told:?}");
    })
    .await;
}

#[tokio::test]
async fn what_can_be_no_subject_is_refused_and_nobody_signs_in_without_a_password() {
    on_every_engine(async |engine| {
        let world = World::start(engine).await;
        let acme = cx("acme").service("edge");
        let long = "x".repeat(256);
        for (issuer, subject) in [(ISSUER, ""), (ISSUER, long.as_str()), (ISSUER, "a\nb"), (ISSUER, "ü"), ("", "ada")]
        {
            let refusal = resolved(&world, &acme, issuer, subject).await;
            let refused = matches!(&refusal, Err(IdentityError::Failure(f)) if f.kind == FailureKind::InvalidRequest);
            assert!(refused, "{subject:?}: {refusal:?}");
        }
        let ada = resolved(&world, &acme, ISSUER, "ada").await.unwrap();
        let browser = world.browser("acme");
        for password in ["", "correct horse battery"] {
            let refused = browser.fill("/identity/sign-in", &format!("{ada}@no-address.invalid"), password).await;
            assert_eq!(refused.status().as_u16(), 422);
        }
    })
    .await;
}
