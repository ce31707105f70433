//! Certificates, made when they are needed.

use std::path::PathBuf;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};

use crate::dir::OwnDir;

/// An authority, and a folder with what it has issued.
#[derive(Debug)]
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    dir: OwnDir,
}

/// The files of a certificate and its key.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The certificate.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

impl Identity {
    /// The two options of an expression.
    pub fn options(&self) -> String {
        format!("cert={}&key={}", self.cert.display(), self.key.display())
    }
}

impl Authority {
    /// One that nobody believes who is not told to.
    ///
    /// # Panics
    ///
    /// If the system gives no random numbers.
    pub fn new(name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        Authority::with(CertifiedIssuer::self_signed(authority(name), key))
    }

    /// One that another has made such.
    ///
    /// # Panics
    ///
    /// If the system gives no random numbers.
    pub fn issued_by(other: &Authority, name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        Authority::with(CertifiedIssuer::signed_by(
            authority(name),
            key,
            &other.issuer,
        ))
    }

    fn with(issuer: Result<CertifiedIssuer<'static, KeyPair>, rcgen::Error>) -> Self {
        let issuer = issuer.expect("a certificate");
        let dir = OwnDir::new();
        std::fs::write(dir.path("ca.pem"), issuer.pem()).expect("a folder");
        Authority { issuer, dir }
    }

    /// The file of its own certificate.
    pub fn file(&self) -> PathBuf {
        self.dir.path("ca.pem")
    }

    /// A path in its folder, which can stand in an expression.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path(name)
    }

    /// A server on this machine: `localhost`, and all addresses of tests.
    pub fn server(&self) -> Identity {
        self.issue("server", |params| {
            params.subject_alt_names = names(&["localhost"], &["127.0.0.1", "::1"]);
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        })
    }

    /// A server with this name alone.
    pub fn server_named(&self, name: &str) -> Identity {
        self.issue(name, |params| {
            params.subject_alt_names = names(&[name], &[]);
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        })
    }

    /// A server whose time is over.
    pub fn expired_server(&self) -> Identity {
        self.issue("expired", |params| {
            params.subject_alt_names = names(&["localhost"], &["127.0.0.1"]);
            params.not_before = date_time_ymd(2001, 1, 1);
            params.not_after = date_time_ymd(2002, 1, 1);
        })
    }

    /// A server whose time has not come.
    pub fn future_server(&self) -> Identity {
        self.issue("future", |params| {
            params.subject_alt_names = names(&["localhost"], &["127.0.0.1"]);
            params.not_before = date_time_ymd(2998, 1, 1);
            params.not_after = date_time_ymd(2999, 1, 1);
        })
    }

    /// A client with this common name, of the organisation `lab`.
    pub fn client(&self, name: &str) -> Identity {
        self.issue(name, |params| {
            params
                .distinguished_name
                .push(DnType::OrganizationName, "lab");
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        })
    }

    /// Any certificate, with this common name unless it is changed; its files begin with it.
    ///
    /// # Panics
    ///
    /// If the certificate is impossible, or the folder is gone.
    pub fn issue(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let identity = Identity {
            cert: self.dir.path(&format!("{name}.crt")),
            key: self.dir.path(&format!("{name}.key")),
        };
        self.issue_into(&identity, name, change);
        identity
    }

    /// The same into files that may be there already, as a renewal is.
    ///
    /// # Panics
    ///
    /// If the certificate is impossible, or the files cannot be written.
    pub fn issue_into(
        &self,
        identity: &Identity,
        name: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let cert = params.signed_by(&key, &self.issuer).expect("a certificate");
        std::fs::write(&identity.key, key.serialize_pem()).expect("a file");
        std::fs::write(&identity.cert, cert.pem()).expect("a file");
    }
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

/// What a certificate is for.
///
/// # Panics
///
/// If one of them is no name or no address.
pub fn names(hosts: &[&str], addresses: &[&str]) -> Vec<SanType> {
    let hosts = hosts.iter().map(|host| {
        let name = (*host).try_into().expect("a name");
        SanType::DnsName(name)
    });
    let addresses = addresses.iter().map(|address| {
        let address = address.parse().expect("an address");
        SanType::IpAddress(address)
    });
    hosts.chain(addresses).collect()
}
