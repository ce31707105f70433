//! Arguments that arrived: read straight from the message into their types.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{BorrowedBytesDeserializer, BorrowedStrDeserializer};
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, IntoDeserializer, MapAccess,
    SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::{Names, for_tuples};
use crate::format::description::CallDescription;
use crate::format::text::{Json, Reader, Terse, TextError};

/// All arguments of a call, as they arrive: tuples of up to 16 types.
///
/// The arguments are collected in `Slots`, since they may come in any order and some not
/// at all; nothing is allocated for that.
pub trait WireArgs<'de>: Sized {
    /// What supplies missing arguments: `Option<fn() -> Element>` for each.
    type Defaults;
    /// The arguments read so far.
    type Slots;

    /// How many arguments there are.
    const LEN: usize;

    /// No arguments read yet.
    fn slots() -> Self::Slots;

    /// Reads the argument at a place out of a map that has just given its name.
    fn read_entry<A: MapAccess<'de>>(
        slots: &mut Self::Slots,
        place: usize,
        access: &mut A,
        call: &CallDescription,
    ) -> Result<(), A::Error>;

    /// Reads the argument at a place out of a list; `false` at the end of the list.
    fn read_item<A: SeqAccess<'de>>(
        slots: &mut Self::Slots,
        place: usize,
        access: &mut A,
        call: &CallDescription,
    ) -> Result<bool, A::Error>;

    /// Reads the argument at a place out of its value.
    fn read_value<D: Deserializer<'de>>(
        slots: &mut Self::Slots,
        place: usize,
        value: D,
        call: &CallDescription,
    ) -> Result<(), D::Error>;

    /// Supplies what is missing.
    fn finish<E: Error>(
        slots: Self::Slots,
        defaults: Self::Defaults,
        call: &CallDescription,
    ) -> Result<Self, E>;
}

impl<'de> WireArgs<'de> for () {
    type Defaults = ();
    type Slots = ();

    const LEN: usize = 0;

    fn slots() {}

    fn read_entry<A: MapAccess<'de>>(
        _slots: &mut (),
        _place: usize,
        _access: &mut A,
        call: &CallDescription,
    ) -> Result<(), A::Error> {
        Err(too_many(call))
    }

    fn read_item<A: SeqAccess<'de>>(
        _slots: &mut (),
        _place: usize,
        _access: &mut A,
        call: &CallDescription,
    ) -> Result<bool, A::Error> {
        Err(too_many(call))
    }

    fn read_value<D: Deserializer<'de>>(
        _slots: &mut (),
        _place: usize,
        _value: D,
        call: &CallDescription,
    ) -> Result<(), D::Error> {
        Err(too_many(call))
    }

    fn finish<E: Error>(_slots: (), _defaults: (), _call: &CallDescription) -> Result<(), E> {
        Ok(())
    }
}

macro_rules! wire_args {
    ($(($name:ident $index:tt))+) => {
        impl<'de, $($name: Deserialize<'de>),+> WireArgs<'de> for ($($name,)+) {
            type Defaults = ($(Option<fn() -> $name>,)+);
            type Slots = ($(Option<$name>,)+);

            const LEN: usize = [$($index),+].len();

            #[inline]
            fn slots() -> Self::Slots {
                ($(None::<$name>,)+)
            }

            #[inline]
            fn read_entry<A: MapAccess<'de>>(
                slots: &mut Self::Slots,
                place: usize,
                access: &mut A,
                call: &CallDescription,
            ) -> Result<(), A::Error> {
                match place {
                    $($index => match access.next_value() {
                        Ok(value) => slots.$index = Some(value),
                        Err(error) => return Err(in_argument(place, call, error)),
                    },)+
                    _ => return Err(too_many(call)),
                }
                Ok(())
            }

            #[inline]
            fn read_item<A: SeqAccess<'de>>(
                slots: &mut Self::Slots,
                place: usize,
                access: &mut A,
                call: &CallDescription,
            ) -> Result<bool, A::Error> {
                match place {
                    $($index => match access.next_element() {
                        Ok(value) => {
                            slots.$index = value;
                            Ok(slots.$index.is_some())
                        }
                        Err(error) => Err(in_argument(place, call, error)),
                    },)+
                    _ => Err(too_many(call)),
                }
            }

            #[inline]
            fn read_value<D: Deserializer<'de>>(
                slots: &mut Self::Slots,
                place: usize,
                value: D,
                call: &CallDescription,
            ) -> Result<(), D::Error> {
                match place {
                    $($index => match Deserialize::deserialize(value) {
                        Ok(value) => slots.$index = Some(value),
                        Err(error) => return Err(in_argument(place, call, error)),
                    },)+
                    _ => return Err(too_many(call)),
                }
                Ok(())
            }

            #[inline]
            fn finish<E: Error>(
                slots: Self::Slots,
                defaults: Self::Defaults,
                call: &CallDescription,
            ) -> Result<Self, E> {
                Ok(($(
                    match slots.$index {
                        Some(value) => value,
                        None => missing($index, defaults.$index, call)?,
                    },
                )+))
            }
        }
    };
}

