//! What a property is in terms of calls: the one place that makes their names from its own.

use syn::Ident;
use syn::ext::IdentExt as _;

use super::{Direction, RenameRule, WireName};
use crate::parse::CallAttrs;

/// What makes a call a property.
pub(crate) struct PropertyParts {
    pub(crate) writable: bool,
    /// The role that a writer needs, if another one than a reader.
    pub(crate) write_role: Option<String>,
    /// `set_voltage`, the method that writes it.
    pub(crate) setter: Ident,
    /// The names of its calls on the wire.
    pub(crate) read: WireName,
    pub(crate) write: WireName,
    pub(crate) change: WireName,
}

impl PropertyParts {
    /// What `make` makes different goes behind the path: `lab.voltage` is read by
    /// `lab.get_voltage`. A name that is given in full is taken as it is; others are renamed
    /// like those of calls.
    pub(super) fn new(
        name: &Ident,
        attrs: &CallAttrs,
        rule: Option<RenameRule>,
        prefix: Option<&str>,
    ) -> Option<Self> {
        if !attrs.property {
            return None;
        }
        let wire = |make: &dyn Fn(&str) -> String| {
            let text = match &attrs.name {
                Some(given) => {
                    let given = given.value();
                    let (path, last) =
                        given.split_at(given.rfind(['.', '/']).map_or(0, |end| end + 1));
                    format!("{path}{}", make(last))
                }
                None => {
                    let made = make(&name.unraw().to_string());
                    let renamed = rule.map_or_else(|| made.clone(), |rule| rule.apply(&made));
                    format!("{}{renamed}", prefix.unwrap_or_default())
                }
            };
            WireName {
                text,
                given: attrs.name.clone(),
                name: name.clone(),
            }
        };
        Some(PropertyParts {
            writable: attrs.writable,
            write_role: attrs.write_role.as_ref().map(syn::LitStr::value),
            setter: Ident::new(&format!("set_{}", name.unraw()), name.span()),
            read: wire(&|name| format!("get_{name}")),
            write: wire(&|name| format!("set_{name}")),
            change: wire(&|name| format!("{name}_changed")),
        })
    }

    /// The names on the wire, and which way they go if the property goes that way.
    pub(crate) fn wire_names(&self, direction: Direction) -> Vec<(Direction, &WireName)> {
        let mut names = vec![
            (direction, &self.read),
            (direction.opposite(), &self.change),
        ];
        if self.writable {
            names.push((direction, &self.write));
        }
        names
    }
}
