//! Certificates and keys in files, which are read again when they have changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rustls::RootCertStore;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::base::sync::lock;
use crate::base::sys::Stamp;
use crate::expr::Identity;

/// Something made of files, and made again when one of them has changed.
pub(super) struct Reloaded<T> {
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
    pub(super) fn new(
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
    pub(super) fn get(&self) -> Arc<T> {
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
    fs::read(path).map_err(|error| format!("cannot read {what} `{}`: {error}", path.display()))
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
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path, &what)? {
        roots.add(certificate).map_err(|error| {
            let path = path.display();
            format!("{what} `{path}`, has a certificate that is of no use: {error}")
        })?;
    }
    Ok(roots)
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
pub(super) type Own = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

pub(super) fn own(identity: &Identity) -> Result<Own, String> {
    let chain = certificates(Path::new(&identity.cert), "the file of `cert`,")?;
    let what = "the file of `key`,";
    let path = Path::new(&identity.key);
    let bytes = read(path, what)?;
    let path = path.display();
    match PrivateKeyDer::from_pem_slice(&bytes) {
        Ok(key) => Ok((chain, key)),
        Err(pem::Error::NoItemsFound) if is_locked(&bytes) => Err(format!(
            "the key in {what} `{path}`, is locked by a passphrase; unlock it with \
             `openssl pkey -in {path} -out ..`, and protect the file by its permissions"
        )),
        Err(pem::Error::NoItemsFound) => Err(format!(
            "there is no key in {what} `{path}`: it must be PEM, with \
             `-----BEGIN PRIVATE KEY-----`"
        )),
        // Its text might have something of the key.
        Err(_) => Err(format!("{what} `{path}`, is no right PEM")),
    }
}

fn is_locked(pem: &[u8]) -> bool {
    memchr::memmem::find(pem, b"BEGIN ENCRYPTED PRIVATE KEY").is_some()
}

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
