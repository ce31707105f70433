//! Certificates of a test's own.

use std::fs;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

use crate::dir::OwnDir;

/// An authority, with the files of what it has issued.
#[derive(Debug)]
pub struct Authority {
    dir: OwnDir,
    issuer: Issuer<'static, KeyPair>,
}

/// The files of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Papers {
    /// The certificate.
    pub cert: String,
    /// Its key.
    pub key: String,
}

/// When a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// At the time of the test.
    Now,
    /// Until ten days before it.
    Past,
    /// From ten days after it.
    Future,
}

const DAY: Duration = Duration::from_secs(86_400);

impl Authority {
    /// A new one, which nobody knows.
    ///
    /// # Panics
    ///
    /// If its files cannot be written.
    pub fn new() -> Self {
        let dir = OwnDir::new();
        let key = KeyPair::generate().expect("a key");
        let mut params = params(&[], "Authority of a test", Validity::Now);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).expect("right parameters");
        fs::write(dir.path("ca.crt"), certificate.pem()).expect("a file");
        let issuer = Issuer::new(params, key);
        Authority { dir, issuer }
    }

    /// The file with its own certificate.
    pub fn ca(&self) -> String {
        self.path("ca.crt")
    }

    /// A path where its files are.
    pub fn path(&self, name: &str) -> String {
        self.dir.path(name).display().to_string()
    }

    /// Papers of a server for `localhost` and loopback addresses.
    pub fn server(&self) -> Papers {
        let names = ["localhost", "127.0.0.1", "::1"];
        self.issue("server", &names, "the server", Validity::Now)
    }

    /// Papers of a client with this name.
    pub fn client(&self, name: &str) -> Papers {
        self.issue(name, &[], name, Validity::Now)
    }

    /// Papers in `file.crt` and `file.key`, over those that may be there.
    ///
    /// # Panics
    ///
    /// If they cannot be made.
    pub fn issue(&self, file: &str, names: &[&str], subject: &str, validity: Validity) -> Papers {
        let key = KeyPair::generate().expect("a key");
        let mut params = params(names, subject, validity);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![match names {
            [] => ExtendedKeyUsagePurpose::ClientAuth,
            _ => ExtendedKeyUsagePurpose::ServerAuth,
        }];
        let certificate = params.signed_by(&key, &self.issuer);
        let papers = Papers {
            cert: self.path(&format!("{file}.crt")),
            key: self.path(&format!("{file}.key")),
        };
        fs::write(&papers.cert, certificate.expect("right parameters").pem()).expect("a file");
        fs::write(&papers.key, key.serialize_pem()).expect("a file");
        papers
    }
}

impl Default for Authority {
    fn default() -> Self {
        Authority::new()
    }
}

impl Papers {
    /// As options of an expression.
    pub fn options(&self) -> String {
        format!("cert={}&key={}", self.cert, self.key)
    }
}

fn params(names: &[&str], subject: &str, validity: Validity) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("right names");
    params.distinguished_name = Default::default();
    params
        .distinguished_name
        .push(DnType::OrganizationName, "Tests");
    params.distinguished_name.push(DnType::CommonName, subject);
    let now = SystemTime::now();
    let (from, until) = match validity {
        Validity::Now => (now - DAY, now + 30 * DAY),
        Validity::Past => (now - 30 * DAY, now - 10 * DAY),
        Validity::Future => (now + 10 * DAY, now + 30 * DAY),
    };
    params.not_before = from.into();
    params.not_after = until.into();
    params
}
