//! Functions between generated code and the library that are there for what the compiler
//! says: with them, a type that cannot travel is one error, at that type.

use serde::de::{Deserialize, DeserializeOwned};
use serde::ser::Serialize;

use crate::api::{Invocation, Outcome};
use crate::args::{ArgValue, OutArgs};

/// The result of a call can be sent and received.
///
/// Called in each function that needs either, so that all of these report the same error
/// at the same place, which the compiler then shows once.
#[inline(always)]
pub fn result_travels<T: Serialize + DeserializeOwned>() {}

/// The arguments of a call, with one type parameter for each, so that an argument that
/// cannot travel is underlined by itself, and not the tuple of all of them.
///
/// `decode` is `Invocation::args`. `encode` makes a tuple of its arguments and hides its
/// type, so that a bad argument is an error here and nowhere else.
macro_rules! arguments {
    ($decode:ident $encode:ident $($argument:ident $value:ident)*) => {
        #[inline]
        pub fn $decode<'de, $($argument: Deserialize<'de>),*>(
            call: &Invocation<'de>,
            defaults: ($(Option<fn() -> $argument>,)*),
        ) -> Result<($($argument,)*), Outcome> {
            call.args::<($($argument,)*)>(defaults)
        }

        #[inline]
        pub fn $encode<$($argument: ArgValue),*>($($value: $argument),*) -> impl OutArgs {
            ($($value,)*)
        }
    };
}

arguments!(decode0 encode0);
arguments!(decode1 encode1 A a);
arguments!(decode2 encode2 A a B b);
arguments!(decode3 encode3 A a B b C c);
arguments!(decode4 encode4 A a B b C c D d);
arguments!(decode5 encode5 A a B b C c D d E e);
arguments!(decode6 encode6 A a B b C c D d E e F f);
arguments!(decode7 encode7 A a B b C c D d E e F f G g);
arguments!(decode8 encode8 A a B b C c D d E e F f G g H h);
arguments!(decode9 encode9 A a B b C c D d E e F f G g H h I i);
arguments!(decode10 encode10 A a B b C c D d E e F f G g H h I i J j);
arguments!(decode11 encode11 A a B b C c D d E e F f G g H h I i J j K k);
arguments!(decode12 encode12 A a B b C c D d E e F f G g H h I i J j K k L l);
arguments!(decode13 encode13 A a B b C c D d E e F f G g H h I i J j K k L l M m);
arguments!(decode14 encode14 A a B b C c D d E e F f G g H h I i J j K k L l M m N n);
arguments!(decode15 encode15 A a B b C c D d E e F f G g H h I i J j K k L l M m N n O o);
arguments!(decode16 encode16 A a B b C c D d E e F f G g H h I i J j K k L l M m N n O o P p);
