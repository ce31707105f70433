//! Tests of the codecs on bytes alone.

mod custom;
mod exceptions;
mod framing;
mod header;
mod hostile;
mod jrpc;
mod python;
mod show;
mod terse;
mod vectors;

use std::collections::BTreeMap;

use super::IntoCodec;
use super::any::AnyCodec;
use super::envelope::Envelope;
use crate::base::limits::Limits;
use crate::base::value::Value;
use crate::wire::frames::Frames;
use crate::wire::framing::{Frame, Framing, Progress, Unframed};
use crate::wire::jrpc::Jrpc;

/// What a codec does in a stream.
trait InStream {
    fn next_frame(
        &self,
        buffer: &[u8],
        progress: &mut Progress,
        limit: usize,
    ) -> Result<Option<Frame>, Unframed>;

    fn frame_out(&self, out: &mut Vec<u8>, start: usize) -> Result<(), String>;
}

impl InStream for AnyCodec {
    fn next_frame(
        &self,
        buffer: &[u8],
        progress: &mut Progress,
        limit: usize,
    ) -> Result<Option<Frame>, Unframed> {
        self.framing().unwrap().next_frame(buffer, progress, limit)
    }

    fn frame_out(&self, out: &mut Vec<u8>, start: usize) -> Result<(), String> {
        Frames::Stream(self.framing().cloned()).enclose(out, start)
    }
}

/// jrpc with NUL, as by default.
fn jrpc_codec() -> AnyCodec {
    "jrpc".into_codec().unwrap()
}

fn jrpc_with(delimiter: &[u8]) -> AnyCodec {
    AnyCodec::Jrpc(Jrpc::new(Jrpc::delimited(delimiter).unwrap(), false))
}

/// jrpc with a header before each message.
fn with_headers() -> AnyCodec {
    "jrpc:content-length".into_codec().unwrap()
}

/// What stands behind each telegram of this codec, which has a delimiter.
fn end_of(codec: &AnyCodec) -> &[u8] {
    codec.framing().and_then(Framing::delimiter).unwrap()
}

fn terse_codec() -> AnyCodec {
    "terse".into_codec().unwrap()
}

/// What a telegram means, in the short form of [`show`].
fn meaning(codec: &AnyCodec, telegram: &str) -> String {
    match codec.decode(telegram, &Limits::default()) {
        Ok(envelope) => show::messages(codec, telegram, &envelope).join("; "),
        Err(error) => {
            assert!(error.position <= telegram.len(), "{telegram:?}: {error}");
            assert!(!error.message.is_empty());
            String::from(show::UNDECODABLE)
        }
    }
}

fn decode(codec: &AnyCodec, telegram: &str) -> Envelope {
    match codec.decode(telegram, &Limits::default()) {
        Ok(envelope) => envelope,
        Err(error) => panic!("{telegram:?}: {error}"),
    }
}

/// What an encoding function writes, as text.
fn written(encode: impl FnOnce(&mut Vec<u8>) -> Result<(), String>) -> Result<String, String> {
    let mut out = b"kept".to_vec();
    let result = encode(&mut out);
    let text = String::from_utf8(out).unwrap();
    let text = text.strip_prefix("kept").unwrap().to_owned();
    if result.is_err() {
        assert_eq!(text, "", "what failed must leave nothing behind");
    }
    result.map(|()| text)
}

fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    let entries = entries.map(|(name, value)| (name.to_owned(), value));
    Value::Map(BTreeMap::from(entries))
}

/// Takes a stream as a connection does: piece by piece, with the rest kept.
struct Stream<'a> {
    codec: &'a AnyCodec,
    buffer: Vec<u8>,
    progress: Progress,
}

impl<'a> Stream<'a> {
    fn new(codec: &'a AnyCodec) -> Self {
        Stream {
            codec,
            buffer: Vec::new(),
            progress: Progress::default(),
        }
    }

    /// The telegrams that are complete now.
    fn feed(&mut self, piece: &[u8]) -> Vec<Vec<u8>> {
        self.buffer.extend_from_slice(piece);
        let mut telegrams = Vec::new();
        while let Some(frame) = self.next_frame().unwrap() {
            telegrams.push(self.buffer[frame.telegram].to_vec());
            self.buffer.drain(..frame.consumed);
            assert_eq!(self.progress, Progress::default());
        }
        telegrams
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, Unframed> {
        let limit = Limits::default().message_size;
        let framing = self.codec.framing().unwrap();
        framing.next_frame(&self.buffer, &mut self.progress, limit)
    }
}
