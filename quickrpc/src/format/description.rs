//! What an API looks like, as data: `Echo::DESCRIPTION`.

use std::collections::HashSet;
use std::time::Duration;

use crate::base::error::Error;

use super::property::PropertyDescription;
use super::schema::{ErrorCodes, TypeSchema};

/// The calls of an API as declared by `#[remote_api]`. It prints as the interface that it is:
///
/// ```
/// use quickrpc::remote_api;
///
/// /// A simple chat.
/// #[remote_api]
/// trait Echo {
///     /// Adds two numbers.
///     #[incoming]
///     fn add(&self, a: i64, #[default(1)] b: i64) -> i64;
/// }
///
/// assert_eq!(Echo::DESCRIPTION.to_string(), "\
/// /// A simple chat.
/// trait Echo {
///     /// Adds two numbers.
///     #[incoming]
///     fn add(&self, a: i64, #[default(1)] b: i64) -> i64;
/// }
/// ");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Description {
    /// Name of the trait.
    pub name: &'static str,
    /// The version of the package that declares it; empty if it has none.
    pub version: &'static str,
    /// Doc comment of the trait.
    pub docs: &'static str,
    /// All calls, in the order of their declaration.
    pub calls: &'static [CallDescription],
    /// All properties, in the order of their declaration.
    pub properties: &'static [PropertyDescription],
}

impl Description {
    /// All calls that may arrive at this side, those included that properties are made of.
    pub(crate) fn incoming(&self) -> impl Iterator<Item = &'static CallDescription> + use<> {
        self.towards(Direction::Incoming)
    }

    /// All calls that this side may send, likewise.
    pub(crate) fn outgoing(&self) -> impl Iterator<Item = &'static CallDescription> + use<> {
        self.towards(Direction::Outgoing)
    }

    /// All calls of one direction, those included that properties are made of.
    fn towards(
        &self,
        direction: Direction,
    ) -> impl Iterator<Item = &'static CallDescription> + use<> {
        let properties = self.properties.iter();
        let calls = self.calls.iter();
        calls
            .chain(properties.flat_map(|property| property.calls.iter()))
            .filter(move |call| call.direction == direction)
    }

    /// A name on the wire that both use in the same direction.
    pub(crate) fn shares(&self, other: &Description) -> Option<(&'static str, Direction)> {
        [Direction::Incoming, Direction::Outgoing]
            .into_iter()
            .find_map(|direction| {
                let names: HashSet<_> =
                    self.towards(direction).map(|call| call.wire_name).collect();
                let mut others = other.towards(direction).map(|call| call.wire_name);
                Some((others.find(|name| names.contains(name))?, direction))
            })
    }

    /// What to say of a trait that has a name in common with another one.
    #[cold]
    pub(crate) fn collides(&self, old: &Description, name: &str, direction: Direction) -> Error {
        let text = match direction {
            _ if old.name == self.name && old == self => {
                format!("`{}` is there already; clone its handle", self.name)
            }
            Direction::Incoming => format!(
                "`{}` cannot be added: it receives `{name}`, and so does `{}`; give one of the calls \
                 another name (`#[name = \"..\"]`), or its trait `prefix = \"..\"`",
                self.name, old.name
            ),
            Direction::Outgoing => format!(
                "`{}` cannot be added: it sends `{name}`, and so does `{}`, which the other side \
                 could not tell apart; give one of the calls another name (`#[name = \"..\"]`), or \
                 all of a trait a prefix",
                self.name, old.name
            ),
        };
        Error::Config(text.into())
    }
}

/// One call of an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallDescription {
    /// Name in the trait.
    pub name: &'static str,
    /// Name on the wire. A call of the other direction may have the same.
    pub wire_name: &'static str,
    /// Whether this side receives or sends the call.
    pub direction: Direction,
    /// Doc comment of the method.
    pub docs: &'static str,
    /// The arguments, in order.
    pub arguments: &'static [ArgumentDescription],
    /// Whether positional arguments are accepted (incoming) or sent (outgoing).
    pub positional: bool,
    /// Whether its calls run beside each other, and hold up no later ones (`concurrent`).
    pub concurrent: bool,
    /// Whether unknown arguments are let pass.
    pub ignore_unknown: bool,
    /// The role that a caller needs (`#[require(role = "..")]`); without it anybody may call.
    pub role: Option<&'static str>,
    /// How long its callers wait for the answer, where a handle does not say otherwise
    /// (`#[timeout("30s")]`).
    pub timeout: Option<Duration>,
    /// The declared type of the result as text; `None` for a notification.
    pub result: Option<&'static str>,
    /// How the result looks; of a stream, what it ends with.
    pub schema: TypeSchema,
    /// What comes before the result, if it is a stream.
    pub item: Option<ItemDescription>,
    /// The declared error, of a call declared `-> Result<T, E>`.
    pub error: Option<ErrorDescription>,
    /// Whether it should not be used any more (`#[deprecated]`).
    pub deprecated: bool,
}

/// The items of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ItemDescription {
    /// Their type as text.
    pub type_name: &'static str,
    /// How they look.
    pub schema: TypeSchema,
    /// The type of what the stream ends with, as text.
    pub end: &'static str,
    /// Whose convention it follows, if not ours: `#[outgoing(subscription(..))]`.
    pub subscription: Option<SubscriptionDescription>,
}

/// How a stream travels that follows the convention of other people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscriptionDescription {
    /// That of Ethereum nodes, jsonrpsee and others: the call is answered with an id.
    ById {
        /// The notification that an item is: with the members `subscription`, which is the id, and
        /// `result`.
        item: &'static str,
        /// The call that ends it, with the id.
        cancel: &'static str,
    },
    /// An event of rpc-websockets, whose name is that of the call: `rpc.on` begins it, `rpc.off`
    /// ends it.
    Event,
}

/// The error of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorDescription {
    /// The declared type as text.
    pub type_name: &'static str,
    /// The codes that it has.
    pub codes: ErrorCodes,
}

impl CallDescription {
    /// Whether the call has a reply.
    pub const fn has_reply(&self) -> bool {
        self.result.is_some()
    }

    /// Whose convention its stream follows, if not ours.
    pub(crate) fn subscription(&self) -> Option<SubscriptionDescription> {
        self.item?.subscription
    }
}

/// One argument of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArgumentDescription {
    /// Name in the trait.
    pub name: &'static str,
    /// Name on the wire.
    pub wire_name: &'static str,
    /// The same in quotes, as it stands in JSON; empty if anything in it is not written as itself.
    pub quoted: &'static str,
    /// The declared type as text.
    pub type_name: &'static str,
    /// How it looks when it is there.
    pub schema: TypeSchema,
    /// The expression of `#[default(expr)]` as text; `"Default::default()"` for `#[default]`.
    pub default: Option<&'static str>,
    /// Whether it may be missing without a default (`Option<T>`).
    pub optional: bool,
    /// Whether it is all that the call sends, in place of the arguments (`#[whole]`).
    pub whole: bool,
    /// Doc comment of the argument.
    pub docs: &'static str,
}

/// Which way a call goes, seen from the side that the description belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The call arrives here.
    Incoming,
    /// The call is sent from here.
    Outgoing,
}
