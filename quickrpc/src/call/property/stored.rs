//! Values of properties, without their types.

use std::any::Any;

use serde::de::Deserialize;
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::base::limits::Limits;
use crate::base::value::Value;
use crate::format::property::VALUE;
use crate::format::text::{self, Json, Reader};
use crate::wire::codec::AnyCodec;

/// A value in the form in which it travels.
pub(crate) trait Stored: Send + Sync {
    /// Appends the notification that this is the value now.
    fn encode_change(
        &self,
        codec: &AnyCodec,
        out: &mut Vec<u8>,
        method: &str,
        positional: bool,
    ) -> Result<(), String>;

    /// The value as text, by which it is compared.
    fn text(&self) -> Result<String, String>;

    fn as_any(&self) -> &dyn Any;
}

/// A value of a type that is known to the one who put it here.
pub(super) struct Held<W>(pub(super) W);

/// The one argument of a change, by name.
struct Named<'a, W>(&'a W);

impl<W: Serialize> Serialize for Named<'_, W> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(VALUE, self.0)?;
        map.end()
    }
}

impl<W: Serialize + Send + Sync + 'static> Stored for Held<W> {
    fn encode_change(
        &self,
        codec: &AnyCodec,
        out: &mut Vec<u8>,
        method: &str,
        positional: bool,
    ) -> Result<(), String> {
        match positional && codec.positional() {
            true => codec.encode_call(out, method, &(&self.0,), None),
            false => codec.encode_call(out, method, &Named(&self.0), None),
        }
    }

    fn text(&self) -> Result<String, String> {
        let mut out = Vec::new();
        text::write(&mut out, Json, &self.0).map_err(|error| error.to_string())?;
        String::from_utf8(out).map_err(|error| error.to_string())
    }

    fn as_any(&self) -> &dyn Any {
        &self.0
    }
}

/// Whether two values are the same for those who are told of them. What is equal may still be
/// written differently: a hash table has its entries in any order.
pub(super) fn are_equal(one: &str, other: &str) -> bool {
    let read = |text| {
        let depth = Limits::default().nesting_depth;
        Value::deserialize(&mut Reader::new(text, Json, depth)).ok()
    };
    one == other
        || (one.len() == other.len()
            && one.contains('{')
            && matches!((read(one), read(other)), (Some(one), Some(other)) if one == other))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn text<W: Serialize + Send + Sync + 'static>(value: W) -> String {
        Held(value).text().unwrap()
    }

    #[test]
    fn what_is_told_decides_what_is_equal() {
        assert!(are_equal(&text(f64::NAN), &text(f64::NAN)));
        assert!(!are_equal(&text(1.0), &text(1)));
        assert!(!are_equal(&text("a{"), &text("b{")));
        let many = |order: &mut dyn Iterator<Item = u8>| -> HashMap<u8, u8> {
            order.map(|key| (key, key)).collect()
        };
        for _ in 0..10 {
            let (one, other) = (many(&mut (0..50)), many(&mut (0..50).rev()));
            assert!(are_equal(&text(one), &text(other)));
        }
        let lists = (text([[1, 2]]), text([[2, 1]]));
        assert!(!are_equal(&lists.0, &lists.1));
    }
}
