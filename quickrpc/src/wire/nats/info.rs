//! What a broker says of itself.

use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer};

use crate::wire::codec::Span;
use crate::wire::jrpc;

/// The members of `INFO` that matter. What else is there is passed over.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Info {
    pub(crate) server_name: String,
    pub(crate) version: String,
    /// The largest payload that it takes.
    pub(crate) max_payload: usize,
    /// Whether it knows headers, without which it does not say that nobody listens.
    pub(crate) headers: bool,
    pub(crate) auth_required: bool,
    /// What a key has to sign; empty where none is asked for.
    pub(crate) nonce: String,
    pub(crate) tls_required: bool,
    /// TLS may be had.
    pub(crate) tls_available: bool,
    /// The other servers of its cluster, as `host:port`.
    pub(crate) connect_urls: Vec<String>,
    /// It will close the connection soon: there are other servers.
    #[serde(rename = "ldm")]
    pub(crate) lame_duck: bool,
}

impl Default for Info {
    fn default() -> Self {
        Info {
            server_name: String::new(),
            version: String::new(),
            max_payload: 1 << 20,
            headers: false,
            auth_required: false,
            nonce: String::new(),
            tls_required: false,
            tls_available: false,
            connect_urls: Vec::new(),
            lame_duck: false,
        }
    }
}

/// No cluster has more servers than are remembered.
const SERVERS: usize = 64;

impl Info {
    /// Reads what stands behind `INFO`.
    ///
    /// # Errors
    ///
    /// Where it is no JSON, or its members are of other types.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(text).map_err(|_| "it is not UTF-8".to_owned())?;
        let mut info: Info = read_json(text)?;
        info.connect_urls.truncate(SERVERS);
        Ok(info)
    }

    /// The other servers, as hosts and ports.
    pub(crate) fn servers(&self) -> Vec<(String, u16)> {
        let server = |url: &String| {
            let (host, port) = url.rsplit_once(':')?;
            let host = host.trim_start_matches('[').trim_end_matches(']');
            (!host.is_empty()).then_some((host.to_owned(), port.parse().ok()?))
        };
        self.connect_urls.iter().filter_map(server).collect()
    }
}

/// How deep the JSON of a broker may be nested.
const DEPTH: usize = 16;

/// Reads JSON.
pub(super) fn read_json<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    struct Seed<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for Seed<T> {
        type Value = T;

        fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
            T::deserialize(deserializer)
        }
    }
    let whole = Span::new(0..text.len()).ok_or("it is too long")?;
    jrpc::read(text, whole, Seed(PhantomData), DEPTH).map_err(|error| error.to_string())
}
