//! Names of what is generated.

use std::collections::HashSet;

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{ToTokens, format_ident};
use syn::ext::IdentExt as _;

use super::{Api, Direction};
use crate::parse::{DeclaredCall, Default};

/// The types of one side.
pub(crate) struct SideNames {
    /// `Echo`
    pub(crate) handle: Ident,
    /// `EchoOutgoing`
    pub(crate) outgoing: Ident,
    /// `EchoOutgoingEach`
    pub(crate) each: Ident,
    /// `EchoIncoming`
    pub(crate) incoming: Ident,
    /// `EchoIncomingAsync`
    pub(crate) incoming_async: Ident,
}

impl SideNames {
    pub(super) fn new(name: &Ident, side: &str) -> Self {
        SideNames {
            handle: match side {
                "" => name.clone(),
                side => format_ident!("{name}{side}"),
            },
            outgoing: format_ident!("{name}{side}Outgoing"),
            each: format_ident!("{name}{side}OutgoingEach"),
            incoming: format_ident!("{name}{side}Incoming"),
            incoming_async: format_ident!("{name}{side}IncomingAsync"),
        }
    }

    fn all(&self) -> [&Ident; 5] {
        [
            &self.handle,
            &self.outgoing,
            &self.each,
            &self.incoming,
            &self.incoming_async,
        ]
    }
}

/// Every type and trait that is generated for the API.
pub(crate) fn generated_names(api: &Api) -> HashSet<String> {
    let calls = api.calls.iter().filter(|call| call.property.is_none());
    let sides = api.declared.all().into_iter().chain(api.inverse.all());
    sides
        .chain(calls.map(|call| &call.slot))
        .map(|name| name.unraw().to_string())
        .collect()
}

/// Gives out the names of slots, each once.
pub(super) struct Slots<'a> {
    name: &'a Ident,
    taken: HashSet<String>,
}

impl<'a> Slots<'a> {
    pub(super) fn new(name: &'a Ident) -> Self {
        Slots {
            name,
            taken: HashSet::new(),
        }
    }

    /// `EchoSaySlot` on the side that receives the call. Where another slot is called so
    /// already (`add_one` and `addOne`), a number makes the difference.
    pub(super) fn name(&mut self, call: &Ident, direction: Option<Direction>) -> Ident {
        let side = match direction {
            Some(Direction::Outgoing) => "Inverse",
            _ => "",
        };
        let call_name = super::rename::upper_camel(&call.unraw().to_string());
        let stem = format!("{}{side}{call_name}", self.name.unraw());
        let mut text = format!("{stem}Slot");
        let mut number = 1;
        while !self.taken.insert(text.clone()) {
            number += 1;
            text = format!("{stem}{number}Slot");
        }
        Ident::new(&text, call.span())
    }
}

/// Names for the type parameters `F` (handler) and `R` (what it returns) that occur
/// nowhere in the user's types and defaults, which would mean something else then.
pub(super) fn type_parameters(calls: &[DeclaredCall]) -> [Ident; 4] {
    let mut used = HashSet::new();
    for call in calls {
        for argument in &call.arguments {
            collect(argument.ty.to_token_stream(), &mut used);
            if let Some(Default::Expr(expr)) = &argument.attrs.default {
                collect(expr.to_token_stream(), &mut used);
            }
        }
        collect(call.result.to_token_stream(), &mut used);
    }
    ["F", "R", "K", "U"].map(|wish| {
        let mut name = wish.to_owned();
        while used.contains(&name) {
            name.insert_str(0, "__");
        }
        Ident::new(&name, proc_macro2::Span::call_site())
    })
}

fn collect(tokens: TokenStream, used: &mut HashSet<String>) {
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => drop(used.insert(ident.to_string())),
            TokenTree::Group(group) => collect(group.stream(), used),
            _ => {}
        }
    }
}
