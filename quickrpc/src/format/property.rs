//! Properties as data: `Supply::DESCRIPTION.properties`, and what they are where a protocol has
//! nothing but calls.

use super::description::{CallDescription, Direction};
use super::schema::TypeSchema;

/// One property of an API: a value of one side that the other one reads, hears changes of, and
/// may be allowed to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PropertyDescription {
    /// Name in the trait.
    pub name: &'static str,
    /// Name on the wire, for protocols that have properties.
    pub wire_name: &'static str,
    /// Where reads and writes arrive: [`Direction::Incoming`] if the property is this side's.
    pub direction: Direction,
    /// Doc comment of the property.
    pub docs: &'static str,
    /// The declared type of the value as text.
    pub type_name: &'static str,
    /// How the value looks.
    pub schema: TypeSchema,
    /// Whether the other side may write it.
    pub writable: bool,
    /// The role that the other side needs (`#[require(role = "..")]`).
    pub role: Option<&'static str>,
    /// The role that it needs for writing, in place of the other
    /// (`#[require(write_role = "..")]`).
    pub write_role: Option<&'static str>,
    /// What it is in protocols that have calls alone, `jrpc` and `terse` among them.
    pub calls: PropertyCalls,
}

/// A property in terms of calls. They are not among those of the
/// [`Description`](crate::Description).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PropertyCalls {
    /// Gives the value: `get_voltage`.
    pub read: CallDescription,
    /// Takes a new one as `value`: `set_voltage`. `None` if the property is not writable.
    pub write: Option<CallDescription>,
    /// The notification of a new one, as `value`: `voltage_changed`.
    pub change: CallDescription,
}

impl PropertyCalls {
    /// All of them.
    pub(crate) fn iter(&'static self) -> impl Iterator<Item = &'static CallDescription> {
        let always = [&self.read, &self.change];
        always.into_iter().chain(&self.write)
    }
}

/// The names of a property's calls, where nobody has declared it. The names of declared ones
/// are made by the macro, by the same rule: what makes a name different goes behind its last dot or
/// slash.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CallNames {
    pub(crate) read: String,
    pub(crate) write: String,
    pub(crate) change: String,
}

/// The one argument of a write, and of a change that is told.
pub(crate) const VALUE: &str = "value";

impl CallNames {
    pub(crate) fn of(property: &str) -> Self {
        let (path, name) = match property.rfind(['.', '/']) {
            Some(end) => property.split_at(end + 1),
            None => ("", property),
        };
        CallNames {
            read: format!("{path}get_{name}"),
            write: format!("{path}set_{name}"),
            change: format!("{path}{name}_changed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::CallNames;

    #[test]
    fn what_makes_a_name_different_goes_behind_the_path() {
        let names = |name| {
            let CallNames {
                read,
                write,
                change,
            } = CallNames::of(name);
            [read, write, change]
        };
        assert_eq!(
            names("voltage"),
            ["get_voltage", "set_voltage", "voltage_changed"]
        );
        assert_eq!(names("a.b.c"), ["a.b.get_c", "a.b.set_c", "a.b.c_changed"]);
        assert_eq!(names("a/b.c/d")[0], "a/b.c/get_d");
        assert_eq!(names(""), ["get_", "set_", "_changed"]);
    }
}
