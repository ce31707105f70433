//! Types as JSON Schema: as they say themselves, or as far as their names tell.

use std::collections::BTreeMap;

use super::Object;
use crate::base::value::Value;
use crate::format::schema::TypeSchema;

/// The types of one document.
pub(super) struct Types {
    #[cfg(feature = "schema")]
    generator: schemars::SchemaGenerator,
}

impl Types {
    pub(super) fn new() -> Self {
        Types {
            #[cfg(feature = "schema")]
            generator: {
                let mut settings = schemars::generate::SchemaSettings::draft07();
                settings.definitions_path = "/components/schemas".into();
                settings.into_generator()
            },
        }
    }

    /// The schema of a type, whose title is what was declared.
    #[cfg_attr(
        not(feature = "schema"),
        allow(unused_variables, reason = "names are all that is known then")
    )]
    pub(super) fn of(&mut self, name: &str, schema: TypeSchema) -> Value {
        #[cfg(feature = "schema")]
        if let Some(schema) = schema.ask(&mut self.generator)
            && let Ok(schema) = crate::base::value::to_value(&schema)
        {
            return schema;
        }
        by_name(name)
    }

    /// What the schemas refer to.
    #[cfg(feature = "schema")]
    pub(super) fn definitions(mut self) -> BTreeMap<String, Value> {
        let definitions = self.generator.take_definitions(true);
        match crate::base::value::to_value(&definitions) {
            Ok(Value::Map(definitions)) => definitions,
            _ => BTreeMap::new(),
        }
    }

    /// There is nothing to refer to.
    #[cfg(not(feature = "schema"))]
    pub(super) fn definitions(self) -> BTreeMap<String, Value> {
        BTreeMap::new()
    }
}

/// What the name of a type tells, as it is written. Of types of a program only the name is known.
fn by_name(name: &str) -> Value {
    let schema = known(
        name.trim_start_matches("&")
            .trim_start_matches("mut ")
            .trim(),
    );
    schema.with("title", name).into()
}

fn known(name: &str) -> Object {
    let of_type = |name: &str| Object::default().with("type", name);
    if let Some(inner) = inside(name, "Option") {
        let schemas = vec![by_name(inner), of_type("null").into()];
        return Object::default().with("anyOf", schemas);
    }
    if let Some(inner) = inside(name, "Cow") {
        // Bytes are a list there, as serde says.
        return match inner.trim_start_matches("'static, ") {
            "[u8]" => of_type("array").with("items", by_name("u8")),
            inner => known(inner),
        };
    }
    if matches!(name, "Vec<u8>" | "[u8]" | "Bytes" | "quickrpc::Bytes") {
        // The member itself cannot be described: it would mark byte strings.
        return of_type("object")
            .with("contentEncoding", "base64")
            .with("required", vec![Value::from("__bytes")]);
    }
    let items = ["Vec", "VecDeque", "HashSet", "BTreeSet"];
    let items = items.iter().find_map(|list| inside(name, list));
    let slice = || name.strip_prefix('[')?.strip_suffix(']');
    if let Some(item) = items.or_else(slice).filter(|item| !item.contains(';')) {
        return of_type("array").with("items", by_name(item));
    }
    let entries = ["HashMap", "BTreeMap"];
    let entries = entries.iter().find_map(|map| inside(name, map));
    if let Some(value) = entries.and_then(behind_comma) {
        return of_type("object").with("additionalProperties", by_name(value));
    }
    let unsigned = |bits: u32| {
        let limit = (bits < 64).then(|| 2_i128.pow(bits) - 1);
        of_type("integer")
            .with("minimum", 0)
            .with_some("maximum", limit)
    };
    match name {
        "bool" => of_type("boolean"),
        "char" | "str" | "String" => of_type("string"),
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => of_type("integer"),
        "u8" => unsigned(8),
        "u16" => unsigned(16),
        "u32" => unsigned(32),
        "u64" | "u128" | "usize" => unsigned(64),
        "f32" | "f64" => of_type("number"),
        "()" => of_type("null"),
        _ => Object::default(),
    }
}

/// The parameters of a type of that name.
fn inside<'a>(name: &'a str, outer: &str) -> Option<&'a str> {
    name.strip_prefix(outer)?
        .strip_prefix('<')?
        .strip_suffix('>')
}

