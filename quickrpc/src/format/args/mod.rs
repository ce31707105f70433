//! Arguments on their way between the wire and the types of a declaration.
//!
//! Neither direction has a value tree in between: outgoing arguments are serialised from
//! references, incoming ones deserialised from where the message lies.

mod incoming;
mod outgoing;
#[cfg(test)]
mod tests;
mod text;

use std::fmt;

pub(crate) use incoming::ArgsSeed;
pub use incoming::WireArgs;
pub(crate) use outgoing::ArgsOut;
pub use outgoing::{ArgValue, BlobRef, Maybe, OutArgs, Plain, Whole};
pub use text::{Blob, Text};

use crate::format::description::ArgumentDescription;

/// Shows arguments as "`a`, `b`", or as "no arguments".
struct Names<'a>(&'a [ArgumentDescription]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no arguments");
        }
        for (place, argument) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}`{}`", argument.wire_name)?;
        }
        Ok(())
    }
}

/// Calls a macro with the tuples of 1 to 16 elements, as pairs of a name and an index.
macro_rules! for_tuples {
    ($macro:ident) => {
        for_tuples!(@ $macro [] (A0 0) (A1 1) (A2 2) (A3 3) (A4 4) (A5 5) (A6 6) (A7 7)
            (A8 8) (A9 9) (A10 10) (A11 11) (A12 12) (A13 13) (A14 14) (A15 15));
    };
    (@ $macro:ident [$($done:tt)*]) => {};
    (@ $macro:ident [$($done:tt)*] $next:tt $($rest:tt)*) => {
        $macro!($($done)* $next);
        for_tuples!(@ $macro [$($done)* $next] $($rest)*);
    };
}
use for_tuples;
