//! What keeps a connection to a server, and how it knows it.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use ureq::Agent;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

use crate::base::mark::text_of_file;
use crate::carrier::tls::{Given, Reloaded};
use crate::expr::{ClientTls, Hidden};

use super::Target;

/// Makes agents, each of which has a connection of its own.
pub(super) struct Agents {
    tls: Option<Reloaded<TlsConfig>>,
    connect: Duration,
}

/// What keeps one connection.
pub(super) struct Line {
    pub(super) agent: Agent,
    /// As the files were when it was made.
    tls: Option<Arc<TlsConfig>>,
}

impl Agents {
    /// # Errors
    ///
    /// When certificates cannot be read.
    pub(super) fn new(tls: Option<&ClientTls>, connect: Duration) -> Result<Self, String> {
        Ok(Agents {
            tls: tls.map(reloaded).transpose()?,
            connect,
        })
    }

    /// One whose files are as they are now, where those of this one are not.
    pub(super) fn newer(&self, than: &Line) -> Option<Line> {
        let (tls, old) = (self.tls.as_ref()?.get(), than.tls.as_ref()?);
        (!Arc::ptr_eq(&tls, old)).then(|| self.one())
    }

    pub(super) fn one(&self) -> Line {
        let tls = self.tls.as_ref().map(Reloaded::get);
        let mut config = Agent::config_builder()
            .user_agent(concat!("quickrpc/", env!("CARGO_PKG_VERSION")))
            // What a server answers to whom it refuses is told.
            .http_status_as_error(false)
            // A call is not made again elsewhere, with all that it says.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(self.connect))
            .max_idle_connections(1);
        if let Some(tls) = &tls {
            config = config.tls_config(TlsConfig::clone(tls));
        }
        let agent = config.build().new_agent();
        Line { agent, tls }
    }
}

/// # Errors
///
/// When certificates and keys are not there, or not right.
fn reloaded(tls: &ClientTls) -> Result<Reloaded<TlsConfig>, String> {
    if tls.name.is_some() {
        return Err(String::from("`name` is for `tls` and `wss` only"));
    }
    let read = tls.clone();
    Reloaded::new(Given::files(tls), move || config(&read))
}

fn config(tls: &ClientTls) -> Result<TlsConfig, String> {
    let given = Given::read(tls)?;
    let certificates = |all: Vec<CertificateDer<'static>>| -> Vec<_> {
        let own = |one: &CertificateDer<'_>| Certificate::from_der(one).to_owned();
        all.iter().map(own).collect()
    };
    let roots = RootCerts::from(certificates(given.authorities));
    let mut config = TlsConfig::builder().root_certs(roots);
    if let Some((chain, key)) = given.own {
        // Of DER, it would have to be told which kind it is by a name that `ureq` keeps to itself.
        let key = PrivateKey::from_pem(pem(&key).as_bytes())
            .map_err(|_| String::from("the key of `key` is of a kind that cannot be used here"))?;
        let own = ClientCert::new_with_certs(&certificates(chain), key);
        config = config.client_cert(Some(own));
    }
    Ok(config.build())
}

fn pem(key: &PrivateKeyDer<'_>) -> String {
    let kind = match key {
        PrivateKeyDer::Pkcs1(_) => "RSA PRIVATE KEY",
        PrivateKeyDer::Sec1(_) => "EC PRIVATE KEY",
        _ => "PRIVATE KEY",
    };
    let text = STANDARD.encode(key.secret_der());
    format!("-----BEGIN {kind}-----\n{text}\n-----END {kind}-----\n")
}

impl Target {
    /// Who we say we are.
    ///
    /// # Errors
    ///
    /// When the secret is not there.
    pub(super) fn authorization(&self) -> Result<Option<Hidden>, String> {
        if let Some(name) = &self.token_env {
            // Without the error's text, which may show the value.
            let token = std::env::var(name)
                .map_err(|_| format!("the environment variable `{name}` has no token"))?;
            return sayable(format!("Bearer {}", token.trim())).map(Some);
        }
        let (Some(user), Some(file)) = (&self.user, &self.password_file) else {
            return Ok(None);
        };
        let wrong = |why: String| format!("the password of `{file}`: {why}");
        let bytes = fs::read(file).map_err(|error| wrong(error.to_string()))?;
        let password = text_of_file(&bytes).map_err(|why| wrong(why.to_string()))?;
        let password = password.trim_end_matches(['\r', '\n']);
        let login = STANDARD.encode(format!("{user}:{password}"));
        sayable(format!("Basic {login}")).map(Some)
    }
}

fn sayable(text: String) -> Result<Hidden, String> {
    match text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        true => Ok(Hidden::new(text)),
        false => Err(String::from(
            "the token has a character that no header can have",
        )),
    }
}
