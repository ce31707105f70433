//! Arguments and results, where they lie in a telegram.

use serde::de::{DeserializeSeed, value::UnitDeserializer};

use crate::format::args::{ArgsSeed, WireArgs};
use crate::format::text::{Json, Reader, TextError};
use crate::wire::codec::envelope::Span;

/// Reads one value of a telegram.
pub(crate) fn read<'de, S: DeserializeSeed<'de>>(
    telegram: &'de str,
    span: Span,
    seed: S,
    depth: usize,
) -> Result<S::Value, TextError> {
    let mut reader = Reader::new(span.of(telegram), Json, depth);
    let value = reader.value(seed)?;
    expect_end(&mut reader)?;
    Ok(value)
}

/// Reads the arguments of a declared call.
pub(crate) fn read_args<'de, W: WireArgs<'de>>(
    text: &'de str,
    seed: ArgsSeed<'_, 'de, W>,
    depth: usize,
) -> Result<W, TextError> {
    let mut reader = Reader::new(text, Json, depth);
    let args = match seed.in_order(&mut reader)? {
        Some(slots) => seed.finish(slots)?,
        None => {
            reader.set_position(0);
            reader.value(seed)?
        }
    };
    expect_end(&mut reader)?;
    Ok(args)
}

/// Reads what was not sent: the seed decides what that means.
pub(crate) fn read_missing<'de, S: DeserializeSeed<'de>>(seed: S) -> Result<S::Value, TextError> {
    seed.deserialize(UnitDeserializer::<TextError>::new())
}

/// Nothing but blanks may come behind a message.
pub(super) fn expect_end(reader: &mut Reader<'_, Json>) -> Result<(), TextError> {
    reader.skip_ws();
    if reader.at_end() {
        return Ok(());
    }
    Err(reader.error("expected nothing behind the message"))
}
