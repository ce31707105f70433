//! JSON Schemas as types that languages have.

use quickrpc::Value;

use crate::types;

/// What a schema means to a language with types.
#[derive(Debug, Clone, PartialEq)]
pub enum Type {
    Any,
    Null,
    Bool,
    Integer,
    Number,
    Text,
    Bytes,
    List(Box<Type>),
    Tuple(Vec<Type>),
    Map(Box<Type>),
    /// One of the schemas of the document.
    Named(String),
    /// A text that is one of these.
    Words(Vec<String>),
    Object(Vec<Field>),
    Union(Vec<Type>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    pub name: String,
    pub docs: String,
    pub ty: Type,
    pub required: bool,
}

impl Type {
    pub fn of(schema: &Value) -> Self {
        if let Some(name) = types::reference(schema) {
            return Type::Named(name.to_owned());
        }
        if types::is_bytes(schema) {
            return Type::Bytes;
        }
        if let Some(parts) = schema["allOf"].as_list()
            && let [only] = parts
        {
            return Type::of(only);
        }
        for list in ["anyOf", "oneOf"] {
            if let Some(parts) = schema[list].as_list() {
                return Type::union(parts.iter().map(Type::of));
            }
        }
        if let Some(values) = schema["enum"].as_list() {
            return Type::words(values);
        }
        if let Some(value) = schema.get("const") {
            return Type::words(std::slice::from_ref(value));
        }
        match &schema["type"] {
            Value::String(name) => Type::plain(name, schema),
            Value::List(names) => {
                let names = names.iter().filter_map(Value::as_str);
                Type::union(names.map(|name| Type::plain(name, schema)))
            }
            _ => Type::Any,
        }
    }

    fn plain(name: &str, schema: &Value) -> Self {
        match name {
            "null" => Type::Null,
            "boolean" => Type::Bool,
            "integer" => Type::Integer,
            "number" => Type::Number,
            "string" => Type::Text,
            "array" => match &schema["items"] {
                Value::List(items) => Type::Tuple(items.iter().map(Type::of).collect()),
                Value::Null => Type::List(Box::new(Type::Any)),
                item => Type::List(Box::new(Type::of(item))),
            },
            "object" => Type::object(schema),
            _ => Type::Any,
        }
    }

    fn object(schema: &Value) -> Self {
        let Some(properties) = schema["properties"].as_map() else {
            return Type::Map(Box::new(match &schema["additionalProperties"] {
                Value::Map(_) => Type::of(&schema["additionalProperties"]),
                _ => Type::Any,
            }));
        };
        let required = schema["required"].as_list().unwrap_or_default();
        let fields = properties.iter().map(|(name, schema)| Field {
            name: name.clone(),
            docs: schema["description"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            ty: Type::of(schema),
            required: required.iter().any(|one| one.as_str() == Some(name)),
        });
        Type::Object(fields.collect())
    }

    fn words(values: &[Value]) -> Self {
        let words: Option<Vec<String>> = values
            .iter()
            .map(|value| value.as_str().map(str::to_owned))
            .collect();
        words.map_or(Type::Any, Type::Words)
    }

    fn union(parts: impl Iterator<Item = Type>) -> Self {
        let mut all: Vec<Type> = Vec::new();
        for part in parts {
            if part == Type::Any {
                return Type::Any;
            }
            if all.contains(&part) {
                continue;
            }
            match (part, all.last_mut()) {
                (Type::Words(more), Some(Type::Words(words))) => words.extend(more),
                (part, _) => all.push(part),
            }
        }
        match all.len() {
            0 => Type::Any,
            1 => all.remove(0),
            _ => Type::Union(all),
        }
    }

    /// The type without null, and whether it may be that.
    pub fn split_null(&self) -> (Type, bool) {
        match self {
            Type::Union(parts) if parts.contains(&Type::Null) => {
                let rest = parts.iter().filter(|part| **part != Type::Null).cloned();
                (Type::union(rest), true)
            }
            other => (other.clone(), false),
        }
    }
}
