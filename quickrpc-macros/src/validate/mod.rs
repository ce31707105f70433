//! Third stage: what is wrong with an API although each part of it could be read.
//!
//! Calls about which too little is known to generate code are replaced by placeholders.

mod names;
mod types;

use crate::mistakes::Mistakes;
use crate::model::{Api, Poisoned, generated_names};

pub(crate) fn validate(api: &mut Api, mistakes: &mut Mistakes) {
    names::check(api, mistakes);
    let generated = generated_names(api);
    for mut call in std::mem::take(&mut api.calls) {
        let before = mistakes.count();
        types::check(&call, &generated, mistakes);
        match call.poison.take().or_else(|| mistakes.as_type(before)) {
            None => api.calls.push(call),
            Some(error) => api.poisoned.push(Poisoned {
                name: call.name,
                direction: call.direction,
                arguments: call.arguments.len(),
                error,
            }),
        }
    }
}
