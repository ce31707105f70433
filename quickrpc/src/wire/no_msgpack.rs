//! In the place of MessagePack-RPC, where the feature is off: nothing of it exists.

use serde::Serialize;
use serde::de::DeserializeSeed;

use crate::base::error::CallError;
use crate::base::limits::Limits;
use crate::base::security::SecInfo;
use crate::format::args::{ArgsSeed, WireArgs};
use crate::format::text::TextError;
use crate::wire::codec::envelope::{DecodeError, Envelope, Span};
use crate::wire::framing::Framing;

/// The codec `msgpack`: there is none.
#[derive(Debug, Clone)]
pub enum Msgpack {}

impl Msgpack {
    pub(crate) fn framing(&self) -> &Framing {
        match *self {}
    }

    pub(crate) fn expression(&self) -> &'static str {
        match *self {}
    }

    pub(crate) fn named(&self) -> bool {
        match *self {}
    }

    pub(crate) fn decode(&self, _: &[u8], _: &Limits) -> Result<Envelope, DecodeError> {
        match *self {}
    }

    pub(crate) fn encode_call<A: Serialize + ?Sized>(
        &self,
        _: &mut Vec<u8>,
        _: &str,
        _: &A,
        _: Option<u64>,
    ) -> Result<(), String> {
        match *self {}
    }

    pub(crate) fn encode_cancel(&self, _: &mut Vec<u8>, _: u64) -> Option<&'static str> {
        match *self {}
    }

    pub(crate) fn encode_result<T: Serialize + ?Sized>(
        &self,
        _: &mut Vec<u8>,
        _: &str,
        _: &T,
    ) -> Result<(), String> {
        match *self {}
    }

    pub(crate) fn encode_error(
        &self,
        _: &mut Vec<u8>,
        _: &str,
        _: &CallError,
    ) -> Result<(), String> {
        match *self {}
    }

    pub(crate) fn encode_header(&self, _: &mut Vec<u8>, _: &SecInfo) -> Result<(), String> {
        match *self {}
    }

    pub(crate) fn read<'de, S: DeserializeSeed<'de>>(
        &self,
        _: &'de [u8],
        _: Span,
        _: S,
        _: usize,
    ) -> Result<S::Value, TextError> {
        match *self {}
    }

    pub(crate) fn read_args<'de, W: WireArgs<'de>>(
        &self,
        _: &'de [u8],
        _: Span,
        _: ArgsSeed<'_, 'de, W>,
        _: usize,
    ) -> Result<W, TextError> {
        match *self {}
    }
}
