//! What went wrong with TLS, in words.

use std::io;

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

/// Which side we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

impl Side {
    fn other(self) -> &'static str {
        match self {
            Side::Client => "server",
            Side::Server => "client",
        }
    }
}

/// An error about what was said, and not about the connection.
pub(super) fn invalid(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

/// The end of a connection that nobody has announced.
pub(super) fn cut_off() -> io::Error {
    let text = "the connection ended without the farewell of TLS (close_notify): it may have \
                been cut off, and something may be missing";
    io::Error::new(io::ErrorKind::UnexpectedEof, text)
}

/// An error of the connection within the handshake. `asked` says that a server has asked for
/// a certificate.
pub(super) fn in_handshake(side: Side, asked: bool, error: io::Error) -> io::Error {
    let other = side.other();
    let what = match error.kind() {
        io::ErrorKind::UnexpectedEof => "ended",
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => "reset",
        _ => return error,
    };
    let text = match side {
        Side::Client if asked => format!(
            "the {other} {what} the connection when it was to look at our certificate; it \
             wants a right one, by `?cert=..&key=..`"
        ),
        Side::Client => format!(
            "the {other} {what} the connection within the handshake of TLS; does it speak TLS? \
             Otherwise connect without, by `tcp:`, `ws:`, `http:`, `nats:` or `mqtt:`"
        ),
        Side::Server => format!("the {other} {what} the connection within the handshake of TLS"),
    };
    io::Error::new(error.kind(), text)
}

/// What rustls says.
pub(super) fn trouble(side: Side, handshaking: bool, error: &Error) -> io::Error {
    let other = side.other();
    let text = match error {
        Error::InvalidMessage(wrong) if handshaking && is_no_tls(wrong) => match side {
            Side::Client => String::from(
                "the server does not speak TLS, but something else, perhaps plain text; \
                 connect without TLS, by `tcp:`, `ws:`, `http:`, `nats:` or `mqtt:`, or have the server speak it (by \
                 `tlsserv:` or `wssserv:`, if it is ours)",
            ),
            Side::Server => String::from(
                "the client does not speak TLS, but something else, perhaps plain text; it \
                 has to connect by `tls:` or `wss:` (or `https:`)",
            ),
        },
        Error::InvalidCertificate(why) => certificate(side, why),
        Error::NoCertificatesPresented => String::from(
            "the client has shown no certificate, which it needs here; it has to give one, by \
             `?cert=..&key=..`",
        ),
        Error::AlertReceived(alert) => format!("the {other} says: {}", told(side, *alert)),
        Error::PeerIncompatible(why) => {
            format!(
                "nothing in common with the {other} in TLS: {}",
                spaced(&format!("{why:?}"))
            )
        }
        Error::NoApplicationProtocol => format!("the {other} wants another protocol over TLS"),
        Error::DecryptError => format!("what the {other} sent was changed on its way"),
        error => format!("the {other} breaks the rules of TLS: {error}"),
    };
    invalid(text)
}

/// Whether it is nothing that anybody who speaks TLS would begin with.
fn is_no_tls(wrong: &InvalidMessage) -> bool {
    matches!(
        wrong,
        InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion
    )
}

/// What is wrong with the other side's certificate.
fn certificate(side: Side, why: &CertificateError) -> String {
    let other = side.other();
    let given = match side {
        Side::Client => "ca",
        Side::Server => "client_ca",
    };
    match why {
        CertificateError::Expired => format!("the certificate of the {other} has expired"),
        CertificateError::ExpiredContext { time, not_after } => {
            let since = time.as_secs().saturating_sub(not_after.as_secs());
            format!(
                "the certificate of the {other} has expired {} ago; it needs a new one, or \
                 the clock of this machine is wrong",
                rough(since)
            )
        }
        CertificateError::NotValidYet => {
            format!("the certificate of the {other} is not valid yet; is the clock right?")
        }
        CertificateError::NotValidYetContext { time, not_before } => {
            let left = not_before.as_secs().saturating_sub(time.as_secs());
            format!(
                "the certificate of the {other} is valid only in {}; is the clock of this \
                 machine right?",
                rough(left)
            )
        }
        CertificateError::NotValidForName => {
            format!("the certificate of the {other} is for another name")
        }
        CertificateError::NotValidForNameContext {
            expected,
            presented,
        } => {
            let presented: Vec<&str> = presented.iter().map(|name| shown(name)).collect();
            let names = match presented.as_slice() {
                [] => String::from("for no name of a host at all"),
                names => format!("for {}", names.join(", ")),
            };
            format!(
                "the certificate of the {other} is not for `{}`, but {names}; connect by the \
                 right name, or say which one to verify, by `?name=..` \
                 (`?server_name=..` of `mqtts:` and `nats+tls:`; `https:` takes the name that it calls)",
                expected.to_str()
            )
        }
        CertificateError::UnknownIssuer => format!(
            "the certificate of the {other} is from an authority that is not known here; if \
             it is to be believed, put the authority's certificate into the file of \
             `?{given}=..`"
        ),
        CertificateError::BadSignature => {
            format!("the certificate of the {other} was not signed by the authority that it names")
        }
        CertificateError::Revoked => format!("the certificate of the {other} was revoked"),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            format!("the certificate of the {other} is not meant to be one of a {other}")
        }
        CertificateError::Other(error) if error.to_string().contains("CaUsedAsEndEntity") => {
            format!(
                "the certificate of the {other} is one of an authority (CA:TRUE), which cannot \
                 be a {other} at the same time; make it with `-addext \
                 basicConstraints=critical,CA:FALSE`"
            )
        }
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => format!(
            "the certificate of the {other} was signed in a way, or with a curve, that cannot be \
             verified here; take one of Ed25519, of ECDSA with P-256 or P-384, or of RSA"
        ),
        why => format!("the certificate of the {other} cannot be verified: {why:?}"),
    }
}

