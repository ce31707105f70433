//! Signed messages made by hand, as `docs/security.md` describes them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::secrets::secret;
use crate::telnet::Telnet;

/// The call by which a side asks the other to prove who it is.
const HELLO: &str = r#"{"jsonrpc":"2.0","method":"rpc.hello","params":{},"id":9007199254740991}"#;

/// One side of a connection with `hmac:`, with fields that can be set to anything.
#[derive(Debug, Clone)]
pub struct Signer {
    /// Who signs.
    pub user: String,
    /// For whom.
    pub to: String,
    /// The secret.
    pub secret: Vec<u8>,
    /// Our session.
    pub session: String,
    /// The peer's session.
    pub peer: String,
    /// The counter of the next message.
    pub counter: u64,
    /// The time of the messages, in microseconds since 1970.
    pub time: u64,
}

impl Signer {
    /// A user with the secret of its own name, before it knows the peer's session.
    pub fn new(user: &str, to: &str) -> Self {
        Signer {
            user: user.to_owned(),
            to: to.to_owned(),
            secret: secret(user),
            session: format!("session-of-{user}"),
            peer: String::new(),
            counter: 1,
            time: 0,
        }
    }

    /// The same at the other end of a connection, whose greeting is read.
    ///
    /// # Panics
    ///
    /// If no greeting comes.
    #[track_caller]
    pub fn greeted(mut self, wire: &mut Telnet) -> Self {
        let header = wire.json();
        assert_eq!(header["method"], "rpc.secinfo", "{header}");
        assert_eq!(wire.until(0), HELLO.as_bytes());
        self.peer = header["params"]["session"]
            .as_str()
            .expect("text")
            .to_owned();
        self
    }

    /// Our own greeting.
    pub fn hello(&self) -> Vec<u8> {
        let params = json!({"user": self.user, "session": self.session});
        let header = json!({"jsonrpc": "2.0", "method": "rpc.secinfo", "params": params});
        format!("{header}\0{HELLO}\0").into_bytes()
    }

    /// The signature of a message with the fields as they are.
    pub fn mac(&self, payload: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).expect("any length");
        let fields = format!(
            "quickrpc-hmac-1\n{}\n{}\n{}\n{}\n{}\n{}\n",
            self.user, self.to, self.session, self.peer, self.counter, self.time
        );
        mac.update(fields.as_bytes());
        mac.update(payload);
        STANDARD.encode(mac.finalize().into_bytes())
    }

    /// The header of a message with the fields as they are.
    pub fn header(&self, payload: &[u8]) -> Value {
        json!({
            "user": self.user,
            "to": self.to,
            "session": self.session,
            "peer": self.peer,
            "counter": self.counter.to_string(),
            "time": self.time.to_string(),
            "mac": self.mac(payload),
        })
    }

    /// A message with this header, as it travels.
    pub fn telegrams(header: &Value, payload: &[u8]) -> Vec<u8> {
        let header = json!({"jsonrpc": "2.0", "method": "rpc.secinfo", "params": header});
        let mut bytes = format!("{header}\0").into_bytes();
        bytes.extend_from_slice(payload);
        bytes.push(0);
        bytes
    }

    /// A signed message; the next one has the next counter.
    pub fn sign(&mut self, message: &Value) -> Vec<u8> {
        let payload = message.to_string().into_bytes();
        let bytes = Signer::telegrams(&self.header(&payload), &payload);
        self.counter += 1;
        bytes
    }

    /// A signed call of `notify`.
    pub fn notify(&mut self, text: &str) -> Vec<u8> {
        self.sign(&json!({"jsonrpc": "2.0", "method": "notify", "params": {"text": text}}))
    }

    /// A signed call of `echo`.
    pub fn echo(&mut self, text: &str, id: u64) -> Vec<u8> {
        self.sign(&json!({"jsonrpc": "2.0", "method": "echo", "params": {"text": text}, "id": id}))
    }
}
