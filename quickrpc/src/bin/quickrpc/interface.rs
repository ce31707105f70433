//! An interface as a service describes it: read from an OpenRPC document.

use std::collections::BTreeMap;

use quickrpc::dynamic::Outgoing;
use quickrpc::{CallError, Error, Value};

use super::failure::{Failure, Kind, NO_ANSWER};
use super::{output, types};

/// What a document says, in our words.
#[derive(Debug, Clone, Default)]
pub struct Interface {
    pub title: String,
    pub version: String,
    pub docs: String,
    pub methods: Vec<Method>,
    pub properties: Vec<Property>,
    pub schemas: BTreeMap<String, Value>,
}

/// A call in either direction.
#[derive(Debug, Clone)]
pub struct Method {
    pub name: String,
    pub docs: String,
    /// The described side receives it.
    pub incoming: bool,
    pub params: Vec<Param>,
    /// Only by position.
    pub positional: bool,
    /// The schema of the result; `None` for a notification.
    pub result: Option<Value>,
    /// The schema of the items of a stream.
    pub stream: Option<Value>,
    /// Whose convention the stream is in, as it is declared in Rust.
    pub subscription: Option<String>,
    pub role: Option<String>,
    pub deprecated: bool,
    pub errors: Vec<(i64, String)>,
    /// The property whose part it is.
    pub property: Option<String>,
    /// Nothing but its name is known.
    pub undeclared: bool,
    pub ignores_unknown: bool,
}

#[derive(Debug, Clone)]
pub struct Param {
    pub name: String,
    pub docs: String,
    pub required: bool,
    pub whole: bool,
    pub schema: Value,
    /// As text.
    pub default: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Property {
    pub name: String,
    pub docs: String,
    /// It is the described side's.
    pub incoming: bool,
    pub writable: bool,
    pub schema: Value,
}

impl Interface {
    /// Asks a service.
    pub fn ask(service: &Outgoing) -> Result<Self, Error> {
        let document = service.call("rpc.discover", ()).result()?;
        Ok(Self::read(&document))
    }

    /// Reads a document; what is missing in it is empty.
    pub fn read(document: &Value) -> Self {
        let info = &document["info"];
        let list = |name: &str| document[name].as_list().unwrap_or_default().to_vec();
        Interface {
            title: text(&info["title"]),
            version: text(&info["version"]),
            docs: text(&info["description"]),
            methods: list("methods")
                .iter()
                .map(|method| Method::read(method, document))
                .collect(),
            properties: list("x-properties").iter().map(Property::read).collect(),
            schemas: document["components"]["schemas"]
                .as_map()
                .cloned()
                .unwrap_or_default(),
        }
    }

    /// What can be called, properties included.
    pub fn incoming(&self) -> impl Iterator<Item = &Method> {
        self.methods.iter().filter(|method| method.incoming)
    }

    pub fn method(&self, name: &str) -> Option<&Method> {
        self.incoming().find(|method| method.name == name)
    }

    /// A name on the wire that was probably meant.
    pub fn nearest(&self, name: &str) -> Option<&str> {
        let names = self.incoming().map(|method| method.name.as_str());
        let near = names.map(|candidate| (strsim::osa_distance(name, candidate), candidate));
        let allowed = if name.chars().count() < 4 { 1 } else { 2 };
        near.filter(|(distance, _)| *distance <= allowed)
            .min()
            .map(|(_, name)| name)
    }
}

impl Method {
    fn read(method: &Value, document: &Value) -> Self {
        let list = |name: &str| method[name].as_list().unwrap_or_default();
        let result = method
            .get("result")
            .map(|result| resolved(result, document)["schema"].clone());
        Method {
            name: text(&method["name"]),
            docs: match text(&method["description"]) {
                docs if docs.is_empty() => text(&method["summary"]),
                docs => docs,
            },
            incoming: method["x-direction"].as_str() != Some("outgoing"),
            params: list("params")
                .iter()
                .map(|param| Param::read(&resolved(param, document)))
                .collect(),
            positional: method["paramStructure"].as_str() == Some("by-position"),
            result,
            stream: method
                .get("x-stream")
                .map(|stream| stream["schema"].clone()),
            subscription: method.get("x-subscription").map(subscription),
            role: method["x-role"].as_str().map(str::to_owned),
            deprecated: method["deprecated"].as_bool() == Some(true),
            errors: list("errors")
                .iter()
                .map(|error| resolved(error, document))
                .map(|error| {
                    (
                        error["code"].as_i64().unwrap_or_default(),
                        text(&error["message"]),
                    )
                })
                .collect(),
            property: method["x-property"].as_str().map(str::to_owned),
            undeclared: method["x-undeclared"].as_bool() == Some(true),
            ignores_unknown: method["x-ignore-unknown"].as_bool() == Some(true),
        }
    }

