//! Certificates and keys in files, which are read again when they have changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rustls::RootCertStore;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::base::mark::of_file;
use crate::base::sync::lock;
use crate::base::sys::Stamp;
use crate::expr::Identity;

/// Something made of files, and made again when one of them has changed.
pub(crate) struct Reloaded<T> {
    files: Vec<PathBuf>,
    make: Box<dyn Fn() -> Result<T, String> + Send + Sync>,
    current: Mutex<Current<T>>,
}

struct Current<T> {
    /// The files when it was made, or was tried to be.
    stamps: Vec<Option<Stamp>>,
    made: Arc<T>,
}

impl<T> Reloaded<T> {
    pub(crate) fn new(
        files: Vec<PathBuf>,
        make: impl Fn() -> Result<T, String> + Send + Sync + 'static,
    ) -> Result<Self, String> {
        // Before they are read, so that a change meanwhile is seen the next time.
        let stamps = stamps(&files);
        let made = Arc::new(make()?);
        Ok(Reloaded {
            files,
            make: Box::new(make),
            current: Mutex::new(Current { stamps, made }),
        })
    }

    /// What the files give now, or gave when they last were right.
    pub(crate) fn get(&self) -> Arc<T> {
        let mut current = lock(&self.current);
        let stamps = stamps(&self.files);
        if stamps != current.stamps {
            current.stamps = stamps;
            match (self.make)() {
                Ok(made) => {
                    current.made = Arc::new(made);
                    crate::base::log::info!(files = ?self.files, "certificates were read again");
                }
                Err(why) => crate::base::log::error!("the old certificates are kept: {why}"),
            }
        }
        Arc::clone(&current.made)
    }
}

fn stamps(files: &[PathBuf]) -> Vec<Option<Stamp>> {
    let stamp = |file: &PathBuf| Some(Stamp::of(&fs::metadata(file).ok()?));
    files.iter().map(stamp).collect()
}

fn read(path: &Path, what: &str) -> Result<Vec<u8>, String> {
    let read = fs::read(path);
    let bytes =
        read.map_err(|error| format!("cannot read {what} `{}`: {error}", path.display()))?;
    // What stands before the first line of PEM takes the first item away.
    match of_file(&bytes) {
        Ok(pem) => Ok(pem.to_vec()),
        Err(why) => Err(format!("{what} `{}`: {why}", path.display())),
    }
}

/// The certificates of a file.
fn certificates(path: &Path, what: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let bytes = read(path, what)?;
    let found: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(&bytes).collect();
    let path = path.display();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(format!(
            "there is no certificate in {what} `{path}`: it must be PEM, with \
             `-----BEGIN CERTIFICATE-----`; from DER, `openssl x509 -inform der` makes that"
        )),
        Err(error) => Err(format!("{what} `{path}` is no right PEM: {error}")),
    }
}

/// The authorities of a file, as `option` of the expression gives it.
pub(super) fn authorities(path: &Path, option: &str) -> Result<RootCertStore, String> {
    let what = format!("the file of `{option}`,");
    rooted(certificates(path, &what)?, path, &what)
}

fn rooted(
    certificates: Vec<CertificateDer<'static>>,
    path: &Path,
    what: &str,
) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate).map_err(|error| {
            let path = path.display();
            format!("{what} `{path}`, has a certificate that is of no use: {error}")
        })?;
    }
    Ok(roots)
}

/// The same as they are.
#[cfg(feature = "http")]
pub(super) fn authority_certificates(
    path: &Path,
    option: &str,
) -> Result<Vec<CertificateDer<'static>>, String> {
    let what = format!("the file of `{option}`,");
    let found = certificates(path, &what)?;
    rooted(found.clone(), path, &what)?;
    Ok(found)
}

/// The same of those that the system believes.
#[cfg(feature = "http")]
pub(super) fn system_certificates() -> Result<Vec<CertificateDer<'static>>, String> {
    let found = rustls_native_certs::load_native_certs().certs;
    if found.is_empty() {
        // Which says why.
        system_authorities()?;
    }
    Ok(found)
}

/// The authorities that the system believes.
pub(super) fn system_authorities() -> Result<RootCertStore, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // A few that are of no use are in many systems.
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added > 0 {
        return Ok(roots);
    }
    let why = found.errors.first();
    let why = why.map_or(String::new(), |error| format!(" ({error})"));
    Err(format!(
        "this system knows no authorities that certificates could be verified by{why}; \
         install them (Debian: `ca-certificates`), or name a file with `?ca=..`"
    ))
}

