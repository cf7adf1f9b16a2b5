//! Whether the other side's certificate holds: issued by the authority, in its time, of the same trust domain.

use std::{fmt, sync::Arc};

use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor,
    },
    crypto::{verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::{
        ParsedCertificate,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};

use crate::{
    ModuleId, TrustDomain,
    credentials::{Current, provider},
    identity::modules_of,
};

/// Why a certificate that holds by itself does not hold here.
#[derive(thiserror::Error)]
enum Refusal {
    #[error("the certificate names no module of the trust domain {0}")]
    NoModule(TrustDomain),
    #[error("{wanted} was wanted, and the certificate is for {found}")]
    Another { wanted: ModuleId, found: String },
}

/// In words, since rustls writes a cause as it is debugged.
impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

fn refused(why: Refusal) -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(why))))
}

/// The modules that a certificate names, all of the trust domain `ours`.
fn modules_here(certificate: &CertificateDer<'_>, ours: &TrustDomain) -> Result<Vec<ModuleId>, Error> {
    let named = modules_of(certificate);
    match !named.is_empty() && named.iter().all(|id| id.domain == *ours) {
        true => Ok(named),
        false => Err(refused(Refusal::NoModule(ours.clone()))),
    }
}

/// Takes a server that is one module.
#[derive(Debug)]
pub(crate) struct OneModule {
    pub(crate) current: Current,
    pub(crate) name: String,
}

impl ServerCertVerifier for OneModule {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let current = self.current.get();
        let algorithms = provider().signature_verification_algorithms.all;
        let parsed = ParsedCertificate::try_from(end_entity)?;
        verify_server_cert_signed_by_trust_anchor(&parsed, &current.roots, intermediates, now, algorithms)?;
        let named = modules_here(end_entity, &current.domain)?;
        if named.iter().any(|id| id.name == self.name) {
            return Ok(ServerCertVerified::assertion());
        }
        let wanted = ModuleId { domain: current.domain.clone(), name: self.name.clone() };
        let found: Vec<String> = named.iter().map(ToString::to_string).collect();
        Err(refused(Refusal::Another { wanted, found: found.join(", ") }))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, signed, &provider().signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signed, &provider().signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}

/// Takes clients that are modules of the deployment.
#[derive(Debug)]
pub(crate) struct AnyModule {
    pub(crate) current: Current,
}

impl ClientCertVerifier for AnyModule {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[] // the authority may change while this stands; a client has one certificate to send
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let current = self.current.get();
        let verified = current.clients.verify_client_cert(end_entity, intermediates, now)?;
        modules_here(end_entity, &current.domain)?;
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, signed, &provider().signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signed, &provider().signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}
