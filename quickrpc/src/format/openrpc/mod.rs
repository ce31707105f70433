//! The OpenRPC document of an API: what `rpc.discover` answers.
//!
//! What OpenRPC has no word for are members that begin with `x-`, as it allows.

mod types;

use std::collections::BTreeMap;

use super::description::{
    ArgumentDescription, CallDescription, Description, Direction, SubscriptionDescription,
};
use super::property::PropertyDescription;
use crate::base::value::Value;

use self::types::Types;

/// The method that answers with the document.
pub(crate) const DISCOVER: &str = "rpc.discover";

/// Of the specification that the document follows.
const VERSION: &str = "1.3.2";

/// A map under construction.
#[derive(Default)]
struct Object(BTreeMap<String, Value>);

impl Object {
    fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    fn with_some<V: Into<Value>>(self, name: &str, value: Option<V>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// A flag that is there only where it is true.
    fn with_flag(self, name: &str, is_set: bool) -> Self {
        self.with_some(name, is_set.then_some(true))
    }

    /// A doc comment, which is there only where there is text.
    fn with_docs(self, docs: &str) -> Self {
        self.with_some("description", (!docs.is_empty()).then_some(docs))
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Value::Map(object.0)
    }
}

/// The document of what one side declares in some traits, and connects beside these by name.
pub(crate) fn document(apis: &[Description], others: &[String]) -> Value {
    let mut types = Types::new();
    let mut methods = Vec::new();
    let mut properties: Vec<Value> = Vec::new();
    for api in apis {
        methods.extend(api.calls.iter().map(|call| method(call, &mut types).into()));
        for property in api.properties {
            let calls = property.calls.iter();
            methods.extend(calls.map(|call| {
                let method = method(call, &mut types);
                Value::from(method.with("x-property", property.wire_name))
            }));
            properties.push(describe(property, &mut types).into());
        }
    }
    methods.extend(others.iter().map(|name| undeclared(name).into()));
    let names: Vec<_> = apis.iter().map(|api| api.name).collect();
    let docs: Vec<_> = apis
        .iter()
        .map(|api| api.docs)
        .filter(|docs| !docs.is_empty())
        .collect();
    let version = apis.first().map_or("", |api| api.version);
    let title = match names.as_slice() {
        [] => "API without a trait".to_owned(),
        names => names.join(", "),
    };
    let info = Object::default()
        .with("title", title)
        .with(
            "version",
            if version.is_empty() { "0.0.0" } else { version },
        )
        .with_docs(&docs.join("\n\n"));
    let schemas = types.definitions();
    let components =
        (!schemas.is_empty()).then(|| Object::default().with("schemas", Value::Map(schemas)));
    let properties = (!properties.is_empty()).then_some(properties);
    Object::default()
        .with("openrpc", VERSION)
        .with("info", info)
        .with("methods", methods)
        .with_some("components", components)
        .with_some("x-properties", properties)
        .into()
}

fn method(call: &CallDescription, types: &mut Types) -> Object {
    let arguments = call.arguments.iter();
    let params: Vec<Value> = arguments
        .map(|argument| param(argument, types).into())
        .collect();
    let structure = match (call.positional, call.direction) {
        (false, _) => "by-name",
        (true, Direction::Incoming) => "either",
        (true, Direction::Outgoing) => "by-position",
    };
    let result = call.result.map(|name| {
        // A stream has told its items; the result is its end.
        let name = call.item.map_or(name, |item| item.end);
        content("result", types.of(name, call.schema))
    });
    let stream = call.item.map(|item| {
        let schema = types.of(item.type_name, item.schema);
        Object::default().with("schema", schema)
    });
    let errors = call
        .error
        .map(|error| error.codes.list())
        .unwrap_or_default();
    let errors = errors.into_iter().map(|(code, message)| {
        let error = Object::default()
            .with("code", code)
            .with("message", message);
        Value::from(error)
    });
    let errors: Vec<_> = errors.collect();
    Object::default()
        .with("name", call.wire_name)
        .with_some("summary", call.docs.lines().next())
        .with_docs(call.docs)
        .with("params", params)
        .with("paramStructure", structure)
        .with_some("result", result)
        .with_some("errors", (!errors.is_empty()).then_some(errors))
        .with_flag("deprecated", call.deprecated)
        .with("x-direction", word(call.direction))
        .with_some("x-error", call.error.map(|error| error.type_name))
        .with_some("x-stream", stream)
        .with_some("x-subscription", call.subscription().map(subscription))
        .with_some("x-role", call.role)
        .with_some(
            "x-timeout",
            call.timeout.map(|timeout| timeout.as_secs_f64()),
        )
        .with_flag("x-ignore-unknown", call.ignore_unknown)
}

/// Whose convention a stream is in, and what belongs to it.
fn subscription(subscription: SubscriptionDescription) -> Object {
    match subscription {
        SubscriptionDescription::ById { item, cancel } => {
            Object::default().with("item", item).with("cancel", cancel)
        }
        SubscriptionDescription::Event => Object::default().with("event", true),
    }
}

/// A method of which only the name is known.
fn undeclared(name: &str) -> Object {
    let anything = content("arguments", Object::default().into()).with_flag("x-whole", true);
    Object::default()
        .with("name", name)
        .with("params", vec![Value::from(anything)])
        .with("paramStructure", "either")
        .with("result", content("result", Object::default().into()))
        .with("x-direction", word(Direction::Incoming))
        .with_flag("x-undeclared", true)
}

fn param(argument: &ArgumentDescription, types: &mut Types) -> Object {
    let mut schema = types.of(argument.type_name, argument.schema);
    let mut written = None;
    if let Some(default) = argument.default {
        match types::literal(default, argument.type_name) {
            Some(value) => schema = types::with_default(schema, value),
            None => written = Some(default),
        }
    }
    let required = !argument.optional && argument.default.is_none();
    content(argument.wire_name, schema)
        .with_docs(argument.docs)
        .with("required", required)
        .with_some("x-default", written)
        .with_flag("x-whole", argument.whole)
}

fn content(name: &str, schema: Value) -> Object {
    Object::default().with("name", name).with("schema", schema)
}

fn describe(property: &PropertyDescription, types: &mut Types) -> Object {
    let calls = &property.calls;
    content(
        property.wire_name,
        types.of(property.type_name, property.schema),
    )
    .with_docs(property.docs)
    .with("direction", word(property.direction))
    .with("writable", property.writable)
    .with("read", calls.read.wire_name)
    .with_some("write", calls.write.map(|write| write.wire_name))
    .with("change", calls.change.wire_name)
    .with_some("role", property.role)
    .with_some("write_role", property.write_role)
}

fn word(direction: Direction) -> &'static str {
    match direction {
        Direction::Incoming => "incoming",
        Direction::Outgoing => "outgoing",
    }
}
