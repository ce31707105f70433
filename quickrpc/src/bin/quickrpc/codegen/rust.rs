//! Rust: the trait as the service declares it, and its types.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::schema::{Field, Type};
use super::{Names, clean, one_line, snake_name, type_name};
use crate::interface::{Interface, Method, Param};

pub fn generate(name: &str, interface: &Interface) -> String {
    let mut body = Body::new(name, interface);
    for (schema_name, schema) in &interface.schemas {
        let docs = schema["description"].as_str().unwrap_or_default();
        let name = body.named(schema_name);
        body.define(&name, docs, &Type::of(schema));
    }
    let mut calls = String::new();
    for method in interface
        .methods
        .iter()
        .filter(|method| method.property.is_none())
    {
        body.method(&mut calls, method);
    }
    for property in &interface.properties {
        docs(&mut calls, "    ", &property.docs);
        let direction = if property.incoming {
            "incoming"
        } else {
            "outgoing"
        };
        let writable = if property.writable { ", writable" } else { "" };
        let rust = body.calls.fresh(snake_name(&property.name, &KEYWORDS));
        let _ = writeln!(calls, "    #[{direction}(property{writable})]");
        if rust != property.name {
            let _ = writeln!(calls, "    #[name = {:?}]", property.name);
        }
        let ty = body.written(&Type::of(&property.schema), &type_name(&property.name));
        let _ = write!(calls, "    fn {rust}(&self) -> {ty};\n\n");
    }
    let mut out = format!(
        "// Made by `quickrpc codegen rust` from {} {}. Do not edit.\n\
         // `{name}` is the side that serves, `{name}Inverse` the one that calls.\n\n\
         use quickrpc::remote_api;\n",
        one_line(&interface.title),
        one_line(&interface.version)
    );
    if !body.types.is_empty() {
        out.push_str("use serde::{Deserialize, Serialize};\n");
    }
    out.push('\n');
    out += &body.types;
    docs(&mut out, "", &interface.docs);
    let _ = write!(
        out,
        "#[remote_api]\npub trait {name} {{\n{}\n}}\n",
        calls.trim_end()
    );
    out
}

/// The types that were found on the way.
struct Body {
    types: String,
    /// What those are called that the document has names for.
    named: BTreeMap<String, String>,
    /// Names of types, and of what the trait has.
    taken: Names,
    calls: Names,
}

impl Body {
    fn new(name: &str, interface: &Interface) -> Self {
        let inverse = format!("{name}Inverse");
        let mut taken = Names::with(ITS_OWN.into_iter().chain([name, &inverse]));
        let named = interface.schemas.keys().map(|schema| {
            let fresh = taken.fresh(type_name(schema));
            (schema.clone(), fresh)
        });
        Body {
            types: String::new(),
            named: named.collect(),
            taken,
            calls: Names::with(REFUSED),
        }
    }

    fn named(&self, schema: &str) -> String {
        let named = self.named.get(schema).cloned();
        named.unwrap_or_else(|| type_name(schema))
    }

    fn method(&mut self, out: &mut String, method: &Method) {
        docs(out, "    ", &method.docs);
        let direction = if method.incoming {
            "incoming"
        } else {
            "outgoing"
        };
        let words = match &method.subscription {
            // Which is positional by itself.
            Some(subscription) => format!("({subscription})"),
            None if method.positional => "(positional)".to_owned(),
            None => String::new(),
        };
        let _ = writeln!(out, "    #[{direction}{words}]");
        let rust = self.calls.fresh(snake_name(&method.name, &KEYWORDS));
        if rust != method.name {
            let _ = writeln!(out, "    #[name = {:?}]", method.name);
        }
        if let Some(role) = &method.role {
            let _ = writeln!(out, "    #[require(role = {role:?})]");
        }
        if method.deprecated {
            out.push_str("    #[deprecated]\n");
        }
        let of = type_name(&method.name);
        let _ = write!(out, "    fn {rust}(&self");
        let mut names = Names::default();
        for param in &method.params {
            out.push_str(", ");
            let rust = names.fresh(snake_name(&param.name, &KEYWORDS));
            self.param(out, param, &rust, &of);
        }
        out.push(')');
        let result = method
            .result
            .as_ref()
            .map(|result| self.written(&Type::of(result), &format!("{of}Result")));
        match (&method.stream, result) {
            (Some(item), end) => {
                let item = self.written(&Type::of(item), &format!("{of}Item"));
                let end = end
                    .filter(|end| end != "()")
                    .map_or(String::new(), |end| format!(", {end}"));
                let _ = write!(out, " -> quickrpc::Stream<{item}{end}>");
            }
            (None, Some(result)) => {
                let _ = write!(out, " -> {result}");
            }
            (None, None) => {}
        }
        out.push_str(";\n\n");
    }