/// The second of two parameters.
fn behind_comma(parameters: &str) -> Option<&str> {
    let mut depth = 0;
    let comma = parameters.find(|c| {
        match c {
            '<' | '(' | '[' => depth += 1,
            '>' | ')' | ']' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    });
    parameters.get(comma? + 1..).map(str::trim_start)
}

/// The value of a default, where it is written out.
pub(super) fn literal(text: &str, type_name: &str) -> Option<Value> {
    if text == "Default::default()" {
        return match type_name {
            "bool" => Some(false.into()),
            "&str" | "String" => Some("".into()),
            "f32" | "f64" => Some(0.0.into()),
            "i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64" | "usize" | "isize" => {
                Some(0.into())
            }
            name if name.starts_with("Option<") => Some(Value::Null),
            name if name.starts_with("Vec<") && name != "Vec<u8>" => Some(Value::List(Vec::new())),
            _ => None,
        };
    }
    match text {
        "true" => return Some(true.into()),
        "false" => return Some(false.into()),
        "None" => return Some(Value::Null),
        _ => {}
    }
    if let Some(inner) = text.strip_prefix('"') {
        let inner = inner.strip_suffix('"')?;
        return (!inner.contains(['\\', '"'])).then(|| inner.into());
    }
    if let Some(inner) = text.strip_prefix("Some(") {
        return literal(inner.strip_suffix(')')?, "");
    }
    let number = text.replace('_', "");
    if let Ok(integer) = number.parse::<i128>() {
        return Some(Value::Integer(integer));
    }
    let is_number = number.starts_with(|c: char| c.is_ascii_digit() || c == '-');
    number.parse().ok().filter(|_| is_number).map(Value::Float)
}

/// The schema with a default. What only refers to another one is put beside it.
pub(super) fn with_default(schema: Value, default: Value) -> Value {
    let Value::Map(mut map) = schema else {
        return schema;
    };
    if map.contains_key("$ref") {
        let reference = vec![Value::Map(std::mem::take(&mut map))];
        map.insert("allOf".to_owned(), reference.into());
    }
    map.insert("default".to_owned(), default);
    Value::Map(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_they_can() {
        let cases = [
            ("i64", r#"{"title":"i64","type":"integer"}"#),
            ("&str", r#"{"title":"&str","type":"string"}"#),
            ("Point", r#"{"title":"Point"}"#),
            (
                "Vec<&str>",
                r#"{"items":{"title":"&str","type":"string"},"title":"Vec<&str>","type":"array"}"#,
            ),
            (
                "HashMap<String, f64>",
                r#"{"additionalProperties":{"title":"f64","type":"number"},"title":"HashMap<String, f64>","type":"object"}"#,
            ),
            (
                "Option<bool>",
                r#"{"anyOf":[{"title":"bool","type":"boolean"},{"type":"null"}],"title":"Option<bool>"}"#,
            ),
            ("[f64; 3]", r#"{"title":"[f64; 3]"}"#),
            (
                "BTreeMap<(u8, u8), Cow<'static, str>>",
                r#"{"additionalProperties":{"title":"Cow<'static, str>","type":"string"},"title":"BTreeMap<(u8, u8), Cow<'static, str>>","type":"object"}"#,
            ),
            (
                "Cow<'static, [u8]>",
                r#"{"items":{"maximum":255,"minimum":0,"title":"u8","type":"integer"},"title":"Cow<'static, [u8]>","type":"array"}"#,
            ),
        ];
        for (name, schema) in cases {
            assert_eq!(by_name(name).to_string(), schema);
        }
    }

    #[test]
    fn defaults_that_are_written_out() {
        let cases = [
            ("1.0", "1.0"),
            ("-3", "-3"),
            ("1_000", "1000"),
            ("true", "true"),
            ("\"a b\"", "\"a b\""),
            ("Some(5)", "5"),
            ("None", "null"),
        ];
        for (text, value) in cases {
            assert_eq!(
                literal(text, "").map(|value| value.to_string()).as_deref(),
                Some(value)
            );
        }
        for text in [
            "SPEED",
            "f64::NAN",
            "nan",
            "\"a\\n\"",
            "Some(SPEED)",
            "inf",
            "1u8",
        ] {
            assert_eq!(literal(text, ""), None, "{text}");
        }
    }
}
