//! Which connections stand, and what happens to them when certificates change.

use std::{sync::Arc, time::Duration};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use tessera_mtls::Mtls;
use tokio_util::sync::CancellationToken;

use crate::world::{Deployment, Listening, whoami};

#[tokio::test]
async fn modules_of_one_deployment_know_each_other_by_name() {
    let deployment = Deployment::new("tessera.internal");
    let (entitlement, playback) = (deployment.module("entitlement"), deployment.module("playback"));
    let listening = Listening::new(&entitlement).await;
    assert_eq!(listening.ask(playback.client("entitlement")).await.unwrap(), "playback");
    deployment.issue("front", &["edge", "playback"]);
    let front = Mtls::open(deployment.files("front")).unwrap();
    assert_eq!(listening.ask(front.client("entitlement")).await.unwrap(), "edge,playback");
    assert_eq!(front.modules().into_iter().collect::<Vec<_>>(), ["edge", "playback"]);
}

#[tokio::test]
async fn a_server_that_is_another_module_is_not_asked() {
    let deployment = Deployment::new("tessera.internal");
    let (billing, playback) = (deployment.module("billing"), deployment.module("playback"));
    let listening = Listening::new(&billing).await;
    let refused = listening.ask(playback.client("entitlement")).await.unwrap_err().to_string();
    for named in ["spiffe://tessera.internal/module/entitlement was wanted", "spiffe://tessera.internal/module/billing"]
    {
        assert!(refused.contains(named), "{refused}");
    }
}

#[tokio::test]
async fn another_authority_and_another_trust_domain_are_strangers() {
    let (ours, theirs) = (Deployment::new("tessera.internal"), Deployment::new("tessera.internal"));
    let entitlement = ours.module("entitlement");
    let listening = Listening::new(&entitlement).await;
    let stranger = theirs.module("playback");
    let refused = listening.ask(stranger.client("entitlement")).await.unwrap_err().to_string();
    assert!(refused.contains("UnknownIssuer"), "the client refuses the server: {refused}");

    // Who believes both authorities still shows a certificate of the wrong one.
    let both = theirs.folder.path().join("both.pem");
    let pem = |folder: &std::path::Path| std::fs::read_to_string(folder.join("authority.pem")).unwrap();
    std::fs::write(&both, pem(ours.folder.path()) + &pem(theirs.folder.path())).unwrap();
    let mut files = theirs.files("playback");
    files.authority = both;
    let refused = listening.ask(Mtls::open(files).unwrap().client("entitlement")).await.unwrap_err().to_string();
    assert!(refused.contains("unknown certificate authority") || refused.contains("UnknownCA"), "{refused}");

    let test = Deployment::new("test.internal");
    test.issue("playback", &["playback"]);
    let all = test.folder.path().join("all.pem");
    std::fs::write(&all, pem(ours.folder.path()) + &pem(test.folder.path())).unwrap();
    let mut files = test.files("playback");
    files.authority = all;
    let refused = listening.ask(Mtls::open(files).unwrap().client("entitlement")).await.unwrap_err().to_string();
    assert!(refused.contains("names no module of the trust domain test.internal"), "{refused}");
}

#[tokio::test]
async fn without_a_certificate_nobody_is_answered() {
    let deployment = Deployment::new("tessera.internal");
    let listening = Listening::new(&deployment.module("entitlement")).await;
    let pem = std::fs::read(deployment.folder.path().join("authority.pem")).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&pem).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let nobody = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let nobody = nobody.with_root_certificates(roots).with_no_client_auth();
    // A certificate names no host, so this client could not even know the server; take its name out of the question.
    let mut nobody = nobody;
    nobody.dangerous().set_certificate_verifier(Arc::new(Believes));
    let refused = listening.ask(nobody).await.unwrap_err().to_string();
    assert!(refused.contains("CertificateRequired"), "{refused}");
}

/// Believes every server: what is tried is what the server believes.
#[derive(Debug)]
struct Believes;

impl rustls::client::danger::ServerCertVerifier for Believes {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &rustls::pki_types::ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }
    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }
    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// The certificate that the server shows on a new connection.
async fn shown(listening: &Listening, config: ClientConfig) -> Vec<u8> {
    let stream = listening.connect(config).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

#[tokio::test]
async fn a_new_certificate_is_used_from_the_next_connection_on_and_the_old_connection_goes_on() {
    let deployment = Deployment::new("tessera.internal");
    let (entitlement, playback) = (deployment.module("entitlement"), deployment.module("playback"));
    let stop = CancellationToken::new();
    let watching = tokio::spawn(entitlement.clone().watch(Duration::from_millis(5), stop.clone()));
    let listening = Listening::new(&entitlement).await;
    let mut standing = listening.connect(playback.client("entitlement")).await.unwrap();
    assert_eq!(whoami(&mut standing).await.unwrap(), "playback");

    let before = shown(&listening, playback.client("entitlement")).await;
    deployment.issue("entitlement", &["entitlement", "billing"]);
    while shown(&listening, playback.client("entitlement")).await == before {
        tokio::task::yield_now().await;
    }
    assert_eq!(entitlement.modules().len(), 2);
    assert_eq!(whoami(&mut standing).await.unwrap(), "playback", "the connection stands");

    // What cannot be used is not: the last certificate that could is shown on.
    let (key, good) = (deployment.files("entitlement").key, shown(&listening, playback.client("billing")).await);
    std::fs::write(&key, "no key").unwrap();
    assert!(entitlement.reload().is_err());
    assert_eq!(shown(&listening, playback.client("billing")).await, good);
    stop.cancel();
    watching.await.unwrap();
}

#[tokio::test]
async fn one_authority_can_take_the_place_of_another() {
    let (old, new) = (Deployment::new("tessera.internal"), Deployment::new("tessera.internal"));
    let (entitlement, playback) = (old.module("entitlement"), old.module("playback"));
    let listening = Listening::new(&entitlement).await;
    new.issue("playback", &["playback"]);
    // First both are believed, then a client shows a certificate of the new one.
    let pem = |of: &Deployment| std::fs::read_to_string(of.folder.path().join("authority.pem")).unwrap();
    std::fs::write(old.folder.path().join("authority.pem"), pem(&old) + &pem(&new)).unwrap();
    entitlement.reload().unwrap();
    playback.reload().unwrap();
    let mut files = old.files("playback");
    (files.certificate, files.key) = (new.files("playback").certificate, new.files("playback").key);
    let renewed = Mtls::open(files).unwrap();
    for client in [playback.client("entitlement"), renewed.client("entitlement")] {
        assert_eq!(listening.ask(client).await.unwrap(), "playback");
    }
}
