//! Functions between generated code and the library that are there for what the compiler
//! says: with them, a type that cannot travel is one error, at that type.

use serde::de::{Deserialize, DeserializeOwned};
use serde::ser::Serialize;

use crate::base::limits::Limits;
use crate::call::dispatch::{Invocation, Outcome};
use crate::format::text::{Json, Reader};

/// The result of a call can be sent and received.
///
/// Called in each function that needs either, so that all of these report the same error
/// at the same place, which the compiler then shows once. Of `Deserialize` serde says what to do about
/// it, of `DeserializeOwned` nothing.
#[inline(always)]
pub fn result_travels<T: Serialize + for<'de> Deserialize<'de>>() {}

/// Whether the result of a call can be null: if it can be read from it, as the caller will.
pub fn reads_null<T: DeserializeOwned>() -> bool {
    let depth = Limits::default().nesting_depth;
    T::deserialize(&mut Reader::new("null", Json, depth)).is_ok()
}

/// Never true: a sending half has no call that its own side receives. In the words of the compiler.
#[diagnostic::on_unimplemented(
    message = "`{Handle}` receives this call, and does not send it",
    label = "call it on `{Inverse}`"
)]
pub trait Sends<Handle, Inverse> {}

/// `Invocation::args` with one type parameter for each argument, so that an argument that
/// cannot be received is underlined by itself, and not the tuple of all of them.
macro_rules! decode {
    ($name:ident $($argument:ident)*) => {
        /// Decodes this many arguments.
        #[inline]
        pub fn $name<'de, $($argument: Deserialize<'de>),*>(
            call: &Invocation<'de>,
            defaults: ($(Option<fn() -> $argument>,)*),
        ) -> Result<($($argument,)*), Outcome> {
            call.args::<($($argument,)*)>(defaults)
        }
    };
}

/// Decodes the one argument that is all of what was sent.
pub fn decode_whole<'de, A: Deserialize<'de>>(call: &Invocation<'de>) -> Result<(A,), Outcome> {
    call.whole::<A>().map(|whole| (whole,))
}

decode!(decode0);
decode!(decode1 A);
decode!(decode2 A B);
decode!(decode3 A B C);
decode!(decode4 A B C D);
decode!(decode5 A B C D E);
decode!(decode6 A B C D E F);
decode!(decode7 A B C D E F G);
decode!(decode8 A B C D E F G H);
decode!(decode9 A B C D E F G H I);
decode!(decode10 A B C D E F G H I J);
decode!(decode11 A B C D E F G H I J K);
decode!(decode12 A B C D E F G H I J K L);
decode!(decode13 A B C D E F G H I J K L M);
decode!(decode14 A B C D E F G H I J K L M N);
decode!(decode15 A B C D E F G H I J K L M N O);
decode!(decode16 A B C D E F G H I J K L M N O P);

/// What the generated code knows of a type.
#[cfg(feature = "schema")]
#[doc(hidden)]
#[macro_export]
macro_rules! __type_schema {
    ($type:ty) => {
        $crate::TypeSchema::__new(|generator| {
            #[allow(unused_imports, reason = "one of them fits")]
            use $crate::__private::{HasNoSchema as _, HasSchema as _};
            #[allow(unused_qualifications, deprecated, reason = "as it was declared")]
            let declared = $crate::__private::Declared::<$type>(::core::marker::PhantomData);
            (&&declared).schema(generator)
        })
    };
}

/// Nothing is known of types.
#[cfg(not(feature = "schema"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __type_schema {
    ($type:ty) => {
        $crate::TypeSchema::NONE
    };
}
