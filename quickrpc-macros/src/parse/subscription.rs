//! `subscription(..)`: a stream in the convention of other people.

use syn::parse::Parser as _;
use syn::punctuated::Punctuated;
use syn::{LitStr, Meta, Token};

use crate::mistakes::Mistakes;

/// What `subscription(..)` says.
pub(crate) struct Subscription {
    /// Where to point when it is wrong.
    pub(crate) at: Meta,
    pub(crate) convention: Convention,
}

/// Whose convention it is.
pub(crate) enum Convention {
    /// The answer is an id: of Ethereum nodes, and others.
    ById {
        /// The notification that an item is.
        item: LitStr,
        /// The call that ends it.
        cancel: LitStr,
    },
    /// The call is an event of rpc-websockets.
    Event,
}

const EXPECTED: &str = "expected `subscription(item = \"eth_subscription\", cancel = \
                        \"eth_unsubscribe\")`, or `subscription(event)` for an event of rpc-websockets";

impl Subscription {
    /// Reads `subscription(..)`; what is wrong about it is reported.
    pub(super) fn parse(meta: &Meta, mistakes: &mut Mistakes) -> Option<Self> {
        let Meta::List(list) = meta else {
            mistakes.add(meta, EXPECTED);
            return None;
        };
        let parser = Punctuated::<Meta, Token![,]>::parse_terminated;
        let metas = match parser.parse2(list.tokens.clone()) {
            Ok(metas) => metas,
            Err(error) => {
                let text = format!("{error}; {EXPECTED}");
                mistakes.add_error(syn::Error::new(error.span(), text));
                return None;
            }
        };
        let (mut item, mut cancel, mut event) = (None, None, false);
        let before = mistakes.count();
        for meta in &metas {
            let key = crate::text::of(meta.path());
            let (slot, example) = match (&*key, meta) {
                ("event", Meta::Path(_)) => {
                    event = true;
                    continue;
                }
                ("item", _) => (&mut item, "item = \"eth_subscription\""),
                ("cancel", _) => (&mut cancel, "cancel = \"eth_unsubscribe\""),
                _ => {
                    mistakes.add(meta, EXPECTED);
                    continue;
                }
            };
            if slot.is_some() {
                mistakes.add(meta, format!("`{key}` is given twice"));
            }
            *slot = super::options::string(meta, example, mistakes);
        }
        let convention = match (item, cancel, event) {
            (None, None, true) => Convention::Event,
            (Some(item), Some(cancel), false) => Convention::ById { item, cancel },
            _ if mistakes.count() > before => return None,
            (_, _, true) => {
                mistakes.add(
                    meta,
                    "an event is begun by `rpc.on` and ended by `rpc.off`: it has no `item` and no \
                     `cancel`",
                );
                return None;
            }
            (None, _, _) => {
                let text = "say which notification brings the items: `item = \"eth_subscription\"`";
                mistakes.add(meta, text);
                return None;
            }
            (_, None, _) => {
                let text = "say which call ends it: `cancel = \"eth_unsubscribe\"`";
                mistakes.add(meta, text);
                return None;
            }
        };
        let at = meta.clone();
        Some(Subscription { at, convention })
    }
}
