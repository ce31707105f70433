//! The arguments of an action, as they come: by their names, by their places, or both.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::base::value::Value;
use crate::format::text::{self, Json};
use crate::wire::codec::Span;
use crate::wire::json;

use super::body::{Came, items};
use super::thing::Thing;

/// Arguments of an action.
pub(super) enum Arguments<'t> {
    None,
    /// All of the payload.
    Whole(&'t str),
    Put(String),
    Value(Value),
}

/// Under this name the package sends arguments that have no names.
const BY_PLACE: &str = "__args__";

impl Thing {
    /// # Errors
    ///
    /// What is wrong with them.
    pub(super) fn arguments<'t>(
        &self,
        action: &str,
        came: &Came<'t>,
        bytes: &[u8],
        depth: usize,
    ) -> Result<Arguments<'t>, String> {
        let text = match came {
            Came::Json(text) => *text,
            Came::Value(value) => return self.of_value(action, value.clone(), bytes),
        };
        let (mut by_place, mut named) = (Vec::new(), Vec::new());
        if !bytes.is_empty() {
            by_place.push(Cow::Owned(encoded(bytes)));
        }
        match text.trim_start().as_bytes().first() {
            Some(b'{') => {
                let whole = json::whole(text).ok_or("4 GiB and more")?;
                let mut listed = None;
                let each = |key: &str, place: Span| match key {
                    BY_PLACE => listed = Some(place.of(text)),
                    _ => named.push((key.to_owned(), place.of(text))),
                };
                json::members(text, whole, depth, each).map_err(|error| error.to_string())?;
                match listed {
                    None if bytes.is_empty() => return Ok(Arguments::Whole(text)),
                    None => {}
                    Some(list) if list.starts_with('[') => {
                        by_place.extend(items(list).into_iter().map(Cow::Borrowed));
                    }
                    Some(_) => return Err(format!("`{BY_PLACE}` is no list")),
                }
            }
            Some(b'n') if text.trim() == "null" => {}
            Some(b'[') if !self.takes_whole(action) => {
                let mut all = Vec::new();
                let each = |place: std::ops::Range<usize>| {
                    all.push(text.get(place).unwrap_or_default());
                };
                json::items(text, depth, each).map_err(|error| error.to_string())?;
                by_place.extend(all.into_iter().map(Cow::Borrowed));
            }
            _ => {
                let whole = json::whole(text).ok_or("4 GiB and more")?;
                if json::value(text, whole, depth).is_none() {
                    return Err(String::from("its payload is no JSON"));
                }
                by_place.push(Cow::Borrowed(text));
            }
        }
        if named.is_empty() {
            return Ok(match &*by_place {
                [] => Arguments::None,
                [one] if self.takes_whole(action) => Arguments::Put(one.to_string()),
                all => Arguments::Put(format!("[{}]", all.join(","))),
            });
        }
        let places = self.places(action, by_place.len())?;
        if let Some(twice) = places
            .iter()
            .find(|one| named.iter().any(|(name, _)| name == *one))
        {
            return Err(twice_given(twice));
        }
        let mut out = b"{".to_vec();
        let placed = places.into_iter().zip(by_place);
        let named = named
            .into_iter()
            .map(|(name, value)| (Cow::Owned(name), value.into()));
        for (number, (name, value)) in placed.chain(named).enumerate() {
            if number > 0 {
                out.push(b',');
            }
            text::write_str(&mut out, Json, &name);
            out.push(b':');
            out.extend_from_slice(value.as_bytes());
        }
        out.push(b'}');
        let text = String::from_utf8(out).map_err(|error| error.to_string())?;
        Ok(Arguments::Put(text))
    }

    /// The same in another format than JSON.
    fn of_value<'t>(
        &self,
        action: &str,
        value: Value,
        bytes: &[u8],
    ) -> Result<Arguments<'t>, String> {
        let mut by_place = Vec::new();
        if !bytes.is_empty() {
            by_place.push(Value::Bytes(bytes.to_vec()));
        }
        let mut named = match value {
            Value::Null => Default::default(),
            Value::Map(map) => map,
            other => {
                by_place.push(other);
                Default::default()
            }
        };
        match named.remove(BY_PLACE) {
            None => {}
            Some(Value::List(list)) => by_place.extend(list),
            Some(_) => return Err(format!("`{BY_PLACE}` is no list")),
        }
        if named.is_empty() && !by_place.is_empty() {
            let whole = by_place.len() == 1 && self.takes_whole(action);
            return Ok(Arguments::Value(match by_place.pop() {
                Some(one) if whole => one,
                last => {
                    by_place.extend(last);
                    Value::List(by_place)
                }
            }));
        }
        let places = self.places(action, by_place.len())?;
        for (name, value) in places.into_iter().zip(by_place) {
            if named.contains_key(&*name) {
                return Err(twice_given(&name));
            }
            named.insert(name.into_owned(), value);
        }
        Ok(match named.is_empty() {
            true => Arguments::None,
            false => Arguments::Value(Value::Map(named)),
        })
    }

    /// Whether an action has one argument, which is all that is sent.
    fn takes_whole(&self, action: &str) -> bool {
        let declared = self.declared(action);
        declared.is_some_and(|call| call.arguments.iter().any(|one| one.whole))
    }

    /// The names of the first arguments of an action, which were given without.
    fn places(&self, action: &str, count: usize) -> Result<Vec<Cow<'static, str>>, String> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let declared = self.declared(action);
        let names = declared.map_or(&[][..], |call| call.arguments);
        match names.get(..count) {
            Some(names) => Ok(names.iter().map(|one| one.wire_name.into()).collect()),
            None => Err(format!(
                "{count} arguments without names, and others with names; here are {} in all",
                names.len()
            )),
        }
    }
}

fn twice_given(name: &str) -> String {
    format!("argument `{name}` is given twice, with its name and without")
}

/// Bytes as they are written within JSON here.
fn encoded(bytes: &[u8]) -> String {
    format!(r#"{{"__bytes":"{}"}}"#, STANDARD.encode(bytes))
}
