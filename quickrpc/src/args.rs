//! STUB
#![allow(missing_docs, missing_debug_implementations, dead_code)]
use serde::{Deserialize, Serialize};
use std::ops::Deref;
pub struct Text<'de>(std::borrow::Cow<'de, str>);
impl<'de> Text<'de> { pub fn into_string(self) -> String { todo!() } }
impl<'de> From<&'de str> for Text<'de> { fn from(_: &'de str) -> Self { todo!() } }
impl Deref for Text<'_> { type Target = str; fn deref(&self) -> &str { todo!() } }
impl<'de> Deserialize<'de> for Text<'de> { fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> { todo!() } }
pub struct Blob<'de>(std::borrow::Cow<'de, [u8]>);
impl<'de> Blob<'de> { pub fn into_vec(self) -> Vec<u8> { todo!() } }
impl<'de> From<&'de [u8]> for Blob<'de> { fn from(_: &'de [u8]) -> Self { todo!() } }
impl Deref for Blob<'_> { type Target = [u8]; fn deref(&self) -> &[u8] { todo!() } }
impl<'de> Deserialize<'de> for Blob<'de> { fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> { todo!() } }
pub struct BlobRef<'a>(pub &'a [u8]);
pub struct Plain<'a, T: ?Sized>(pub &'a T);
pub struct Maybe<A>(pub Option<A>);
pub trait ArgValue {}
impl<T: Serialize + ?Sized> ArgValue for Plain<'_, T> {}
impl ArgValue for BlobRef<'_> {}
impl<A: ArgValue> ArgValue for Maybe<A> {}
pub trait WireArgs<'de>: Sized { type Defaults; }
pub trait OutArgs {}
macro_rules! tuples {
    ($($name:ident)*) => {
        impl<$($name: ArgValue,)*> OutArgs for ($($name,)*) {}
        impl<'de, $($name: Deserialize<'de>,)*> WireArgs<'de> for ($($name,)*) { type Defaults = ($(Option<fn() -> $name>,)*); }
    };
}
tuples!();
tuples!(A0);
tuples!(A0 A1);
tuples!(A0 A1 A2);
tuples!(A0 A1 A2 A3);
tuples!(A0 A1 A2 A3 A4);
tuples!(A0 A1 A2 A3 A4 A5);
tuples!(A0 A1 A2 A3 A4 A5 A6);
tuples!(A0 A1 A2 A3 A4 A5 A6 A7);
tuples!(A0 A1 A2 A3 A4 A5 A6 A7 A8);
tuples!(A0 A1 A2 A3 A4 A5 A6 A7 A8 A9);
tuples!(A0 A1 A2 A3 A4 A5 A6 A7 A8 A9 A10);
tuples!(A0 A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11);
tuples!(A0 A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12);
tuples!(A0 A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13);
tuples!(A0 A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 A14);
tuples!(A0 A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 A14 A15);
