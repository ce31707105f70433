//! JSON Schemas as short words for people.

use quickrpc::Value;

/// A type in a few words: `integer`, `[string]`, `Point`, `integer | null`.
pub fn text(schema: &Value) -> String {
    if let Some(name) = reference(schema) {
        return name.to_owned();
    }
    for list in ["anyOf", "oneOf", "allOf"] {
        if let Some(parts) = schema[list].as_list() {
            let mut parts: Vec<String> = parts.iter().map(text).collect();
            parts.dedup();
            return parts.join(" | ");
        }
    }
    if let Some(values) = schema["enum"].as_list() {
        return values
            .iter()
            .map(Value::to_string)
            .collect::<Vec<_>>()
            .join(" | ");
    }
    if let Some(value) = schema.get("const") {
        return value.to_string();
    }
    match &schema["type"] {
        Value::String(name) => of_type(name, schema),
        Value::List(names) => {
            let names = names.iter().filter_map(Value::as_str);
            names
                .map(|name| of_type(name, schema))
                .collect::<Vec<_>>()
                .join(" | ")
        }
        _ => match schema["title"].as_str() {
            Some(title) => title.to_owned(),
            None => "any".to_owned(),
        },
    }
}

/// The name behind `$ref`.
pub fn reference(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.rsplit('/').next()
}

/// Whether it is a byte string, as `jrpc` writes them.
pub fn is_bytes(schema: &Value) -> bool {
    schema["type"].as_str() == Some("object")
        && schema["contentEncoding"].as_str() == Some("base64")
}

fn of_type(name: &str, schema: &Value) -> String {
    match name {
        "array" => match &schema["items"] {
            Value::Null => "array".to_owned(),
            Value::List(items) => {
                let items: Vec<String> = items.iter().map(text).collect();
                format!("[{}]", items.join(", "))
            }
            item => format!("[{}]", text(item)),
        },
        "object" if is_bytes(schema) => "bytes".to_owned(),
        "object" => match (&schema["additionalProperties"], schema["title"].as_str()) {
            (Value::Map(_), _) => {
                format!("{{string: {}}}", text(&schema["additionalProperties"]))
            }
            (_, Some(title)) => title.to_owned(),
            _ => "object".to_owned(),
        },
        name => name.to_owned(),
    }
}
