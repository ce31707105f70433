//! What keeps a connection to a server, and how it knows it.

use std::fs;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ureq::Agent;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

use crate::base::mark::text_of_file;
use crate::expr::{ClientTls, Hidden};

use super::Target;

/// Makes agents, each of which has a connection of its own.
pub(super) struct Agents {
    tls: Option<TlsConfig>,
    connect: Duration,
}

impl Agents {
    /// # Errors
    ///
    /// When certificates cannot be read.
    pub(super) fn new(tls: Option<&ClientTls>, connect: Duration) -> Result<Self, String> {
        Ok(Agents {
            tls: tls.map(config).transpose()?,
            connect,
        })
    }

    pub(super) fn one(&self) -> Agent {
        let mut config = Agent::config_builder()
            .user_agent(concat!("quickrpc/", env!("CARGO_PKG_VERSION")))
            // What a server answers to whom it refuses is told.
            .http_status_as_error(false)
            // A call is not made again elsewhere, with all that it says.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(self.connect))
            .max_idle_connections(1);
        if let Some(tls) = &self.tls {
            config = config.tls_config(tls.clone());
        }
        config.build().new_agent()
    }
}

fn config(tls: &ClientTls) -> Result<TlsConfig, String> {
    if tls.name.is_some() {
        return Err(String::from("`name` is for `tls` and `wss` only"));
    }
    let roots = match &tls.ca {
        Some(file) => certificates(file)?,
        None => {
            let found = rustls_native_certs::load_native_certs();
            let roots = found
                .certs
                .iter()
                .map(|one| Certificate::from_der(one).to_owned());
            roots.collect()
        }
    };
    let mut config = TlsConfig::builder().root_certs(RootCerts::from(roots));
    if let Some(identity) = &tls.identity {
        let key = pem(&identity.key)?;
        let key = PrivateKey::from_pem(&key)
            .map_err(|error| format!("the key `{}`: {error}", identity.key))?;
        let chain = certificates(&identity.cert)?;
        config = config.client_cert(Some(ClientCert::new_with_certs(&chain, key)));
    }
    Ok(config.build())
}

fn certificates(file: &str) -> Result<Vec<Certificate<'static>>, String> {
    let bytes = pem(file)?;
    let found = ureq::tls::parse_pem(&bytes).filter_map(|item| match item {
        Ok(ureq::tls::PemItem::Certificate(one)) => Some(Ok(one)),
        Ok(_) => None,
        Err(error) => Some(Err(format!("the certificates of `{file}`: {error}"))),
    });
    let found: Vec<_> = found.collect::<Result<_, _>>()?;
    match found.is_empty() {
        true => Err(format!("there is no certificate in `{file}`")),
        false => Ok(found),
    }
}

fn pem(file: &str) -> Result<Vec<u8>, String> {
    fs::read(file).map_err(|error| format!("`{file}` cannot be read: {error}"))
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
