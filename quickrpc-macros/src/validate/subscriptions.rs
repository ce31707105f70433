//! Streams in the convention of other people: what those people do not know.

use syn::{LitStr, Type};

use super::names::unfit;
use crate::mistakes::Mistakes;
use crate::model::{Api, ArgumentKind, Call, Direction, peel};
use crate::parse::{Convention, Subscription};

/// A name on the wire, and which way it goes.
type Taken = (Option<Direction>, String, String);

pub(super) fn check(api: &Api, mistakes: &mut Mistakes) {
    let calls = api.calls.iter().filter(|call| call.property.is_none());
    let taken: Vec<Taken> = calls
        .map(|call| {
            let name = call.wire_name.text.clone();
            (call.direction, name, call.name.to_string())
        })
        .collect();
    for call in &api.calls {
        if let Some(subscription) = &call.subscription
            && call.property.is_none()
        {
            result(call, subscription, mistakes);
            arguments(call, subscription, mistakes);
            names(call, subscription, &taken, mistakes);
        }
    }
}

fn result(call: &Call, subscription: &Subscription, mistakes: &mut Mistakes) {
    const ITEMS: &str = "a subscription gives items one after the other: write `-> Stream<T>`";
    let Some(result) = &call.result else {
        return mistakes.add(&subscription.at, ITEMS);
    };
    let Some(stream) = &result.stream else {
        return mistakes.add(&result.declared, ITEMS);
    };
    if !matches!(peel(&stream.end.ty), Type::Tuple(tuple) if tuple.elems.is_empty()) {
        mistakes.add(
            &stream.end.ty,
            "a subscription has no result behind its items, as others know none: write `Stream<T>`",
        );
    }
}

fn arguments(call: &Call, subscription: &Subscription, mistakes: &mut Mistakes) {
    let first = call.arguments.first();
    if let (Convention::Event, Some(argument)) = (&subscription.convention, first) {
        return mistakes.add(
            &argument.name,
            "an event of rpc-websockets has no arguments: whoever subscribes gives its name alone",
        );
    }
    for argument in &call.arguments {
        if let ArgumentKind::Stream(_) = argument.shape.kind {
            let text = "others know no streams that are arguments: give a subscription values";
            mistakes.add(&argument.ty, text);
        }
    }
}

fn names(call: &Call, subscription: &Subscription, taken: &[Taken], mistakes: &mut Mistakes) {
    let Convention::ById { item, cancel } = &subscription.convention else {
        return;
    };
    let method = &call.wire_name.text;
    // Items go against the calls.
    let against = call.direction.map(Direction::opposite);
    for (name, direction, what) in [
        (item, against, "brings its items"),
        (cancel, call.direction, "ends it"),
    ] {
        let text = name.value();
        if let Some(why) = unfit(&text) {
            mistakes.add(name, format!("the name of a call {why}"));
        } else if text.starts_with("rpc.") {
            mistakes.add(
                name,
                "names that begin with `rpc.` are reserved by JSON-RPC; choose another",
            );
        } else if direction.is_some()
            && text != *method
            && let Some((_, _, other)) = taken
                .iter()
                .find(|(towards, name, _)| *towards == direction && *name == text)
        {
            mistakes.add(
                name,
                format!("`{text}` is the call `{other}` already, and cannot be what {what}"),
            );
        }
    }
    apart(method, item, cancel, mistakes);
}

/// What begins it, brings its items and ends it are three.
fn apart(method: &str, item: &LitStr, cancel: &LitStr, mistakes: &mut Mistakes) {
    if item.value() == cancel.value() {
        mistakes.add(
            cancel,
            "what ends a subscription is not what brings its items",
        );
    }
    if cancel.value() == method {
        mistakes.add(cancel, "what ends a subscription is not what begins it");
    }
}
