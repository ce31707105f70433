//! TypeScript, for `quickrpc.js`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use quickrpc::Value;

use super::schema::Type;
use super::{Names, clean, one_line, type_name};
use crate::interface::{Interface, Method};

pub fn generate(name: &str, interface: &Interface, import: &str) -> String {
    let mut out = format!(
        "// Made by `quickrpc codegen typescript` from {} {}. Do not edit.\n\
         import {{ connect, type Api, type Options }} from {import:?};\n",
        one_line(&interface.title),
        one_line(&interface.version)
    );
    let mut taken = Names::with(ITS_OWN);
    for end in ["Remote", "Local", "Properties"] {
        taken.fresh(format!("{name}{end}"));
    }
    let names: Named = interface
        .schemas
        .keys()
        .map(|schema| (schema.clone(), taken.fresh(type_name(schema))))
        .collect();
    for (schema_name, schema) in &interface.schemas {
        out.push('\n');
        docs(
            &mut out,
            "",
            schema["description"].as_str().unwrap_or_default(),
        );
        let _ = writeln!(
            out,
            "export type {} = {};",
            named(&names, schema_name),
            written(&names, &Type::of(schema), 0)
        );
    }
    let plain = |method: &&Method| method.property.is_none();
    calls(
        &mut out,
        &names,
        &format!("{name}Remote"),
        "What this page may call.",
        interface.incoming().filter(plain),
    );
    let sent = interface.methods.iter().filter(|method| !method.incoming);
    calls(
        &mut out,
        &names,
        &format!("{name}Local"),
        "What is called in this page.",
        sent.filter(plain),
    );
    let _ = write!(
        out,
        "\n/** Properties of the service. */\nexport type {name}Properties = {{\n"
    );
    for property in interface
        .properties
        .iter()
        .filter(|property| property.incoming)
    {
        docs(&mut out, "  ", &property.docs);
        let ty = written(&names, &Type::of(&property.schema), 1);
        let _ = writeln!(out, "  {}: {ty};", key(&property.name));
    }
    out.push_str("};\n\n");
    docs(&mut out, "", &interface.docs);
    let types = format!("{name}Remote, {name}Local, {name}Properties");
    let _ = write!(
        out,
        "export function connect{name}(url?: string, options?: Options): Api<{types}> {{\n  \
         return connect<{types}>(url, options);\n}}\n"
    );
    out
}

fn calls<'a>(
    out: &mut String,
    names: &Named,
    name: &str,
    about: &str,
    methods: impl Iterator<Item = &'a Method>,
) {
    let _ = write!(out, "\n/** {about} */\nexport type {name} = {{\n");
    for method in methods {
        let mut text = method.docs.clone();
        for param in method.params.iter().filter(|param| !param.docs.is_empty()) {
            text += &format!("\n@param params.{} {}", param.name, param.docs);
        }
        if method.deprecated {
            text += "\n@deprecated";
        }
        docs(out, "  ", &text);
        let params = match method.params.as_slice() {
            _ if method.undeclared => "params?: any".to_owned(),
            [] => String::new(),
            params if method.positional => {
                let types = params
                    .iter()
                    .map(|param| written(names, &Type::of(&param.schema), 1));
                format!("params: [{}]", types.collect::<Vec<_>>().join(", "))
            }
            params => {
                let fields = params.iter().map(|param| {
                    let mark = if param.required { "" } else { "?" };
                    let mut ty = written(names, &Type::of(&param.schema), 1);
                    if !param.required && param.default.is_none() {
                        ty += " | null";
                    }
                    format!("{}{mark}: {ty}", key(&param.name))
                });
                let mark = if params.iter().any(|param| param.required) {
                    ""
                } else {
                    "?"
                };
                format!(
                    "params{mark}: {{ {} }}",
                    fields.collect::<Vec<_>>().join("; ")
                )
            }
        };
        let result = match &method.result {
            Some(result) => written(names, &Type::of(result), 1),
            None => "void".to_owned(),
        };
        let _ = writeln!(out, "  {}({params}): {result};", key(&method.name));
    }
    out.push_str("};\n");
}

fn written(names: &Named, ty: &Type, depth: usize) -> String {
    match ty {
        Type::Any => "any".to_owned(),
        Type::Null => "null".to_owned(),
        Type::Bool => "boolean".to_owned(),
        Type::Integer | Type::Number => "number".to_owned(),
        Type::Text => "string".to_owned(),
        Type::Bytes => "Uint8Array".to_owned(),
        Type::List(item) => format!("Array<{}>", written(names, item, depth)),
        Type::Tuple(items) => {
            let items: Vec<String> = items
                .iter()
                .map(|item| written(names, item, depth))
                .collect();
            format!("[{}]", items.join(", "))
        }
        Type::Map(value) => format!("{{ [name: string]: {} }}", written(names, value, depth)),
        Type::Named(name) => named(names, name),
        Type::Words(words) => words
            .iter()
            .map(|word| quoted(word))
            .collect::<Vec<_>>()
            .join(" | "),
        Type::Object(fields) if fields.is_empty() => "{}".to_owned(),
        Type::Object(fields) => {
            let indent = "  ".repeat(depth + 1);
            let mut out = "{\n".to_owned();
            for field in fields {
                docs(&mut out, &indent, &field.docs);
                let mark = if field.required { "" } else { "?" };
                let ty = written(names, &field.ty, depth + 1);
                let _ = writeln!(out, "{indent}{}{mark}: {ty};", key(&field.name));
            }
            out + &"  ".repeat(depth) + "}"
        }
        Type::Union(parts) => parts
            .iter()
            .map(|part| written(names, part, depth))
            .collect::<Vec<_>>()
            .join(" | "),
    }
}

/// What the schemas of the document are called.
type Named = BTreeMap<String, String>;

fn named(names: &Named, schema: &str) -> String {
    let name = names.get(schema).cloned();
    name.unwrap_or_else(|| type_name(schema))
}

/// Names of types that are taken: what is imported, and what the types here are made of.
const ITS_OWN: [&str; 4] = ["Api", "Array", "Options", "Uint8Array"];

/// A text, which is in TypeScript as in JSON.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn key(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match plain {
        true => name.to_owned(),
        false => quoted(name),
    }
}

fn docs(out: &mut String, indent: &str, text: &str) {
    let text = clean(text).trim().replace("*/", "*\\/");
    match text.lines().count() {
        0 => {}
        1 => {
            let _ = writeln!(out, "{indent}/** {text} */");
        }
        _ => {
            let _ = writeln!(out, "{indent}/**");
            for line in text.lines() {
                let _ = writeln!(out, "{indent}{}", format!(" * {line}").trim_end());
            }
            let _ = writeln!(out, "{indent} */");
        }
    }
}
