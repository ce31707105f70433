//! A description as text: the interface, much as it was declared.

use std::fmt::{self, Display, Formatter};

use super::description::{
    ArgumentDescription, CallDescription, Description, Direction, SubscriptionDescription,
};
use super::property::PropertyDescription;

impl Display for Description {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        docs(f, "", self.docs)?;
        writeln!(f, "trait {} {{", self.name)?;
        let mut first = true;
        for call in self.calls.iter() {
            // Properties have their places among the calls in no list of ours: they come behind.
            between(f, &mut first)?;
            call.fmt(f)?;
        }
        for property in self.properties {
            between(f, &mut first)?;
            property.fmt(f)?;
        }
        f.write_str("}\n")
    }
}

fn between(f: &mut Formatter<'_>, first: &mut bool) -> fmt::Result {
    match std::mem::take(first) {
        true => Ok(()),
        false => f.write_str("\n"),
    }
}

/// Doc comment, attributes and signature, indented and with a line end.
impl Display for CallDescription {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        docs(f, INDENT, self.docs)?;
        let subscription = self.subscription().map(|one| one.to_string());
        // One is positional by itself.
        let positional = self.positional && subscription.is_none();
        let words = [
            positional.then_some("positional"),
            self.concurrent.then_some("concurrent"),
            subscription.as_deref(),
        ];
        let words: Vec<_> = words.into_iter().flatten().collect();
        direction(f, self.direction, &words)?;
        name(f, self.name, self.wire_name)?;
        role(f, self.role, None)?;
        if let Some(timeout) = self.timeout {
            writeln!(f, "{INDENT}#[timeout({:?})]", format!("{timeout:?}"))?;
        }
        if self.deprecated {
            writeln!(f, "{INDENT}#[deprecated]")?;
        }
        write!(f, "{INDENT}fn {}(&self", self.name)?;
        let documented = self
            .arguments
            .iter()
            .any(|argument| !argument.docs.is_empty());
        for argument in self.arguments {
            match documented {
                true => {
                    f.write_str(",\n")?;
                    docs(f, DEEPER, argument.docs)?;
                    f.write_str(DEEPER)?;
                }
                false => f.write_str(", ")?,
            }
            argument.fmt(f)?;
        }
        if documented {
            write!(f, ",\n{INDENT}")?;
        }
        f.write_str(")")?;
        match (self.result, self.error) {
            (Some(result), Some(error)) => {
                write!(f, " -> Result<{result}, {}>", error.type_name)?;
            }
            (Some(result), None) => write!(f, " -> {result}")?,
            (None, _) => {}
        }
        f.write_str(";\n")
    }
}

/// As it was declared.
impl Display for SubscriptionDescription {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            SubscriptionDescription::ById { item, cancel } => {
                write!(f, "subscription(item = {item:?}, cancel = {cancel:?})")
            }
            SubscriptionDescription::Event => f.write_str("subscription(event)"),
        }
    }
}

impl Display for ArgumentDescription {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.name != self.wire_name {
            write!(f, "#[name = {:?}] ", self.wire_name)?;
        }
        match self.default {
            Some("Default::default()") => f.write_str("#[default] ")?,
            Some(default) => write!(f, "#[default({default})] ")?,
            None => {}
        }
        if self.whole {
            f.write_str("#[whole] ")?;
        }
        write!(f, "{}: {}", self.name, self.type_name)
    }
}

impl Display for PropertyDescription {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        docs(f, INDENT, self.docs)?;
        let words: &[&str] = match self.writable {
            true => &["property", "writable"],
            false => &["property"],
        };
        direction(f, self.direction, words)?;
        name(f, self.name, self.wire_name)?;
        role(f, self.role, self.write_role)?;
        writeln!(f, "{INDENT}fn {}(&self) -> {};", self.name, self.type_name)
    }
}

fn docs(f: &mut Formatter<'_>, indent: &str, text: &str) -> fmt::Result {
    for line in text.lines() {
        writeln!(f, "{indent}{}", format!("/// {line}").trim_end())?;
    }
    Ok(())
}

fn direction(f: &mut Formatter<'_>, direction: Direction, words: &[&str]) -> fmt::Result {
    let direction = match direction {
        Direction::Incoming => "incoming",
        Direction::Outgoing => "outgoing",
    };
    match words {
        [] => writeln!(f, "{INDENT}#[{direction}]"),
        words => writeln!(f, "{INDENT}#[{direction}({})]", words.join(", ")),
    }
}

fn name(f: &mut Formatter<'_>, name: &str, wire_name: &str) -> fmt::Result {
    match name == wire_name {
        true => Ok(()),
        false => writeln!(f, "{INDENT}#[name = {wire_name:?}]"),
    }
}

fn role(f: &mut Formatter<'_>, role: Option<&str>, write_role: Option<&str>) -> fmt::Result {
    let roles = [("role", role), ("write_role", write_role)];
    let roles = roles
        .into_iter()
        .filter_map(|(name, role)| Some(format!("{name} = {:?}", role?)));
    match roles.collect::<Vec<_>>() {
        roles if roles.is_empty() => Ok(()),
        roles => writeln!(f, "{INDENT}#[require({})]", roles.join(", ")),
    }
}

const INDENT: &str = "    ";
const DEEPER: &str = "        ";
