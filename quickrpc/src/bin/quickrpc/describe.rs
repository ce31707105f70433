//! `quickrpc describe`.

use std::path::PathBuf;

use clap::Args;
use quickrpc::Value;
use quickrpc::expr::CodecKind;

use super::Done;
use super::failure::{Failure, Kind};
use super::interface::{Interface, Method, not_described};
use super::output::plain;
use super::wire::{self, How};
use super::{output, probe, types, values};

/// Shows what a service says of itself: its methods, properties, and what it sends.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Describe {
    /// A transport expression, @NAME of a wire in the configuration, or a file with an OpenRPC
    /// document
    wire: String,

    #[command(flatten)]
    how: How,

    /// Only this method, with all that is known of it
    method: Option<String>,

    /// The OpenRPC document as it is, or what it says of the method
    #[arg(long)]
    openrpc: bool,
}

const EXAMPLES: &str = "\
Examples:
  quickrpc describe tcp:localhost:8888
  quickrpc describe tcp:localhost:8888 add
  quickrpc describe --openrpc @lab > lab.json
  quickrpc describe --openrpc @lab add
  quickrpc describe lab.json";

impl Describe {
    pub fn run(self) -> Done {
        let document = document(&self.wire, &self.how)?;
        let interface = Interface::read(&document);
        match &self.method {
            None if self.openrpc => output::line(values::pretty(&document)),
            Some(name) => match interface
                .methods
                .iter()
                .zip(document["methods"].as_list().unwrap_or_default())
                .find(|(method, _)| method.name == *name)
            {
                Some((_, said)) if self.openrpc => output::line(values::pretty(said)),
                Some((method, _)) => output::text(in_full(method, &interface)),
                None => {
                    let failure = Failure::usage(format!("there is no method `{name}`"));
                    Err(match interface.nearest(name) {
                        Some(meant) => failure.hint(format!("did you mean `{meant}`?")),
                        None => failure,
                    })
                }
            },
            None => output::text(overview(&interface)),
        }
    }
}

/// The document of a service, or that in a file.
pub fn document(place: &str, how: &How) -> Result<Value, Failure> {
    let file = PathBuf::from(place);
    if file.extension().is_some_and(|end| end == "json") {
        let text = std::fs::read_to_string(&file)
            .map_err(|error| Failure::usage(format!("cannot read {place}: {error}")))?;
        if text.trim().is_empty() {
            let failure = Failure::usage(format!("{place} is empty"));
            return Err(failure.hint(DOCUMENT));
        }
        let document = values::json(&text)
            .map_err(|error| Failure::usage(format!("{place} is no JSON: {error}")))?;
        return match is_openrpc(&document) {
            true => Ok(document),
            false => Err(Failure::usage(format!("{place} is no OpenRPC document")).hint(DOCUMENT)),
        };
    }
    let connected = wire::bound(place, how)?.connect(|_api| ())?;
    let is_thing = matches!(connected.bound.codec.kind(), CodecKind::Hololinked(_));
    let asked = connected.describer().call("rpc.discover", ()).result();
    let document = asked.map_err(|error| match error {
        quickrpc::Error::Call(_) if is_thing => not_described(error).hint(
            "what a Thing has is told by `quickrpc call .. get_thing_description ignore_errors=true \
             protocol=TCP skip_names=[]`",
        ),
        quickrpc::Error::Call(_) => not_described(error),
        error => probe::explain(&connected, error),
    })?;
    match is_openrpc(&document) {
        true => Ok(document),
        false => {
            let text = "what the service answers to `rpc.discover` is no OpenRPC document";
            let failure = Failure::new(Kind::Remote, text);
            Err(failure.hint("its methods can be called nevertheless, by `quickrpc call`"))
        }
    }
}

const DOCUMENT: &str = "`quickrpc describe --openrpc WIRE` prints that of a service";

/// Whether it says what there is, be that nothing. What has no list of methods is something else, and not
/// a service without them.
fn is_openrpc(document: &Value) -> bool {
    let methods = document["methods"].as_list();
    methods.is_some_and(|methods| methods.iter().all(|one| one.as_map().is_some()))
}

pub fn overview(interface: &Interface) -> String {
    let (title, version) = (plain(&interface.title), plain(&interface.version));
    let mut text = format!("{} {version}\n", output::bold(&title));
    for line in interface.docs.lines() {
        text += &format!("{}\n", plain(line));
    }
    let is_call = |method: &&Method| method.property.is_none();
    section(&mut text, "Methods", interface.incoming().filter(is_call));
    if !interface.properties.is_empty() {
        text += &format!("\n{}\n", output::bold("Properties"));
        for property in &interface.properties {
            let writable = if property.writable { ", writable" } else { "" };
            let whose = if property.incoming { "" } else { ", yours" };
            let kind = plain(&types::text(&property.schema));
            text += &format!(
                "  {}: {kind}{writable}{whose}\n",
                output::bold(&plain(&property.name))
            );
            first_line(&mut text, &property.docs);
        }
    }
    let outgoing = interface.methods.iter().filter(|method| !method.incoming);
    section(&mut text, "What it sends", outgoing.filter(is_call));
    text
}

fn section<'a>(text: &mut String, title: &str, methods: impl Iterator<Item = &'a Method>) {
    let mut methods = methods.peekable();
    if methods.peek().is_none() {
        return;
    }
    *text += &format!("\n{}\n", output::bold(title));
    for method in methods {
        let (signature, name) = (method.signature(), plain(&method.name));
        let rest = signature.strip_prefix(&name).unwrap_or_default();
        let role = match &method.role {
            Some(role) => format!(", for {}", plain(role)),
            None => String::new(),
        };
        let deprecated = if method.deprecated {
            ", deprecated"
        } else {
            ""
        };
        *text += &format!("  {}{rest}{role}{deprecated}\n", output::bold(&name));
        first_line(text, &method.docs);
    }
}

fn first_line(text: &mut String, docs: &str) {
    if let Some(line) = docs.lines().next() {
        *text += &format!("      {}\n", output::dim(&plain(line)));
    }
}

pub fn in_full(method: &Method, interface: &Interface) -> String {
    let mut text = format!("{}\n", output::bold(&method.signature()));
    for line in method.docs.lines() {
        text += format!("  {}", plain(line)).trim_end();
        text.push('\n');
    }
    if method.params.iter().any(|param| !param.docs.is_empty()) {
        text.push('\n');
        for param in method.params.iter().filter(|param| !param.docs.is_empty()) {
            text += &format!(
                "  {}: {}\n",
                output::bold(&plain(&param.name)),
                plain(&param.docs.replace('\n', " "))
            );
        }
    }
    for (code, message) in &method.errors {
        text += &format!("  error {code}: {}\n", plain(message));
    }
    if let Some(role) = &method.role {
        text += &format!("  It needs the role `{}`.\n", plain(role));
    }
    if method.deprecated {
        text += "  It is deprecated.\n";
    }
    let schemas = method.params.iter().map(|param| &param.schema);
    let schemas = schemas.chain(&method.result).chain(&method.stream);
    let mut names: Vec<&str> = schemas.filter_map(types::reference).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        if let Some(schema) = interface.schemas.get(name) {
            let name = output::bold(&plain(name));
            text += &format!("\n{name} {}\n", values::pretty(schema));
        }
    }
    text
}
