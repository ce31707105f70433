//! What APIs say of themselves: `rpc.discover`, and answers for people on terse.

use std::net::SocketAddr;

use quickrpc::dynamic::Api;
use quickrpc::{CallErrors, Value, remote_api};
use quickrpc_tests::{SOON, Telnet, inbox, server};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// A place.
#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
struct Point {
    /// To the right.
    x: f64,
    y: f64,
}

/// A type that does not say how it looks.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Silent {
    x: f64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, thiserror::Error, CallErrors)]
enum MoveError {
    /// The stage ends there.
    #[code(400)]
    #[error("too far")]
    TooFar,
    #[error(transparent)]
    Power(PowerError),
    #[error("something else")]
    Other,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, thiserror::Error, CallErrors)]
#[code(503)]
#[error("no power")]
struct PowerError;

/// A stage that moves.
///
/// In two directions.
#[remote_api]
trait Stage {
    /// Moves there.
    ///
    /// Slowly.
    #[incoming]
    #[require(role = "operator")]
    #[timeout("30s")]
    fn move_to(
        &self,
        /// Where to.
        point: Point,
        #[default(1.5)] speed: f64,
        comment: Option<&str>,
    ) -> Result<Point, MoveError>;

    #[incoming(positional)]
    #[deprecated]
    fn old(&self, silent: Silent, #[default(Silent { x: 1.0 })] other: Silent) -> Vec<u8>;

    #[incoming]
    fn blink(&self, times: u8);

    #[incoming]
    fn pair(&self) -> (u8, String);

    #[incoming]
    #[name = "lines"]
    fn read_lines(&self, #[whole] path: &str) -> quickrpc::Stream<String, u64>;

    /// It has moved.
    #[outgoing]
    fn moved(&self, point: Point);

    /// Volts.
    #[incoming(property, writable)]
    #[require(write_role = "boss")]
    fn voltage(&self) -> f64;
}

fn client(addr: SocketAddr) -> Api {
    let api = Api::bind("jrpc", format!("tcp:{addr}").as_str()).expect("right expressions");
    api.start().expect("a server that accepts");
    api
}

fn discover(client: &Api) -> serde_json::Value {
    let document = client
        .call("rpc.discover", ())
        .result()
        .expect("a document");
    serde_json::to_value(document).expect("JSON")
}

fn stage(codec: &str) -> (Stage, SocketAddr) {
    let stage = Stage::bind(codec, "tcpserv:127.0.0.1:0").expect("right expressions");
    stage.start().expect("a free port");
    let addr = stage.local_addrs()[0];
    (stage, addr)
}

/// Checks a document against the meta-schema of OpenRPC.
#[track_caller]
fn is_openrpc(document: &serde_json::Value) {
    let text = include_str!("../../vectors/openrpc.json");
    let vector: serde_json::Value = serde_json::from_str(text).expect("JSON");
    let mut schema = vector["schema"].clone();
    // It refers to the meta-schema of JSON Schema by addresses in the network.
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    let draft = json!({ "$ref": "http://json-schema.org/draft-07/schema#" });
    schema["definitions"]["JSONSchema"] = draft;
    schema["definitions"]["referenceObject"]["properties"]["$ref"] = json!({ "type": "string" });
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let wrong: Vec<String> = validator
        .iter_errors(document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}\nin {document:#}");
}

fn method<'a>(document: &'a serde_json::Value, name: &str) -> &'a serde_json::Value {
    let methods = document["methods"].as_array().expect("methods");
    let found = methods.iter().find(|method| method["name"] == name);
    found.unwrap_or_else(|| panic!("`{name}` in {document:#}"))
}

#[test]
fn the_document_is_openrpc_and_tells_all() {
    let (_stage, addr) = stage("jrpc");
    let document = discover(&client(addr));
    is_openrpc(&document);

    assert_eq!(document["openrpc"], "1.3.2");
    let info = json!({
        "title": "Stage",
        "version": env!("CARGO_PKG_VERSION"),
        "description": "A stage that moves.\n\nIn two directions.",
    });
    assert_eq!(document["info"], info);

    let move_to = method(&document, "move_to");
    let point = json!({ "$ref": "#/components/schemas/Point" });
    let params = json!([
        { "name": "point", "description": "Where to.", "required": true, "schema": point },
        {
            "name": "speed", "required": false,
            "schema": { "type": "number", "format": "double", "default": 1.5 },
        },
        { "name": "comment", "required": false, "schema": { "type": "string" } },
    ]);
    assert_eq!(move_to["params"], params);
    assert_eq!(move_to["summary"], "Moves there.");
    assert_eq!(move_to["description"], "Moves there.\n\nSlowly.");
    assert_eq!(move_to["paramStructure"], "by-name");
    assert_eq!(
        move_to["result"],
        json!({ "name": "result", "schema": point })
    );
    assert_eq!(move_to["x-direction"], "incoming");
    assert_eq!(move_to["x-role"], "operator");
    assert_eq!(move_to["x-timeout"], 30.0);
    assert_eq!(move_to["x-error"], "MoveError");
    let errors = json!([
        { "code": 400, "message": "TooFar: The stage ends there." },
        { "code": 503, "message": "PowerError" },
    ]);
    assert_eq!(move_to["errors"], errors);
    let described = &document["components"]["schemas"]["Point"];
    assert_eq!(described["description"], "A place.");
    assert_eq!(described["required"], json!(["x", "y"]));
    assert_eq!(described["properties"]["x"]["description"], "To the right.");

    let old = method(&document, "old");
    assert_eq!(old["deprecated"], true);
    assert_eq!(old["paramStructure"], "either");
    assert_eq!(old["params"][0]["schema"], json!({ "title": "Silent" }));
    assert_eq!(old["params"][1]["x-default"], "Silent { x: 1.0 }");
    assert_eq!(old["result"]["schema"]["required"], json!(["__bytes"]));

    let blink = method(&document, "blink");
    assert_eq!(blink.get("result"), None);
    assert_eq!(blink["params"][0]["schema"]["maximum"], 255);

    let pair = &method(&document, "pair")["result"]["schema"];
    assert_eq!(pair["items"][1], json!({ "type": "string" }));

    let lines = method(&document, "lines");
    assert_eq!(lines["x-stream"], json!({ "schema": { "type": "string" } }));
    assert_eq!(lines["result"]["schema"]["type"], "integer");
    assert_eq!(lines["params"][0]["x-whole"], true);

    assert_eq!(method(&document, "moved")["x-direction"], "outgoing");
    assert_eq!(method(&document, "get_voltage")["x-property"], "voltage");
    assert_eq!(method(&document, "set_voltage")["x-role"], "boss");
    assert_eq!(
        method(&document, "voltage_changed")["x-direction"],
        "outgoing"
    );
    let property = &document["x-properties"][0];
    assert_eq!(property["name"], "voltage");
    assert_eq!(property["description"], "Volts.");
    assert_eq!(property["writable"], true);
    assert_eq!(property["write"], "set_voltage");
}

#[test]
fn the_other_side_says_what_it_receives() {
    let hub = Api::bind("jrpc", "internal:discover:hub").unwrap();
    let inverse = StageInverse::bind("jrpc", "internal:discover:inverse").unwrap();
    hub.start().unwrap();
    inverse.start().unwrap();
    let document = discover(&hub);
    is_openrpc(&document);
    assert_eq!(method(&document, "moved")["x-direction"], "incoming");
    assert_eq!(method(&document, "move_to")["x-direction"], "outgoing");
}

#[test]
fn without_a_trait_the_names_are_told() {
    let server = Api::bind("jrpc", "internal:discover-dynamic:server").unwrap();
    server.on("add", |_sender, _args| Value::from(5));
    server.start().unwrap();
    let client = Api::bind("jrpc", "internal:discover-dynamic:client").unwrap();
    client.start().unwrap();
    let document = discover(&client);
    is_openrpc(&document);
    assert_eq!(method(&document, "add")["x-undeclared"], true);
    // What is connected later is told, too; and what the program answers by itself goes first.
    server.on("sub", |_sender, _args| Value::from(5));
    method(&discover(&client), "sub");
    server.on("rpc.discover", |_sender, _args| Value::from("mine"));
    assert_eq!(discover(&client), "mine");
}

#[remote_api]
trait Lamp {
    #[incoming]
    fn light(&self, on: bool);
}

#[test]
fn several_traits_are_told_together() {
    let (stage, addr) = stage("jrpc");
    let client = client(addr);
    assert_eq!(discover(&client)["info"]["title"], "Stage");
    let _lamp: Lamp = stage.node().add().unwrap();
    let document = discover(&client);
    is_openrpc(&document);
    assert_eq!(document["info"]["title"], "Stage, Lamp");
    method(&document, "light");
    method(&document, "blink");
}

#[test]
fn it_can_be_turned_off_and_rules_are_asked() {
    let silent = Stage::builder()
        .transport("tcpserv:127.0.0.1:0")
        .bind("terse", "tcpserv:127.0.0.1:0")
        .discover(false)
        .build()
        .unwrap();
    silent.start().unwrap();
    let asked = client(silent.local_addrs()[0])
        .call("rpc.discover", ())
        .result();
    let error = asked.unwrap_err();
    assert_eq!(error.code(), Some(-32601), "{error}");
    let mut person = Telnet::connect(silent.local_addrs()[1]);
    person.send("help\n");
    assert_eq!(person.line(), "! unknown method `help`");

    let guarded = Stage::builder()
        .transport("tcpserv:127.0.0.1:0")
        .bind("terse", "tcpserv:127.0.0.1:0")
        .authorize(|_sender, method| method == "blink")
        .build()
        .unwrap();
    guarded.start().unwrap();
    let asked = client(guarded.local_addrs()[0])
        .call("rpc.discover", ())
        .result();
    assert_eq!(asked.unwrap_err().code(), Some(-32001));
    let mut person = Telnet::connect(guarded.local_addrs()[1]);
    person.send("help\n");
    assert_eq!(person.line(), "! this failed: you may not call `help`");
}

#[test]
fn it_works_on_every_codec() {
    for codec in ["jrpc", "jrpc:content-length", "terse", "msgpack"] {
        let (_stage, addr) = stage(codec);
        let client = Api::bind(codec, format!("tcp:{addr}").as_str()).unwrap();
        client.start().unwrap();
        is_openrpc(&discover(&client));
    }
}

#[test]
fn people_get_help() {
    let (_stage, addr) = stage("terse");
    let mut person = Telnet::connect(addr);
    person.send("help\n");
    let expected = [
        "Stage: A stage that moves.",
        "  move_to[1] point:.. speed:0.0 comment:\"..\"  Moves there. -> Point",
        "  old[1] silent:.. other:..  -> Vec<u8>",
        "  blink times:0",
        "  pair[1]                    -> (u8, String)",
        "  lines[1] path:\"..\"         -> quickrpc::Stream<String, u64>",
        "  get_voltage[1]             Volts. -> f64",
        "  set_voltage[1] value:0.0   Volts.",
        "You are sent:",
        "  moved point:..             It has moved.",
        "  voltage_changed value:0.0  Volts.",
        "`[1]` is a number of yours, with which the answer comes back. `help move_to` tells more.",
    ];
    for line in expected {
        assert_eq!(person.line(), line);
    }
    person.send("help move_to\n");
    let expected = [
        "move_to[1] point:.. speed:0.0 comment:\"..\"",
        "  Moves there.",
        "  ",
        "  Slowly.",
        "  point: Point - Where to.",
        "  speed: f64, 1.5 if it is missing",
        "  comment: Option<&str>, may be missing",
        "  It needs the role `operator`.",
        "  It answers `Point`.",
    ];
    for line in expected {
        assert_eq!(person.line(), line);
    }
    person.send("help[7]\n");
    assert!(
        person
            .line()
            .starts_with("[7]:\"Stage: A stage that moves.\\n")
    );
}

#[test]
fn people_hear_what_is_wrong() {
    let (stage, addr) = stage("terse");
    stage.blink.connect(|_sender, times| match times {
        0 => Err("that is too\nfew"),
        _ => Ok(()),
    });
    let mut person = Telnet::connect(addr);
    let cases = [
        (
            "blnik times:3",
            "! unknown method `blnik`; did you mean `blink`? `help` lists the calls",
        ),
        ("quit", "! unknown method `quit`; `help` lists the calls"),
        (
            "blink",
            "! this is wrong: missing argument `times`; `blink` takes `times`; try `help blink`",
        ),
        ("blink times:", ""),
        ("blink 3", ""),
        ("blink times:0", "! this failed: that is too few"),
        (
            "move_to",
            "! this failed: `move_to` needs the role `operator`",
        ),
        (
            "help blnik",
            "! there is no call `blnik`; `help` lists the calls",
        ),
    ];
    for (line, answer) in cases {
        person.send(format!("{line}\n"));
        let heard = person.line();
        assert!(heard.starts_with("! "), "{heard}");
        if answer.is_empty() {
            assert!(
                heard.starts_with("! cannot read this: expected "),
                "{heard}"
            );
        } else {
            assert_eq!(heard, answer);
        }
    }
    // As Python writes it.
    person.send("blnik \n");
    // What is right, has an id, or looks like an answer itself gets none of these.
    person.send("blink times:3\n");
    person.send("! blnik times:3\n");
    person.send("! cannot read this\n");
    person.send("[]! message:\"what?\"\n");
    person.send("[what?\n");
    person.send("blink[8] times:3\n");
    assert_eq!(person.line(), "[8]:null");
}

#[test]
fn people_are_on_tcp_and_nobody_is_answered_elsewhere() {
    for (codec, transport, answers) in [
        ("terse?answers=off", "tcpserv:127.0.0.1:0", false),
        ("terse", "tcpserv:127.0.0.1:0", true),
    ] {
        let stage = Stage::bind(codec, transport).unwrap();
        stage.start().unwrap();
        let mut person = Telnet::connect(stage.local_addrs()[0]);
        person.send("blnik\n");
        person.send("help\n");
        person.send("blink[1] times:3\n");
        assert_eq!(person.line() == "[1]:null", !answers);
    }
    // A client is no person, whatever it is sent; and a program that is answered hears of it.
    let hub = Api::bind("terse?answers=on", "internal:discover-on:hub").unwrap();
    let program = Api::bind("terse", "internal:discover-on:program").unwrap();
    let (heard, errors) = std::sync::mpsc::channel();
    program.on_error(move |_sender, error, _call| {
        heard.send(error.to_string()).ok();
    });
    hub.start().unwrap();
    program.start().unwrap();
    program.notify("nothing", ()).unwrap();
    let error = errors.recv_timeout(SOON).expect("an error");
    assert!(error.contains("unknown method `nothing`"), "{error}");
}

#[test]
fn a_question_for_help_is_no_message_that_cannot_be_read() {
    let (lab, addr, _served) = server("terse");
    let (told, errors) = inbox();
    lab.on_error(move |_peer, error, _method| {
        let _ = told.send(error.to_string());
    });
    let mut person = Telnet::connect(addr);
    person.send("help add\n");
    assert!(person.line().contains("add"));
    person.send("help me, please\n");
    let error = errors.next();
    assert!(error.contains("help me, please"), "{error}");
}
