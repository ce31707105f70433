//! Types of arguments and results: what cannot travel, as far as it can be seen.

use std::collections::HashSet;

use quote::ToTokens as _;
use syn::visit::{self, Visit};
use syn::{Type, TypePath, TypeReference};

use super::lifetimes;
use crate::mistakes::Mistakes;
use crate::model::{ArgumentKind, Call, option_value, peel, streamed};
use crate::text;

pub(super) fn check(call: &Call, generated: &HashSet<String>, mistakes: &mut Mistakes) {
    streams(call, mistakes);
    for argument in &call.arguments {
        let mut checker = Checker {
            generated,
            mistakes,
            place: Place::Argument,
        };
        checker.argument(&argument.ty);
    }
    if let Some(result) = &call.result {
        let mut checker = Checker {
            generated,
            mistakes,
            place: Place::Result,
        };
        if !checker.is_unsized(&result.value) {
            checker.visit_type(&result.value);
        }
    }
    if let Some((attr, _)) = &call.timeout
        && call.result.is_none()
    {
        mistakes.add(
            attr,
            "nobody waits for a notification; `#[timeout]` is for a call with a result, if only \
             `-> ()`",
        );
    }
}

/// A stream stands where it is handed over as a whole, and somebody says that it was.
fn streams(call: &Call, mistakes: &mut Mistakes) {
    for argument in &call.arguments {
        let ty = &argument.ty;
        let is_stream = matches!(argument.shape.kind, ArgumentKind::Stream(_));
        let text = if !is_stream {
            match Inner::has_stream(ty) {
                true => {
                    "a stream is an argument by itself, `Stream<T>` or `Option<Stream<T>>`, and no \
                         part of another one, nor a reference"
                }
                false => continue,
            }
        } else if call.result.is_none() {
            "nobody would answer that the stream is not taken: give the call a result, if only `-> ()`"
        } else if argument.whole {
            "a stream is not sent by itself: `#[whole]` is for values"
        } else if argument.default.is_some() {
            "a stream has no default: write `Option<Stream<T>>` if it may be missing"
        } else if nested(ty) {
            "the items of a stream are values, and no streams"
        } else {
            continue;
        };
        mistakes.add(ty, text);
    }
    if let Some(result) = &call.result {
        let text = match &result.stream {
            // Said already.
            _ if call.property.is_some() => return,
            Some(_) if nested(&result.value) => "the items of a stream are values, and no streams",
            None if Inner::has_stream(&result.value) => {
                "a stream is the result itself, `Stream<T>` or `Result<Stream<T>, E>`, and no part of it"
            }
            _ => return,
        };
        mistakes.add(&result.value, text);
    }
}

/// Whether there is a stream in a stream.
fn nested(ty: &Type) -> bool {
    let ty = option_value(ty).unwrap_or(ty);
    streamed(ty).is_some_and(|(item, end)| Inner::has_stream(&item) || Inner::has_stream(&end))
}

/// Looks for streams within a type.
struct Inner(bool);

impl Inner {
    fn has_stream(ty: &Type) -> bool {
        let mut inner = Inner(false);
        inner.visit_type(ty);
        inner.0
    }
}

impl<'ast> Visit<'ast> for Inner {
    fn visit_type(&mut self, ty: &'ast Type) {
        self.0 |= streamed(ty).is_some();
        visit::visit_type(self, ty);
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Argument,
    Result,
}

/// Reports each part of a type that cannot travel.
struct Checker<'a> {
    generated: &'a HashSet<String>,
    mistakes: &'a mut Mistakes,
    place: Place,
}

impl Checker<'_> {
    /// An argument may be a reference, or an `Option` of one; inside there are none.
    fn argument(&mut self, ty: &Type) {
        let inner = peel(option_value(ty).unwrap_or(ty));
        let Type::Reference(reference) = inner else {
            if !self.is_unsized(inner) {
                self.visit_type(ty);
            }
            return;
        };
        self.qualifiers(reference);
        match peel(&reference.elem) {
            Type::Slice(slice) => self.visit_type(&slice.elem),
            other => self.visit_type(other),
        }
    }

    /// Reports `str` and `[T]` where something with a size has to stand.
    fn is_unsized(&mut self, ty: &Type) -> bool {
        let text = match peel(ty) {
            Type::Slice(_) => "a slice has no size of its own: write `&[T]` or `Vec<T>`",
            Type::Path(path) if path.path.is_ident("str") => {
                "a `str` has no size of its own: write `&str` or `String`"
            }
            _ => return false,
        };
        self.mistakes.add(ty, text);
        true
    }

    /// What a reference must not have.
    fn qualifiers(&mut self, reference: &TypeReference) {
        if let Some(lifetime) = &reference.lifetime {
            let mut plain = reference.clone();
            plain.lifetime = None;
            self.mistakes.add(
                lifetime,
                format!(
                    "an argument is borrowed for the duration of the call: write `{}`",
                    text::of(lifetimes::owned(plain.into_token_stream()))
                ),
            );
        }
        if let Some(token) = &reference.mutability {
            self.mistakes.add(
                token,
                "an argument travels one way and cannot be changed by the other side: write `&T` \
                 or `T`",
            );
        }
    }
}

impl<'ast> Visit<'ast> for Checker<'_> {
    fn visit_type(&mut self, ty: &'ast Type) {
        let refused = match ty {
            Type::ImplTrait(_) => Some("`impl Trait` cannot travel: write a concrete type"),
            Type::TraitObject(_) => Some("a trait object cannot travel: write a concrete type"),
            Type::Infer(_) => Some("both sides have to know the type: write it out"),
            Type::FnPtr(_) => {
                Some("a function cannot travel: declare a call in the other direction")
            }
            Type::Ptr(_) => Some("a pointer cannot travel: write the type itself"),
            _ => None,
        };
        match refused {
            Some(text) => self.mistakes.add(ty, text),
            None => visit::visit_type(self, ty),
        }
    }

    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        self.mistakes.add(
            reference,
            match self.place {
                Place::Argument => {
                    "a reference can be an argument itself (`&T`, `Option<&T>`), and not a part of \
                     its type: write an owned type here, such as `String` for `&str`"
                }
                Place::Result => {
                    "results are owned: write the type itself, such as `String` for `&str` and \
                     `Vec<T>` for `&[T]`"
                }
            },
        );
    }

    fn visit_type_path(&mut self, ty: &'ast TypePath) {
        if lifetimes::borrows(ty, self.mistakes) {
            return;
        }
        if let (None, Some(first)) = (&ty.qself, ty.path.segments.first()) {
            let alone = ty.path.segments.len() == 1 && ty.path.leading_colon.is_none();
            if first.ident == "Self" {
                return self.mistakes.add(
                    &first.ident,
                    "there is no `Self` to travel: the trait is replaced by generated types; write a \
                     concrete type",
                );
            }
            if alone && self.generated.contains(&first.ident.to_string()) {
                self.mistakes.add(
                    &first.ident,
                    format!(
                        "`{}` is the name of a generated type; rename your type, or write it with \
                         its path",
                        first.ident
                    ),
                );
                return;
            }
        }
        visit::visit_type_path(self, ty);
    }
}
