//! Whom a certificate was issued to.

use rustls::pki_types::CertificateDer;
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::ext::pkix::name::DirectoryString;

use crate::base::security::SecInfo;

/// The whole subject, as RFC 4514 writes it.
const SUBJECT: &str = "subject";
/// Its common name, if it has just one.
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
    let mut names = subject
        .iter()
        .filter(|part| part.oid == COMMON_NAME_OID)
        .map(|part| DirectoryString::try_from(&part.value));
    // Of several, nobody can say which one is meant; the subject has them all.
    if let (Some(Ok(name)), None) = (names.next(), names.next()) {
        info.insert(COMMON_NAME.to_owned(), name.value().into_owned());
    }
    Ok(info)
}

/// RFC 4519, section 2.3.
const COMMON_NAME_OID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
