//! Python: a `RemoteAPI` for QuickRPC 0.1.0, to be called with `invert=True`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use quickrpc::Value;

use super::schema::Type;
use super::{clean, one_line, snake_name};
use crate::interface::{Interface, Method};
use crate::values::json;

pub fn generate(name: &str, interface: &Interface) -> String {
    let name = match KEYWORDS.contains(&name) {
        true => &format!("{name}_"),
        false => name,
    };
    let mut out = format!(
        "# Made by `quickrpc codegen python` from {} {}. Do not edit.\n\
         from quickrpc import RemoteAPI, incoming, outgoing\n\n\n\
         class {name}(RemoteAPI):\n",
        one_line(&interface.title),
        one_line(&interface.version)
    );
    let about = match interface.docs.is_empty() {
        true => interface.title.clone(),
        false => interface.docs.clone(),
    };
    let text = format!("{about}\n\nWhoever calls the service says {name}(.., invert=True).");
    docs(&mut out, "    ", &text);
    let mut left_out = Vec::new();
    let mut taken = BTreeSet::new();
    // A class has one method of a name. Where one goes both ways, it is the one that is called.
    let (called, heard): (Vec<_>, Vec<_>) = interface.methods.iter().partition(|one| one.incoming);
    for method in called.into_iter().chain(heard) {
        // What Python cannot say is called by no name of a function.
        if snake_name(&method.name, &[]) != method.name && !is_name(&method.name)
            || method.positional
            || KEYWORDS.contains(&method.name.as_str())
            || ITS_OWN.contains(&method.name.as_str())
            || !has_names(method)
            || !taken.insert(&method.name)
        {
            left_out.push(one_line(&method.name));
            continue;
        }
        out.push('\n');
        write_method(&mut out, method);
    }
    if !left_out.is_empty() {
        let _ = write!(
            out,
            "\n    # Not here, since Python's QuickRPC has no such calls: {}\n",
            left_out.join(", ")
        );
    }
    out
}

fn write_method(out: &mut String, method: &Method) {
    let direction = if method.incoming {
        "incoming"
    } else {
        "outgoing"
    };
    match method.result {
        Some(_) => {
            let _ = writeln!(out, "    @{direction}(has_reply=True)");
        }
        None => {
            let _ = writeln!(out, "    @{direction}");
        }
    }
    // Each has one whom it comes from or goes to.
    let mut params = vec![match method.incoming {
        true => "self, sender=None".to_owned(),
        false => "self, receivers=None".to_owned(),
    }];
    // Behind an argument with a default, Python wants all to have one.
    for param in &method.params {
        let default = param.default.as_deref().and_then(literal);
        params.push(format!(
            "{}={}",
            param.name,
            default.unwrap_or_else(|| "None".to_owned())
        ));
    }
    let _ = writeln!(out, "    def {}({}):", method.name, params.join(", "));
    let mut text = method.docs.clone();
    if !method.params.is_empty() {
        text += "\n\n";
        for param in &method.params {
            let must = if param.required {
                ", has to be there"
            } else {
                ""
            };
            let about = if param.docs.is_empty() {
                String::new()
            } else {
                format!(": {}", param.docs)
            };
            let _ = writeln!(
                text,
                "{} ({}{must}){about}",
                param.name,
                kind(&Type::of(&param.schema))
            );
        }
    }
    if let Some(result) = &method.result {
        let _ = write!(text, "\nAnswers {}.", kind(&Type::of(result)));
    }
    docs(out, "        ", text.trim());
    if text.trim().is_empty() {
        out.push_str("        pass\n");
    }
}

fn kind(ty: &Type) -> String {
    match ty {
        Type::Any => "anything".to_owned(),
        Type::Null => "None".to_owned(),
        Type::Bool => "bool".to_owned(),
        Type::Integer => "int".to_owned(),
        Type::Number => "float".to_owned(),
        Type::Text => "str".to_owned(),
        Type::Bytes => "bytes".to_owned(),
        Type::List(item) => format!("list of {}", kind(item)),
        Type::Tuple(_) => "list".to_owned(),
        Type::Map(_) | Type::Object(_) => "dict".to_owned(),
        Type::Named(name) => format!("{name}, a dict"),
        Type::Words(words) => words
            .iter()
            .map(|word| format!("{word:?}"))
            .collect::<Vec<_>>()
            .join(" or "),
        Type::Union(parts) => parts.iter().map(kind).collect::<Vec<_>>().join(" or "),
    }
}

/// A default as Python writes it, if it is a plain value.
fn literal(text: &str) -> Option<String> {
    match json(text).ok()? {
        Value::Bool(true) => Some("True".to_owned()),
        Value::Bool(false) => Some("False".to_owned()),
        Value::Null => Some("None".to_owned()),
        Value::String(text) => Some(quoted(&text)),
        // These are in Python as in JSON.
        number if !matches!(number, Value::List(_) | Value::Map(_) | Value::Bytes(_)) => {
            Some(number.to_string())
        }
        _ => None,
    }
}

/// A text as Python writes it: what is no letter of some kind is a number there.
fn quoted(text: &str) -> String {
    let mut out = "\"".to_owned();
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() || clean(&c.to_string()) != c.to_string() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Whether Python can say its arguments by their names, each of which is there once.
fn has_names(method: &Method) -> bool {
    let mut taken = vec!["self", "sender", "receivers"];
    method.params.iter().all(|param| {
        let name = param.name.as_str();
        let is_free = is_name(name) && !KEYWORDS.contains(&name) && !taken.contains(&name);
        taken.push(name);
        is_free
    })
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn docs(out: &mut String, indent: &str, text: &str) {
    if text.is_empty() {
        return;
    }
    let text = clean(text).replace('\\', "\\\\").replace("\"\"\"", "'''");
    // A quote at the end would be one of those that end it.
    let text = match text.strip_suffix('"') {
        Some(text) => format!("{text}\\\""),
        None => text,
    };
    let mut lines = text.lines();
    let _ = write!(out, "{indent}\"\"\"{}", lines.next().unwrap_or_default());
    for line in lines {
        let _ = write!(out, "\n{}", format!("{indent}{line}").trim_end());
    }
    match text.lines().count() {
        1 => out.push_str("\"\"\"\n"),
        _ => {
            let _ = write!(out, "\n{indent}\"\"\"\n");
        }
    }
}

const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue",
    "def", "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import",
    "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while",
    "with", "yield",
];

/// What a class of QuickRPC has beside its calls.
const ITS_OWN: [&str; 4] = ["codec", "transport", "security", "invert"];
