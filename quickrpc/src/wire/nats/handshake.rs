//! The beginning of a connection: INFO, CONNECT, PING, PONG.

use serde::Serialize;

use super::PING;
use super::info::Info;
use super::login::Login;
use super::reader::{Event, Reader};
use crate::format::text::{Json, write};

/// One beginning, as a state machine without I/O.
#[derive(Debug)]
pub(crate) struct Handshake {
    login: Login,
    tls: Tls,
    name: String,
    /// We have said who we are.
    introduced: bool,
    reader: Reader,
    info: Option<Box<Info>>,
}

/// Whether the connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tls {
    /// It is not.
    Never,
    /// It is behind what the broker says first.
    BehindInfo,
    /// It is from the beginning, or by now.
    Begun,
}

/// What comes of more input.
#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    Wait,
    /// To be sent; then it goes on.
    Say(Vec<u8>),
    /// TLS begins here; then it goes on.
    Secure,
    /// We are in.
    Done(Box<Info>),
    /// We are not, for this reason.
    Refused(String),
}

/// What is said at the beginning.
#[derive(Serialize)]
struct Connect<'a> {
    verbose: bool,
    pedantic: bool,
    echo: bool,
    headers: bool,
    no_responders: bool,
    protocol: u8,
    tls_required: bool,
    lang: &'static str,
    version: &'static str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pass: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nkey: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwt: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sig: Option<String>,
}

/// No message comes before we have subscribed to something.
const LARGEST: usize = 0;

impl Handshake {
    pub(crate) fn new(login: Login, tls: Tls, name: &str) -> Self {
        Handshake {
            login,
            tls,
            name: name.to_owned(),
            introduced: false,
            reader: Reader::default(),
            info: None,
        }
    }

    /// Whether something is said in the plain before TLS begins.
    pub(crate) fn is_plain_first(&self) -> bool {
        self.tls == Tls::BehindInfo
    }

    /// Goes on with what has come, as far as it is enough for.
    pub(crate) fn advance(&mut self, input: &mut Vec<u8>) -> Step {
        if self.info.is_some() && !self.introduced {
            // Behind the beginning of TLS, before which the broker has said what it is.
            return self.connect();
        }
        loop {
            let (taken, event) = match self.reader.next(input, LARGEST) {
                Ok(next) => next,
                Err(why) => return Step::Refused(format!("it is no NATS server: {why}")),
            };
            let step = match event {
                Event::Incomplete => return Step::Wait,
                Event::Nothing => None,
                Event::Ping if self.is_plain_first() => Some(Step::Refused(
                    "it wants an answer before TLS begins".to_owned(),
                )),
                Event::Ping => Some(Step::Say(super::PONG.to_vec())),
                Event::Info(info) => match self.info.replace(info) {
                    // Another one may come at any time.
                    Some(_) => None,
                    None => Some(self.connect()),
                },
                Event::Pong => match self.info.take() {
                    Some(info) => Some(Step::Done(info)),
                    None => Some(Step::Refused("it answers before it was asked".to_owned())),
                },
                Event::Error(text) => Some(Step::Refused(match text {
                    "Authorization Violation" => {
                        "the broker refuses this login (`Authorization Violation`); give \
                         `user=..&password_file=..`, `token_file=..`, `nkey_file=..` or \
                         `creds_file=..` as the broker wants it"
                            .to_owned()
                    }
                    text => format!("the broker says `{text}`"),
                })),
                Event::Message(_) | Event::Part | Event::TooLarge { .. } => Some(Step::Refused(
                    "it sends messages before it is asked".to_owned(),
                )),
            };
            input.drain(..taken);
            if let Some(Step::Secure) = step
                && !input.is_empty()
            {
                // It would be taken for something that has come encrypted.
                return Step::Refused("it says more before TLS begins than it may".to_owned());
            }
            if let Some(step) = step {
                return step;
            }
        }
    }

    fn connect(&mut self) -> Step {
        let Some(info) = &self.info else {
            return Step::Wait;
        };
        match self.tls {
            Tls::Never if info.tls_required => {
                let text = "the broker wants TLS, which is `nats+tls:` in the place of `nats:` \
                            (with `?ca=..`, where the authority of its certificate is not known here)";
                return Step::Refused(text.to_owned());
            }
            Tls::BehindInfo if info.tls_required || info.tls_available => {
                self.tls = Tls::Begun;
                return Step::Secure;
            }
            Tls::BehindInfo => {
                let text = "the broker has no TLS, which `nats+tls:` wants; set up `tls { .. }` in \
                            its configuration, or connect by `nats:`";
                return Step::Refused(text.to_owned());
            }
            Tls::Never | Tls::Begun => {}
        }
        if !info.headers {
            let version = &info.version;
            let text = format!(
                "the broker (version {version}) has no headers, so that it cannot say that nobody \
                 listens; NATS 2.2 or later is needed"
            );
            return Step::Refused(text);
        }
        let (mut user, mut pass, mut auth_token, mut signed) = (None, None, None, None);
        match &self.login {
            Login::None => {}
            Login::User {
                user: name,
                password,
            } => {
                (user, pass) = (Some(name.as_str()), Some(password.as_str()));
            }
            Login::Token(token) => auth_token = Some(token.as_str()),
            Login::Key(key) => match key.sign(&info.nonce) {
                Ok(it) => signed = Some(it),
                Err(why) => return Step::Refused(why),
            },
        }
        let (nkey, jwt, sig) = match signed {
            Some(signed) => (signed.nkey, signed.jwt, Some(signed.signature)),
            None => (None, None, None),
        };
        let connect = Connect {
            verbose: false,
            pedantic: false,
            echo: false,
            headers: true,
            no_responders: true,
            protocol: 1,
            tls_required: self.tls == Tls::Begun,
            lang: "rust",
            version: env!("CARGO_PKG_VERSION"),
            name: &self.name,
            user,
            pass,
            auth_token,
            nkey,
            jwt,
            sig,
        };
        let mut out = b"CONNECT ".to_vec();
        if let Err(error) = write(&mut out, Json, &connect) {
            return Step::Refused(format!("the login cannot be written: {error}"));
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(PING);
        self.introduced = true;
        Step::Say(out)
    }
}