for_tuples!(wire_args);

/// Reads the arguments of a call out of the parameters of a message.
pub(crate) struct ArgsSeed<'a, 'de, W: WireArgs<'de>> {
    call: &'a CallDescription,
    defaults: W::Defaults,
    /// Whether they may stand without their names.
    positional: bool,
    message: PhantomData<&'de ()>,
}

impl<'a, 'de, W: WireArgs<'de>> ArgsSeed<'a, 'de, W> {
    pub(crate) fn new(call: &'a CallDescription, defaults: W::Defaults) -> Self {
        ArgsSeed {
            call,
            defaults,
            positional: call.positional,
            message: PhantomData,
        }
    }

    /// The same where they may stand without their names, whatever is declared.
    pub(crate) fn positional(self) -> Self {
        ArgsSeed {
            positional: true,
            ..self
        }
    }

    /// Reads an object in which the arguments come in the order of their declaration, which
    /// is how this library and most others write them. `None`: it is not such a one.
    #[inline]
    pub(crate) fn in_order(
        &self,
        reader: &mut Reader<'de, Json>,
    ) -> Result<Option<W::Slots>, TextError> {
        let mut slots = W::slots();
        let names = self.call.arguments.iter();
        let names = names.map(|argument| argument.wire_name);
        let all = reader.entries_in_order(names, |reader, place| {
            reader.skip_ws();
            W::read_value(&mut slots, place, reader, self.call)
        })?;
        Ok(all.then_some(slots))
    }

    /// The same with the arguments of a terse call.
    #[inline]
    pub(crate) fn pairs_in_order(
        &self,
        reader: &mut Reader<'de, Terse>,
    ) -> Result<Option<W::Slots>, TextError> {
        let mut slots = W::slots();
        let names = self.call.arguments.iter();
        let names = names.map(|argument| argument.wire_name);
        let all = reader.pairs_in_order(names, |reader, place| {
            reader.skip_ws();
            W::read_value(&mut slots, place, reader, self.call)
        })?;
        Ok(all.then_some(slots))
    }

    /// Supplies what is missing.
    #[inline]
    pub(crate) fn finish<E: Error>(self, slots: W::Slots) -> Result<W, E> {
        W::finish(slots, self.defaults, self.call)
    }

    /// The arguments of a message that has no parameters at all.
    pub(crate) fn absent<E: Error>(self) -> Result<W, E> {
        W::finish(W::slots(), self.defaults, self.call)
    }

    /// The arguments of a message whose parameters are a single scalar.
    fn single<D: Deserializer<'de>>(self, value: D) -> Result<W, D::Error> {
        if W::LEN == 0 {
            return Err(no_object(self.call));
        }
        if !self.positional {
            return Err(by_name_please(self.call));
        }
        let mut slots = W::slots();
        W::read_value(&mut slots, 0, Scalar(value), self.call)?;
        W::finish(slots, self.defaults, self.call)
    }
}

impl<'de, W: WireArgs<'de>> DeserializeSeed<'de> for ArgsSeed<'_, 'de, W> {
    type Value = W;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<W, D::Error> {
        deserializer.deserialize_any(self)
    }
}

macro_rules! scalars {
    ($($visit:ident $type:ty)*) => {$(
        fn $visit<E: Error>(self, value: $type) -> Result<W, E> {
            self.single(value.into_deserializer())
        }
    )*};
}

