//! JSON of protocols with sessions, read as places in a message, without trees.

use std::borrow::Cow;
#[cfg(any(feature = "hololinked", feature = "juggler"))]
use std::marker::PhantomData;

#[cfg(any(feature = "hololinked", feature = "juggler"))]
use crate::base::value::Value;
use crate::format::text::{Json, Reader, TextError};

#[cfg(any(test, feature = "juggler", feature = "zonis"))]
use super::codec::Part;
use super::codec::Span;

/// Calls `each` with the name and the place of every member of an object, which is all of the
/// text at `place`. Members that come twice come twice.
///
/// # Errors
///
/// When it is no object, or not valid.
pub(crate) fn members(
    text: &str,
    place: Span,
    depth: usize,
    mut each: impl FnMut(&str, Span),
) -> Result<(), TextError> {
    let offset = place.start();
    let mut reader = Reader::new(place.of(text), Json, depth);
    reader.skip_ws();
    reader.expect(b'{')?;
    reader.skip_ws();
    if !reader.eat(b'}') {
        loop {
            reader.skip_ws();
            let key = reader.key()?;
            reader.skip_ws();
            reader.expect(b':')?;
            reader.skip_ws();
            let range = reader.skip_value()?;
            let place = Span::new(range).and_then(|place| place.from(offset));
            let place = place.ok_or_else(|| reader.error("messages of 4 GiB cannot be read"))?;
            each(&key, place);
            reader.skip_ws();
            if reader.eat(b'}') {
                break;
            }
            reader.expect(b',')?;
        }
    }
    reader.skip_ws();
    match reader.at_end() {
        true => Ok(()),
        false => Err(reader.error("expected nothing behind the message")),
    }
}

/// Calls `each` with the place of every item of a list, which is all of the text.
///
/// # Errors
///
/// When it is no list, or not valid.
#[cfg(feature = "hololinked")]
pub(crate) fn items(
    text: &str,
    depth: usize,
    mut each: impl FnMut(std::ops::Range<usize>),
) -> Result<(), TextError> {
    let mut reader = Reader::new(text, Json, depth);
    reader.skip_ws();
    reader.expect(b'[')?;
    reader.skip_ws();
    if !reader.eat(b']') {
        loop {
            reader.skip_ws();
            each(reader.skip_value()?);
            reader.skip_ws();
            if reader.eat(b']') {
                break;
            }
            reader.expect(b',')?;
        }
    }
    reader.skip_ws();
    match reader.at_end() {
        true => Ok(()),
        false => Err(reader.error("expected nothing behind the list")),
    }
}

/// The whole of a text as a place; `None` if it has 4 GiB and more.
pub(crate) fn whole(text: &str) -> Option<Span> {
    Span::new(0..text.len())
}

/// Whether a text is one value, whole.
#[cfg(feature = "juggler")]
pub(crate) fn is_value(text: &str) -> bool {
    let mut reader = Reader::new(text, Json, crate::base::limits::DEEPEST);
    reader.skip_ws();
    let read = reader.skip_value();
    reader.skip_ws();
    read.is_ok() && reader.at_end()
}

/// The value at a place.
#[cfg(any(feature = "hololinked", feature = "juggler"))]
pub(crate) fn value(text: &str, place: Span, depth: usize) -> Option<Value> {
    let mut reader = Reader::new(place.of(text), Json, depth);
    reader.value(PhantomData::<Value>).ok()
}

/// The string at a place, if it is one.
pub(crate) fn string(text: &str, place: Span) -> Option<Cow<'_, str>> {
    let mut reader = Reader::new(place.of(text), Json, 1);
    match reader.peek() {
        Some(b'"') => reader.string().ok(),
        _ => None,
    }
}

/// The string at a place as a part of the text, if it is one.
#[cfg(any(test, feature = "juggler", feature = "zonis"))]
pub(crate) fn part(text: &str, place: Span) -> Option<Part> {
    Some(match string(text, place)? {
        Cow::Borrowed(plain) => {
            let start = place.start() + 1;
            Part::Span(Span::new(start..start + plain.len())?)
        }
        Cow::Owned(unescaped) => Part::Owned(unescaped.into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_places_in_the_whole_text() {
        let text = r#" {"a": {"b" : [1, 2] , "c":"x"}, "d\n":null} "#;
        let mut found = Vec::new();
        members(text, whole(text).unwrap(), 9, |key, place| {
            found.push((key.to_owned(), place));
        })
        .unwrap();
        let shown: Vec<_> = found
            .iter()
            .map(|(key, place)| (&**key, place.of(text)))
            .collect();
        assert_eq!(
            shown,
            [("a", r#"{"b" : [1, 2] , "c":"x"}"#), ("d\n", "null")]
        );
        let inner = found[0].1;
        let mut found = Vec::new();
        members(text, inner, 9, |key, place| {
            found.push((key.to_owned(), place))
        })
        .unwrap();
        assert_eq!(found[1].1.of(text), r#""x""#);
        assert_eq!(part(text, found[1].1).unwrap().of(text), "x");
        assert_eq!(part(text, found[0].1), None);
    }

    #[test]
    fn what_is_no_object_is_an_error() {
        for text in [
            "",
            "[]",
            "{",
            r#"{"a"}"#,
            r#"{"a":1,}"#,
            r#"{"a":1} 2"#,
            r#"{"a":}"#,
        ] {
            let whole = whole(text).unwrap();
            assert!(members(text, whole, 9, |_, _| ()).is_err(), "{text}");
        }
    }
}
