//! Third stage: what is wrong with an API although each part of it could be read.
//!
//! Calls about which too little is known to generate code are replaced by placeholders.

mod lifetimes;
mod names;
mod subscriptions;
mod types;

use proc_macro2::TokenStream;

use crate::mistakes::Mistakes;
use crate::model::{Api, Call, Poisoned, generated_names};

pub(crate) fn validate(api: &mut Api, mistakes: &mut Mistakes) {
    names::check(api, mistakes);
    subscriptions::check(api, mistakes);
    let generated = generated_names(api);
    for mut call in std::mem::take(&mut api.calls) {
        let before = mistakes.count();
        types::check(&call, &generated, mistakes);
        match call.poison.take().or_else(|| mistakes.as_type(before)) {
            None if call.property.is_some() => api.properties.push(call),
            None => api.calls.push(call),
            Some(error) => poison(api, call, error),
        }
    }
}

fn poison(api: &mut Api, call: Call, error: TokenStream) {
    if let Some(property) = call.property {
        // It is something on both sides, and so is what writes it.
        for (name, arguments) in [(call.name, 0), (property.setter, 1)] {
            let taken = |other: &Poisoned| other.name == name;
            if !api.poisoned.iter().any(taken) && !api.calls.iter().any(|call| call.name == name) {
                api.poisoned.push(Poisoned {
                    name,
                    direction: None,
                    arguments,
                    error: error.clone(),
                });
            }
        }
        return;
    }
    api.poisoned.push(Poisoned {
        name: call.name,
        direction: call.direction,
        arguments: call.arguments.len(),
        error,
    });
}
