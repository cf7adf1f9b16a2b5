//! An authority for a development or test deployment: a folder with its certificate and key, and with certificates and keys
//! of modules. In production an authority of your own issues the same kind of certificates.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::Duration,
};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use rustls::pki_types::CertificateDer;
use tessera_types::Timestamp;
use time::OffsetDateTime;

use crate::{ModuleId, MtlsError, TrustDomain, files, identity::modules_of};

const CERTIFICATE: &str = "authority.pem";
const KEY: &str = "authority-key.pem";
/// Clocks of machines differ: a certificate holds from a little before it was made.
const SKEW: Duration = Duration::from_secs(300);

/// A development authority in a folder.
pub struct Authority {
    folder: PathBuf,
    domain: TrustDomain,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate that was written, with its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The certificate; its key is beside it, `NAME-key.pem`.
    pub certificate: PathBuf,
    /// The modules it names.
    pub modules: Vec<String>,
    /// Until when it holds.
    pub until: Timestamp,
}

impl Authority {
    /// A new authority of `domain` in `folder`, which is made when it is not there.
    ///
    /// # Errors
    /// [`MtlsError::Exists`] when there is one; [`MtlsError::File`].
    pub fn init(folder: &Path, domain: TrustDomain, now: Timestamp, life: Duration) -> Result<Self, MtlsError> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(files::failed(folder))?;
        let (certificate, key) = (folder.join(CERTIFICATE), folder.join(KEY));
        if let Some(there) = [&certificate, &key].into_iter().find(|path| path.exists()) {
            return Err(MtlsError::Exists(there.clone()));
        }
        let pair = KeyPair::generate()?;
        let params = authority_params(&domain, &pair, now, life)?;
        let own = params.self_signed(&pair)?;
        files::write(&key, &pair.serialize_pem(), 0o600)?;
        files::write(&certificate, &own.pem(), 0o644)?;
        Ok(Self { folder: folder.to_owned(), domain, issuer: Issuer::new(params, pair) })
    }

    /// The authority in `folder`.
    ///
    /// # Errors
    /// [`MtlsError`] when there is none that [`Self::init`] made.
    pub fn open(folder: &Path, now: Timestamp) -> Result<Self, MtlsError> {
        let (certificate, key) = (folder.join(CERTIFICATE), folder.join(KEY));
        let own = files::certificates(&certificate)?;
        let domain = domain_of(&own[0]).ok_or_else(|| MtlsError::Nameless(certificate.clone()))?;
        let pair = KeyPair::try_from(&files::key(&key)?)?;
        // What an issuer puts into what it issues is its name and key; both are as they were.
        let params = authority_params(&domain, &pair, now, Duration::ZERO)?;
        Ok(Self { folder: folder.to_owned(), domain, issuer: Issuer::new(params, pair) })
    }

    /// Writes a certificate `NAME.pem` for `modules`, and its key `NAME-key.pem`, in place of those that are there.
    ///
    /// # Errors
    /// [`MtlsError`].
    pub fn issue(&self, name: &str, modules: &[String], now: Timestamp, life: Duration) -> Result<Written, MtlsError> {
        ModuleId::new(&self.domain, name)?; // the name of a file, too
        if [CERTIFICATE, KEY].contains(&format!("{name}.pem").as_str()) || name.ends_with("-key") || modules.is_empty()
        {
            return Err(MtlsError::Name(name.to_owned(), "certificate's name"));
        }
        let mut params = params(name, now, life)?;
        for module in modules {
            params.subject_alt_names.push(SanType::URI(ModuleId::new(&self.domain, module)?.to_string().try_into()?));
        }
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let pair = KeyPair::generate()?;
        let issued = params.signed_by(&pair, &self.issuer)?;
        let certificate = self.folder.join(format!("{name}.pem"));
        // A process that looks in between finds a key without its certificate, keeps what it has, and looks again.
        files::write(&self.folder.join(format!("{name}-key.pem")), &pair.serialize_pem(), 0o600)?;
        files::write(&certificate, &issued.pem(), 0o644)?;
        Ok(Written { certificate, modules: modules.to_vec(), until: now.plus(life) })
    }

    /// The certificates of modules in the folder: their names, and the modules they name.
    ///
    /// # Errors
    /// [`MtlsError::File`].
    pub fn issued(&self) -> Result<BTreeMap<String, Vec<String>>, MtlsError> {
        let mut found = BTreeMap::new();
        for entry in fs::read_dir(&self.folder).map_err(files::failed(&self.folder))? {
            let path = entry.map_err(files::failed(&self.folder))?.path();
            let Some(name) = path.file_name().and_then(|n| n.to_str()?.strip_suffix(".pem")) else { continue };
            if name == "authority" || name.ends_with("-key") {
                continue;
            }
            let modules = modules_of(&files::certificates(&path)?[0]);
            if modules.is_empty() || modules.iter().any(|id| id.domain != self.domain) {
                return Err(MtlsError::Nameless(path));
            }
            found.insert(name.to_owned(), modules.into_iter().map(|id| id.name).collect());
        }
        Ok(found)
    }
}

fn authority_params(
    domain: &TrustDomain,
    pair: &KeyPair,
    now: Timestamp,
    life: Duration,
) -> Result<CertificateParams, MtlsError> {
    let mut params = params("", now, life)?;
    // With its key in its name, two authorities of one trust domain are told apart.
    let key: String = params.key_identifier(pair).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let name = format!("Tessera development authority {key} of {domain}");
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.subject_alt_names = vec![SanType::URI(format!("spiffe://{domain}").try_into()?)];
    Ok(params)
}

fn params(name: &str, now: Timestamp, life: Duration) -> Result<CertificateParams, MtlsError> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = at(now.minus(SKEW));
    params.not_after = at(now.plus(life));
    Ok(params)
}

fn at(time: Timestamp) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(time.as_seconds()).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// The trust domain that an authority's certificate names (SPIFFE ID, 2.2: no path).
fn domain_of(certificate: &CertificateDer<'_>) -> Option<TrustDomain> {
    let certificate = webpki::EndEntityCert::try_from(certificate).ok()?;
    certificate.valid_uri_names().find_map(|uri| uri.strip_prefix("spiffe://")?.parse().ok())
}