impl<'de, W: WireArgs<'de>> Visitor<'de> for ArgsSeed<'_, 'de, W> {
    type Value = W;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the arguments of `{}`", self.call.wire_name)
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<W, A::Error> {
        let mut slots = W::slots();
        while let Some(place) = access.next_key_seed(NameSeed(self.call))? {
            match place {
                Some(place) => W::read_entry(&mut slots, place, &mut access, self.call)?,
                None => {
                    access.next_value::<IgnoredAny>()?;
                }
            }
        }
        W::finish(slots, self.defaults, self.call)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<W, A::Error> {
        if !self.positional {
            // An empty list says the same as an empty map.
            return match access.next_element::<IgnoredAny>()? {
                Some(_) => Err(by_name_please(self.call)),
                None => self.absent(),
            };
        }
        let mut slots = W::slots();
        for place in 0..W::LEN {
            if !W::read_item(&mut slots, place, &mut access, self.call)? {
                return W::finish(slots, self.defaults, self.call);
            }
        }
        match access.next_element::<IgnoredAny>()? {
            Some(_) => Err(too_many(self.call)),
            None => W::finish(slots, self.defaults, self.call),
        }
    }

    fn visit_unit<E: Error>(self) -> Result<W, E> {
        self.absent()
    }

    fn visit_none<E: Error>(self) -> Result<W, E> {
        self.absent()
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<W, D::Error> {
        inner.deserialize_any(self)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<W, D::Error> {
        inner.deserialize_any(self)
    }

    scalars! {
        visit_bool bool
        visit_i64 i64
        visit_i128 i128
        visit_u64 u64
        visit_u128 u128
        visit_f64 f64
        visit_str &str
        visit_string String
        visit_bytes &[u8]
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<W, E> {
        self.single(BorrowedStrDeserializer::new(value))
    }

    fn visit_borrowed_bytes<E: Error>(self, value: &'de [u8]) -> Result<W, E> {
        self.single(BorrowedBytesDeserializer::new(value))
    }
}

/// Finds the place of an argument by its name; `None` for one to be ignored.
struct NameSeed<'a>(&'a CallDescription);

impl<'de> DeserializeSeed<'de> for NameSeed<'_> {
    type Value = Option<usize>;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for NameSeed<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of an argument")
    }

    #[inline]
    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        // At most 16 short names: comparing them in turn beats any table.
        let mut arguments = self.0.arguments.iter();
        match arguments.position(|argument| argument.wire_name == name) {
            None if !self.0.ignore_unknown => Err(unknown(name, self.0)),
            place => Ok(place),
        }
    }
}

/// A value that stands alone: serde's deserialisers for scalars fit neither options nor
/// newtypes.
struct Scalar<D>(D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Scalar<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// What an argument that is not there looks like: only options can be read from it.
struct Absent<E>(PhantomData<E>);

impl<'de, E: Error> Deserializer<'de> for Absent<E> {
    type Error = E;

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, E> {
        Err(E::custom("missing"))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        visitor.visit_none()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier
        ignored_any
    }
}

fn missing<'de, T: Deserialize<'de>, E: Error>(
    place: usize,
    default: Option<fn() -> T>,
    call: &CallDescription,
) -> Result<T, E> {
    if let Some(default) = default {
        return Ok(default());
    }
    T::deserialize(Absent(PhantomData)).map_err(|_: E| {
        let (name, takes) = (argument_name(place, call), takes(call));
        E::custom(format_args!("missing argument `{name}`; {takes}"))
    })
}

#[cold]
fn unknown<E: Error>(name: &str, call: &CallDescription) -> E {
    let (name, takes) = (shorten(name), takes(call));
    E::custom(format_args!("unknown argument `{name}`; {takes}"))
}

#[cold]
fn too_many<E: Error>(call: &CallDescription) -> E {
    E::custom(format_args!("too many arguments; {}", takes(call)))
}

#[cold]
fn no_object<E: Error>(call: &CallDescription) -> E {
    E::custom(format_args!(
        "the parameters have to be an object, and not a single value; {}",
        takes(call)
    ))
}

#[cold]
fn by_name_please<E: Error>(call: &CallDescription) -> E {
    if call.arguments.is_empty() {
        return too_many(call);
    }
    let names = Names(call.arguments);
    E::custom(format_args!("please call with named parameters: {names}"))
}

#[cold]
fn in_argument<E: Error>(place: usize, call: &CallDescription, error: E) -> E {
    let (name, method) = (argument_name(place, call), call.wire_name);
    let error = shorten(&error.to_string());
    E::custom(format_args!("argument `{name}` of `{method}`: {error}"))
}

fn takes(call: &CallDescription) -> String {
    format!("`{}` takes {}", call.wire_name, Names(call.arguments))
}

fn argument_name(place: usize, call: &CallDescription) -> &'static str {
    let argument = call.arguments.get(place);
    argument.map_or("", |argument| argument.wire_name)
}

/// Leaves out the middle of a long text. What a peer sent is quoted back to it and into
/// logs; megabytes of it would help nobody.
fn shorten(text: &str) -> String {
    if text.len() <= LONGEST_QUOTE {
        return text.to_owned();
    }
    let half = LONGEST_QUOTE / 2;
    let boundary = |place: &usize| text.is_char_boundary(*place);
    let head = (0..=half).rev().find(boundary).unwrap_or(0);
    let tail = (text.len() - half..=text.len()).find(boundary);
    let tail = tail.unwrap_or(text.len());
    format!("{}…{}", &text[..head], &text[tail..])
}

const LONGEST_QUOTE: usize = 400;
