//! Whom a certificate was issued to.

use rustls::pki_types::CertificateDer;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use crate::security::SecInfo;

/// The whole subject, as RFC 4514 writes it.
const SUBJECT: &str = "subject";
/// Its common name.
const COMMON_NAME: &str = "cn";

/// What a certificate that was verified says of its owner.
///
/// # Errors
///
/// If that cannot be read.
pub(super) fn secinfo(certificate: &CertificateDer<'_>) -> Result<SecInfo, String> {
    let certificate = Certificate::from_der(certificate)
        .map_err(|error| format!("the subject of the certificate cannot be read: {error}"))?;
    let subject = certificate.tbs_certificate().subject();
    let mut info = SecInfo::from([(SUBJECT.to_owned(), subject.to_string())]);
    let name = subject
        .common_name()
        .map_err(|error| format!("the name in the certificate cannot be read: {error}"))?;
    if let Some(name) = name {
        info.insert(COMMON_NAME.to_owned(), name.value().into_owned());
    }
    Ok(info)
}
