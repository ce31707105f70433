//! Arguments to be sent: references, serialised by name or by place.

use serde::ser::{Error, Serialize, SerializeMap, SerializeSeq, Serializer};

use super::for_tuples;
use crate::format::description::ArgumentDescription;
use crate::format::text::PREPARED_KEY;

/// One argument to be sent, in the form that says how it travels.
pub trait ArgValue: Serialize {
    /// Whether it is left out, as the callee has `None` without it.
    fn is_missing(&self) -> bool {
        false
    }
}

/// An argument that travels as its type serialises.
#[derive(Clone, Copy, Debug)]
pub struct Plain<'a, T: ?Sized>(pub &'a T);

impl<T: Serialize + ?Sized> ArgValue for Plain<'_, T> {}

impl<T: Serialize + ?Sized> Serialize for Plain<'_, T> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// An argument that travels as a byte string.
#[derive(Clone, Copy, Debug)]
pub struct BlobRef<'a>(pub &'a [u8]);

impl ArgValue for BlobRef<'_> {}

impl Serialize for BlobRef<'_> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

/// An argument that may be left out: by name it is, and by place if nothing follows it;
/// otherwise null stands in its place.
#[derive(Clone, Copy, Debug)]
pub struct Maybe<A>(pub Option<A>);

impl<A: ArgValue> ArgValue for Maybe<A> {
    fn is_missing(&self) -> bool {
        self.0.is_none()
    }
}

impl<A: ArgValue> Serialize for Maybe<A> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(argument) => serializer.serialize_some(argument),
            None => serializer.serialize_none(),
        }
    }
}

/// The name of an argument, as a key.
struct Name<'a>(&'a ArgumentDescription);

impl Serialize for Name<'_> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Name(argument) = self;
        if argument.quoted.is_empty() {
            return serializer.serialize_str(argument.wire_name);
        }
        // A word, for whoever writes it; and our own writer of JSON knows the place, and copies what
        // is quoted already.
        serializer.serialize_unit_variant(argument.quoted, PREPARED_KEY, argument.wire_name)
    }
}

/// All arguments of a call, to be sent: tuples of up to 16 [`ArgValue`]s.
pub trait OutArgs {
    /// How many there are.
    const LEN: usize;

    /// Serialises a map from the names on the wire.
    fn serialize_named<S: Serializer>(
        &self,
        arguments: &[ArgumentDescription],
        serializer: S,
    ) -> Result<S::Ok, S::Error>;

    /// Serialises a list, without the missing ones at its end.
    fn serialize_positional<S: Serializer>(
        &self,
        arguments: &[ArgumentDescription],
        serializer: S,
    ) -> Result<S::Ok, S::Error>;
}

impl OutArgs for () {
    const LEN: usize = 0;

    fn serialize_named<S: Serializer>(
        &self,
        _arguments: &[ArgumentDescription],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_map(Some(0))?.end()
    }

    // An empty list, though an empty map says the same: there are servers that take nothing but
    // arrays, and the original takes one where it allows positional arguments.
    fn serialize_positional<S: Serializer>(
        &self,
        _arguments: &[ArgumentDescription],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_seq(Some(0))?.end()
    }
}

/// Which argument cannot be written.
#[cold]
fn of<E: Error>(argument: &ArgumentDescription, error: &E) -> E {
    E::custom(format_args!("argument `{}`: {error}", argument.wire_name))
}

macro_rules! out_args {
    ($(($name:ident $index:tt))+) => {
        impl<$($name: ArgValue),+> OutArgs for ($($name,)+) {
            const LEN: usize = [$($index),+].len();

            #[inline]
            fn serialize_named<S: Serializer>(
                &self,
                arguments: &[ArgumentDescription],
                serializer: S,
            ) -> Result<S::Ok, S::Error> {
                let len = 0 $(+ usize::from(!self.$index.is_missing()))+;
                let mut map = serializer.serialize_map(Some(len))?;
                $(
                    if let Some(argument) = arguments.get($index)
                        && !self.$index.is_missing()
                    {
                        map.serialize_entry(&Name(argument), &self.$index)
                            .map_err(|error| of(argument, &error))?;
                    }
                )+
                map.end()
            }

            fn serialize_positional<S: Serializer>(
                &self,
                arguments: &[ArgumentDescription],
                serializer: S,
            ) -> Result<S::Ok, S::Error> {
                let mut len = 0;
                $(
                    if !self.$index.is_missing() {
                        len = $index + 1;
                    }
                )+
                let mut list = serializer.serialize_seq(Some(len))?;
                $(
                    if $index < len {
                        list.serialize_element(&self.$index).map_err(|error| {
                            match arguments.get($index) {
                                Some(argument) => of(argument, &error),
                                None => error,
                            }
                        })?;
                    }
                )+
                list.end()
            }
        }
    };
}

for_tuples!(out_args);

/// The one argument of a call that stands for itself, without a name or a place.
#[derive(Clone, Copy, Debug)]
pub struct Whole<A>(pub A);

impl<A: ArgValue> OutArgs for Whole<A> {
    const LEN: usize = 1;

    fn serialize_named<S: Serializer>(
        &self,
        _arguments: &[ArgumentDescription],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }

    fn serialize_positional<S: Serializer>(
        &self,
        _arguments: &[ArgumentDescription],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// The arguments of a call as they go into its message.
#[derive(Debug)]
pub(crate) struct ArgsOut<'a, A> {
    pub(crate) call: &'a [ArgumentDescription],
    pub(crate) positional: bool,
    pub(crate) args: &'a A,
}

impl<A: OutArgs> Serialize for ArgsOut<'_, A> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.positional {
            self.args.serialize_positional(self.call, serializer)
        } else {
            self.args.serialize_named(self.call, serializer)
        }
    }
}