/// A certificate of one's own, with those between it and the authority, and its key.
pub(crate) type Own = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

pub(super) fn own(identity: &Identity) -> Result<Own, String> {
    let chain = certificates(Path::new(&identity.cert), "the file of `cert`,")?;
    let what = "the file of `key`,";
    let path = Path::new(&identity.key);
    let bytes = read(path, what)?;
    let path = path.display();
    match PrivateKeyDer::from_pem_slice(&bytes) {
        Ok(key) => match any_supported_type(&key) {
            Ok(_) => Ok((chain, key)),
            // Its text knows nothing of curves.
            Err(_) => Err(format!(
                "the key in {what} `{path}`, is {}, which cannot be used here; take one of \
                 Ed25519, of ECDSA with P-256 or P-384, or of RSA with 2048 to 4096 bits, such as \
                 `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256` makes, and a \
                 certificate for it",
                kind(&key)
            )),
        },
        Err(_) if is_locked(&bytes) => Err(format!(
            "the key in {what} `{path}`, is locked by a passphrase; unlock it with \
             `openssl pkey -in {path} -out ..`, and protect the file by its permissions"
        )),
        Err(pem::Error::NoItemsFound) if has(&bytes, "BEGIN OPENSSH PRIVATE KEY") => Err(format!(
            "the key in {what} `{path}`, is in the format of OpenSSH; TLS has keys in PEM, as \
             `ssh-keygen -p -m PEM -f ..` makes of a copy"
        )),
        Err(pem::Error::NoItemsFound) => Err(format!(
            "there is no key in {what} `{path}`: it must be PEM, with \
             `-----BEGIN PRIVATE KEY-----`"
        )),
        // Its text might have something of the key.
        Err(_) => Err(format!("{what} `{path}`, is no right PEM")),
    }
}

/// Whether it is a key with a passphrase, in PKCS#8 or as it was before (RFC 1421).
fn is_locked(pem: &[u8]) -> bool {
    has(pem, "BEGIN ENCRYPTED PRIVATE KEY") || has(pem, "Proc-Type: 4,ENCRYPTED")
}

fn has(bytes: &[u8], part: &str) -> bool {
    memchr::memmem::find(bytes, part.as_bytes()).is_some()
}

/// What sort of key it is that is of no use.
fn kind(key: &PrivateKeyDer<'_>) -> &'static str {
    if let PrivateKeyDer::Pkcs1(_) = key {
        return RSA;
    }
    let named = |(id, _): &&(&[u8], &str)| memchr::memmem::find(key.secret_der(), id).is_some();
    KINDS
        .iter()
        .find(named)
        .map_or("of an unknown kind", |(_, name)| name)
}

const RSA: &str = "an RSA key of another size";
/// Object identifiers as they are encoded, and what they stand for.
const KINDS: &[(&[u8], &str)] = &[
    (b"\x06\x05\x2b\x81\x04\x00\x23", "on the curve P-521"),
    (b"\x06\x05\x2b\x81\x04\x00\x21", "on the curve P-224"),
    (b"\x06\x05\x2b\x81\x04\x00\x0a", "on the curve secp256k1"),
    (
        b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x01",
        "on the curve P-192",
    ),
    (
        b"\x06\x09\x2b\x24\x03\x03\x02\x08\x01\x01",
        "on a Brainpool curve",
    ),
    (
        b"\x06\x07\x2a\x86\x48\xce\x3d\x01\x01",
        "on a curve with explicit parameters",
    ),
    (b"\x06\x03\x2b\x65\x71", "an Ed448 key"),
    (b"\x06\x03\x2b\x65\x6e", "an X25519 key, which cannot sign"),
    (b"\x06\x03\x2b\x65\x6f", "an X448 key, which cannot sign"),
    (b"\x06\x07\x2a\x86\x48\xce\x38\x04\x01", "a DSA key"),
    (b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01", RSA),
    (b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a", RSA),
];

/// What is wrong with one's own certificate and key.
pub(super) fn unfit(identity: &Identity, error: &rustls::Error) -> String {
    let Identity { cert, key } = identity;
    match error {
        rustls::Error::InconsistentKeys(_) => format!(
            "the key in `{key}` is not the one of the certificate in `{cert}`; the first \
             certificate in that file must be one's own"
        ),
        error => format!("the certificate in `{cert}` or its key in `{key}` is of no use: {error}"),
    }
}

impl<T> std::fmt::Debug for Reloaded<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reloaded({:?})", self.files)
    }
}