    fn param(&mut self, out: &mut String, param: &Param, rust: &str, of: &str) {
        if rust != param.name {
            let _ = write!(out, "#[name = {:?}] ", param.name);
        }
        if param.whole {
            out.push_str("#[whole] ");
        }
        let plain = self.written(
            &Type::of(&param.schema),
            &format!("{of}{}", type_name(&param.name)),
        );
        // What is missing is left to the service, which knows its default.
        let ty = match (param.required || param.whole, plain.as_str()) {
            (true, "String") => "&str".to_owned(),
            (true, "Vec<u8>") => "&[u8]".to_owned(),
            (true, _) => plain,
            (false, "String") => "Option<&str>".to_owned(),
            (false, plain) if plain.starts_with("Option<") => plain.to_owned(),
            (false, plain) => format!("Option<{plain}>"),
        };
        let _ = write!(out, "{rust}: {ty}");
    }

    /// A type as Rust writes it; one that has to be defined gets a name.
    fn written(&mut self, ty: &Type, name: &str) -> String {
        let (ty, nullable) = ty.split_null();
        let text = match &ty {
            Type::Any | Type::Union(_) => "quickrpc::Value".to_owned(),
            Type::Null => "()".to_owned(),
            Type::Bool => "bool".to_owned(),
            Type::Integer => "i64".to_owned(),
            Type::Number => "f64".to_owned(),
            Type::Text => "String".to_owned(),
            Type::Bytes => "Vec<u8>".to_owned(),
            Type::List(item) => match self.written(item, &format!("{name}Item")) {
                item if item == "u8" => "quickrpc::Bytes".to_owned(),
                item => format!("Vec<{item}>"),
            },
            Type::Tuple(items) => {
                let items = items.iter().enumerate();
                let items: Vec<String> = items
                    .map(|(at, item)| self.written(item, &format!("{name}{at}")))
                    .collect();
                match items.as_slice() {
                    [only] => format!("({only},)"),
                    items => format!("({})", items.join(", ")),
                }
            }
            Type::Map(value) => {
                let value = self.written(value, &format!("{name}Value"));
                format!("std::collections::BTreeMap<String, {value}>")
            }
            Type::Named(name) => self.named(name),
            Type::Words(_) | Type::Object(_) => {
                let name = self.taken.fresh(name.to_owned());
                self.define(&name, "", &ty);
                name
            }
        };
        match nullable {
            true => format!("Option<{text}>"),
            false => text,
        }
    }

    fn define(&mut self, name: &str, about: &str, ty: &Type) {
        let mut out = String::new();
        docs(&mut out, "", about);
        let derive = "#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]";
        match ty {
            Type::Object(fields) => {
                let _ = writeln!(out, "{derive}\npub struct {name} {{");
                let mut names = Names::default();
                for field in fields {
                    let rust = names.fresh(snake_name(&field.name, &KEYWORDS));
                    self.field(&mut out, field, &rust, name);
                }
                out.push_str("}\n\n");
            }
            Type::Words(words) => {
                let _ = writeln!(out, "{derive}\npub enum {name} {{");
                let mut names = Names::with(["Self"]);
                for word in words {
                    let variant = names.fresh(type_name(word));
                    if variant != *word {
                        let _ = writeln!(out, "    #[serde(rename = {word:?})]");
                    }
                    let _ = writeln!(out, "    {variant},");
                }
                out.push_str("}\n\n");
            }
            other => {
                let ty = self.written(other, &format!("{name}Inner"));
                let _ = write!(out, "pub type {name} = {ty};\n\n");
            }
        }
        self.types += &out;
    }

    fn field(&mut self, out: &mut String, field: &Field, rust: &str, of: &str) {
        docs(out, "    ", &field.docs);
        if rust != field.name {
            let _ = writeln!(out, "    #[serde(rename = {:?})]", field.name);
        }
        let ty = self.written(&field.ty, &format!("{of}{}", type_name(&field.name)));
        // Inside of types, byte strings have to say so.
        let ty = ty.replace("Vec<u8>", "quickrpc::Bytes");
        match field.required || ty.starts_with("Option<") {
            true => {
                let _ = writeln!(out, "    pub {rust}: {ty},");
            }
            false => {
                out.push_str("    #[serde(default, skip_serializing_if = \"Option::is_none\")]\n");
                let _ = writeln!(out, "    pub {rust}: Option<{ty}>,");
            }
        }
    }
}

fn docs(out: &mut String, indent: &str, text: &str) {
    for line in clean(text).lines() {
        let _ = writeln!(out, "{indent}{}", format!("/// {line}").trim_end());
    }
}

/// Names of types that are taken: the language's, and those that the types here are made of.
const ITS_OWN: [&str; 6] = [
    "Deserialize",
    "Option",
    "Self",
    "Serialize",
    "String",
    "Vec",
];

/// What no call can be named, as `#[remote_api]` has it.
const REFUSED: [&str; 3] = ["__api", "into", "try_into"];

const KEYWORDS: [&str; 50] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
    "do", "dyn", "else", "enum", "extern", "final", "fn", "for", "gen", "if", "impl", "in", "let",
    "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return",
    "self", "static", "struct", "super", "trait", "true", "false", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "yield",
];