/// What the other side tells us by an alert (RFC 8446, section 6.2).
fn told(side: Side, alert: AlertDescription) -> String {
    let own = match side {
        Side::Client => "give one by `?cert=..&key=..`",
        Side::Server => "the server has one by `?cert=..&key=..`",
    };
    let text = match alert {
        AlertDescription::CertificateRequired => {
            return format!("it needs a certificate of ours; {own}");
        }
        AlertDescription::UnknownCA => {
            "the authority that issued our certificate is not known there"
        }
        AlertDescription::CertificateExpired => "our certificate has expired",
        AlertDescription::CertificateRevoked => "our certificate was revoked",
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateUnknown => {
            "it does not accept our certificate; is it for the right name, and for this purpose?"
        }
        AlertDescription::AccessDenied => "our certificate is right, and may not connect",
        AlertDescription::ProtocolVersion => "it speaks neither TLS 1.2 nor TLS 1.3",
        AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => {
            return format!("nothing in common in TLS, or it needs a certificate of ours; {own}");
        }
        AlertDescription::UnrecognisedName => "it is not known by the name that we called",
        AlertDescription::NoApplicationProtocol => "it speaks another protocol over TLS",
        AlertDescription::BadRecordMac | AlertDescription::DecryptError => {
            "what we sent was changed on its way"
        }
        other => return spaced(&format!("{other:?}")),
    };
    text.to_owned()
}

/// `NoCipherSuitesInCommon` as words.
fn spaced(name: &str) -> String {
    let mut words = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(c.to_ascii_lowercase());
    }
    words
}

/// A name as rustls shows it, `DnsName("a.example")`, without what is around it.
fn shown(name: &str) -> &str {
    let inside = name
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'));
    inside.unwrap_or(name)
}

fn rough(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} seconds"),
        120..7200 => format!("{} minutes", seconds / 60),
        7200..172_800 => format!("{} hours", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}