    /// `add(a: integer, b: integer = 1) -> integer`, for people.
    pub fn signature(&self) -> String {
        if self.undeclared {
            return output::plain(&format!("{}(..)", self.name));
        }
        let params = self.params.iter().map(|param| {
            let mut text = format!("{}: {}", param.name, types::text(&param.schema));
            if let Some(default) = &param.default {
                text += &format!(" = {default}");
            } else if !param.required {
                text.insert(param.name.len(), '?');
            }
            text
        });
        let mut text = format!("{}({})", self.name, params.collect::<Vec<_>>().join(", "));
        match (&self.stream, &self.result) {
            (Some(item), Some(end)) => {
                text += &format!(" -> stream of {}", types::text(item));
                if types::text(end) != "null" {
                    text += &format!(", then {}", types::text(end));
                }
            }
            (Some(item), None) => text += &format!(" -> stream of {}", types::text(item)),
            (None, Some(result)) => text += &format!(" -> {}", types::text(result)),
            (None, None) => {}
        }
        output::plain(&text)
    }
}

impl Param {
    fn read(param: &Value) -> Self {
        let schema = param["schema"].clone();
        let default = match schema.get("default") {
            Some(default) => Some(default.to_string()),
            None => param["x-default"].as_str().map(str::to_owned),
        };
        Param {
            name: text(&param["name"]),
            docs: text(&param["description"]),
            required: param["required"].as_bool() == Some(true),
            whole: param["x-whole"].as_bool() == Some(true),
            default,
            schema,
        }
    }
}

impl Property {
    fn read(property: &Value) -> Self {
        Property {
            name: text(&property["name"]),
            docs: text(&property["description"]),
            incoming: property["direction"].as_str() != Some("outgoing"),
            writable: property["writable"].as_bool() == Some(true),
            schema: property["schema"].clone(),
        }
    }
}

/// What `{"$ref": "#/components/.."}` means, as other people's documents have it.
fn resolved(value: &Value, document: &Value) -> Value {
    let path = value["$ref"]
        .as_str()
        .and_then(|path| path.strip_prefix("#/"));
    match path {
        Some(path) => path.split('/').fold(document, |at, name| &at[name]).clone(),
        None => value.clone(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// How `subscription(..)` was declared.
fn subscription(described: &Value) -> String {
    match (described["item"].as_str(), described["cancel"].as_str()) {
        (Some(item), Some(cancel)) => {
            format!("subscription(item = {item:?}, cancel = {cancel:?})")
        }
        _ => "subscription(event)".to_owned(),
    }
}

/// Why a service could not be asked, with what can be done instead.
pub fn not_described(error: Error) -> Failure {
    match &error {
        // Other systems have other words for what they do not know.
        Error::Call(call) if call.code != CallError::FORBIDDEN && call.code != NO_ANSWER => {
            Failure::new(
                Kind::Remote,
                format!(
                    "the service does not describe itself (`rpc.discover`: {})",
                    call.message
                ),
            )
            .hint("its methods can be called nevertheless, by `quickrpc call`")
        }
        _ => Failure::from(error),
    }
}
