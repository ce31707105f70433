//! Names on the wire: each once in its direction, and none that somebody else needs.

use std::collections::{HashMap, HashSet};

use crate::mistakes::Mistakes;
use crate::model::{Api, Call, Direction, WireName};

pub(super) fn check(api: &mut Api, mistakes: &mut Mistakes) {
    if let Some(prefix) = &api.prefix
        && let Some(what) = unfit(&prefix.value())
    {
        mistakes.add(prefix, format!("a prefix {what}"));
    }
    check_rust_names(api, mistakes);
    let prefix_is_wrong = api
        .prefix
        .as_ref()
        .is_some_and(|prefix| unfit(&prefix.value()).is_some());
    for call in api
        .calls
        .iter()
        .filter(|call| call.wire_name.given.is_some() || !prefix_is_wrong)
    {
        check_call_name(call, mistakes);
    }
    // A name may be on its way in both directions, as `$/cancelRequest` is.
    for (direction, what) in [
        (Direction::Incoming, "two incoming calls"),
        (Direction::Outgoing, "two outgoing calls"),
    ] {
        let names = api.calls.iter().flat_map(wire_names);
        let names = names.filter(|(towards, _)| *towards == direction);
        check_unique(names.map(|(_, name)| name), what, mistakes);
    }
    for call in &api.calls {
        check_arguments(call, mistakes);
    }
}

/// The names of a call, or of those that a property consists of, and which way they go.
fn wire_names(call: &Call) -> Vec<(Direction, &WireName)> {
    match (call.direction, &call.property) {
        (Some(direction), Some(property)) => property.wire_names(direction),
        (Some(direction), None) => vec![(direction, &call.wire_name)],
        (None, _) => Vec::new(),
    }
}

/// Rust names that cannot be methods or fields of the generated types. Leaves out what
/// would be there twice.
fn check_rust_names(api: &mut Api, mistakes: &mut Mistakes) {
    let mut seen = HashSet::new();
    check_setters(api, mistakes);
    api.calls.retain(|call| {
        let name = call.name.to_string();
        match name.as_str() {
            "into" | "try_into" => mistakes.add(
                &call.name,
                format!(
                    "a call cannot be named `{name}` in Rust, since `outgoing.{name}(..)` would mean \
                     the method of the standard library; use another name and \
                     `#[name = \"{name}\"]` for the wire",
                ),
            ),
            "__api" => {
                mistakes.add(&call.name, "a call cannot be named `__api`, which is generated");
                return false;
            }
            _ => {}
        }
        if !seen.insert(name.clone()) {
            mistakes.add(
                &call.name,
                format!(
                    "two calls are named `{name}`; each has a name of its own in Rust, and \
                     `#[name = \"..\"]` gives the one on the wire"
                ),
            );
            return false;
        }
        true
    });
}

/// A property and what writes it are methods beside the calls that go the same way.
fn check_setters(api: &mut Api, mistakes: &mut Mistakes) {
    let properties = api.calls.iter();
    let setters: Vec<_> = properties
        .filter_map(|call| {
            let property = call
                .property
                .as_ref()
                .filter(|property| property.writable)?;
            Some((
                property.setter.to_string(),
                call.direction,
                call.name.clone(),
            ))
        })
        .collect();
    api.calls.retain(|call| {
        let name = syn::ext::IdentExt::unraw(&call.name).to_string();
        let same = |(setter, direction, _): &&(String, _, _)| {
            *setter == name && *direction == call.direction
        };
        let Some((_, _, property)) = setters.iter().find(same) else {
            return true;
        };
        mistakes.add(
            &call.name,
            format!(
                "`{name}` writes the property `{property}`, which is `writable`; give the call \
                 another name"
            ),
        );
        false
    });
}

fn check_call_name(call: &Call, mistakes: &mut Mistakes) {
    let name = &call.wire_name.text;
    if name.is_empty() && call.property.is_some() {
        // The whole of a state, on wires that have one; its calls have names nevertheless.
    } else if let Some(what) = unfit(name) {
        mistakes.add(&call.wire_name, format!("the name of a call {what}"));
    } else if name.starts_with("rpc.") {
        mistakes.add(
            &call.wire_name,
            "names that begin with `rpc.` are reserved by JSON-RPC; choose another",
        );
    }
}

fn check_arguments(call: &Call, mistakes: &mut Mistakes) {
    for argument in &call.arguments {
        let name = &argument.wire_name;
        if let Some(what) = unfit(&name.text) {
            mistakes.add(name, format!("the name of an argument {what}"));
        }
        if name.text == "sender" {
            mistakes.add(
                name,
                "an argument cannot be named `sender` on the wire: handlers get the sender as their \
                 first argument, and a Python peer rejects such a call; use another name, or give \
                 the one on the wire with `#[name = \"..\"]`",
            );
        }
    }
    check_unique(
        call.arguments.iter().map(|argument| &argument.wire_name),
        "two arguments",
        mistakes,
    );
}

fn check_unique<'a>(
    names: impl Iterator<Item = &'a WireName>,
    what: &str,
    mistakes: &mut Mistakes,
) {
    let mut seen: HashMap<&str, &WireName> = HashMap::new();
    for name in names {
        let Some(first) = seen.insert(&name.text, name) else {
            continue;
        };
        // rustc reports arguments with the same name in Rust.
        if first.name == name.name {
            continue;
        }
        mistakes.add(
            name,
            format!(
                "{what} are named `{}` on the wire: `{}` and `{}`",
                name.text, first.name, name.name
            ),
        );
    }
}

/// Why a text cannot be a name, or part of one.
pub(super) fn unfit(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("cannot be empty")
    } else if name.chars().any(char::is_control) {
        Some("cannot contain line ends or other control characters")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::unfit;

    #[test]
    fn names_may_be_anything_visible() {
        for name in [
            "say",
            "lab.say",
            "why not",
            "größe",
            "text/hover",
            "$x",
            "_",
        ] {
            assert_eq!(unfit(name), None, "{name}");
        }
        for name in ["", "a\n", "\0"] {
            assert!(unfit(name).is_some(), "{name:?}");
        }
    }
}
