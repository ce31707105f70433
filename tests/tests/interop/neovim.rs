//! Neovim, driven by a trait that declares a part of its API, and calling back.

use std::collections::BTreeMap;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use quickrpc::dynamic::Api;
use quickrpc::msgpack::Ext;
use quickrpc::{Bytes, CallError, Error, Value, remote_api};
use quickrpc_tests::{Inbox, Neovim, eventually, inbox};

use crate::settled;

#[path = "../../../examples/examples/prose.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "a program, of which its work is used"
)]
mod prose;

/// A part of what Neovim understands (`:help api`), and what it tells and asks.
#[remote_api]
trait Nvim {
    #[outgoing]
    fn nvim_get_current_buf(&self) -> Ext;
    #[outgoing]
    fn nvim_list_wins(&self) -> Vec<Ext>;
    #[outgoing]
    fn nvim_get_current_tabpage(&self) -> Ext;
    #[outgoing]
    fn nvim_buf_line_count(&self, buffer: &Ext) -> i64;
    #[outgoing]
    fn nvim_buf_set_lines(
        &self,
        buffer: &Ext,
        start: i64,
        end: i64,
        strict: bool,
        replacement: Vec<String>,
    ) -> ();
    #[outgoing]
    fn nvim_buf_get_lines(&self, buffer: &Ext, start: i64, end: i64, strict: bool) -> Vec<String>;
    #[outgoing]
    fn nvim_buf_get_text(
        &self,
        buffer: &Ext,
        start_row: i64,
        start_column: i64,
        end_row: i64,
        end_column: i64,
        options: BTreeMap<String, Value>,
    ) -> Vec<Bytes>;
    #[outgoing]
    fn nvim_buf_attach(
        &self,
        buffer: &Ext,
        send_buffer: bool,
        options: BTreeMap<String, Value>,
    ) -> bool;
    #[outgoing]
    fn nvim_eval(&self, expression: &str) -> Value;
    #[outgoing]
    fn nvim_exec_lua(&self, code: &str, arguments: Vec<Value>) -> Value;
    #[outgoing]
    fn nvim_command(&self, command: &str) -> ();
    #[outgoing]
    fn nvim_exec(&self, source: &str, output: bool);
    #[outgoing]
    fn nvim_make_coffee(&self) -> ();
    #[outgoing]
    fn nvim_get_api_info(&self) -> (i64, Value);

    #[incoming]
    fn nvim_buf_lines_event(
        &self,
        buffer: Ext,
        tick: Option<u64>,
        first: i64,
        last: i64,
        lines: Vec<String>,
        more: bool,
    );
    #[incoming]
    fn nvim_buf_detach_event(&self, buffer: Ext);
    #[incoming]
    fn nvim_error_event(&self, kind: i64, message: &str);

    #[incoming]
    fn double(&self, number: i64) -> i64;
    #[incoming]
    fn refuse(&self, why: &str) -> ();
    #[incoming]
    fn remember(&self, text: &str, bytes: Bytes);
}

type Change = (Ext, i64, i64, Vec<String>);

/// One of our own, and what it tells.
struct Driven {
    nvim: Nvim,
    changes: Inbox<Change>,
    remembered: Inbox<(String, Bytes)>,
    errors: Inbox<(i64, String)>,
}

fn drive(transport: &str) -> Driven {
    let nvim = Nvim::bind("msgpack", transport).unwrap();
    let (seen, changes) = inbox();
    nvim.nvim_buf_lines_event
        .connect(move |_nvim, buffer, _tick, first, last, lines, _more| {
            let _ = seen.send((buffer, first, last, lines));
        });
    nvim.double.connect(|_nvim, number| number * 2);
    nvim.refuse.connect(|_nvim, why| match why {
        "code" => Err(CallError::new(7, "with a code").with_data(5)),
        why => Err(CallError::new(CallError::HANDLER_ERROR, why)),
    });
    let (noted, remembered) = inbox();
    nvim.remember.connect(move |_nvim, text, bytes| {
        let _ = noted.send((text.to_owned(), bytes));
    });
    let (told, errors) = inbox();
    nvim.nvim_error_event.connect(move |_nvim, kind, message| {
        let _ = told.send((kind, message.to_owned()));
    });
    nvim.start().unwrap();
    Driven {
        nvim,
        changes,
        remembered,
        errors,
    }
}

/// The transport of one that is a child.
fn embedded() -> Option<String> {
    Some(format!("process:({})", Neovim::command()?))
}

fn lines(text: &str) -> Vec<String> {
    text.split('|').map(str::to_owned).collect()
}

#[test]
fn its_api_is_a_trait() {
    let Some(transport) = embedded() else {
        return;
    };
    let Driven { nvim, errors, .. } = drive(&transport);
    let nvim = nvim.all();
    let buffer = settled(nvim.nvim_get_current_buf()).unwrap();
    // Its handles are extensions, each kind of a type of its own.
    assert_eq!((buffer.kind, buffer.unpack::<i64>().unwrap()), (0, 1));
    let windows = settled(nvim.nvim_list_wins()).unwrap();
    assert_eq!((windows.len(), windows[0].kind), (1, 1));
    assert_eq!(settled(nvim.nvim_get_current_tabpage()).unwrap().kind, 2);
    let text = lines("one|zwei ä|\u{1f600}");
    settled(nvim.nvim_buf_set_lines(&buffer, 0, -1, true, text.clone())).unwrap();
    assert_eq!(settled(nvim.nvim_buf_line_count(&buffer)).unwrap(), 3);
    assert_eq!(
        settled(nvim.nvim_buf_get_lines(&buffer, 0, -1, true)).unwrap(),
        text
    );
    for (expression, expected) in [
        (
            "[1, -5, 1.5, v:true, v:null, 'ä']",
            "[1,-5,1.5,true,null,\"ä\"]",
        ),
        ("{'a': {}, 'b': [[]]}", "{\"a\":{},\"b\":[[]]}"),
        ("0zFF00", "{\"__bytes\":\"/wA=\"}"),
    ] {
        match settled(nvim.nvim_eval(expression)) {
            Ok(value) if expression.starts_with("0z") => {
                // A blob is a text to it, which may not be UTF-8.
                assert_eq!(value, Value::Bytes(vec![0xff, 0]));
                assert_eq!(value.to_string(), expected);
            }
            value => assert_eq!(value.unwrap().to_string(), expected),
        }
    }
    // It sends a text that is none.
    settled(nvim.nvim_exec_lua(
        r"vim.api.nvim_buf_set_lines(0, 0, -1, true, {'a\255b'})",
        Vec::new(),
    ))
    .unwrap();
    let raw = settled(nvim.nvim_buf_get_text(&buffer, 0, 0, 0, 3, BTreeMap::new()));
    assert_eq!(raw.unwrap(), [Bytes::from(b"a\xffb")]);
    let error = settled(nvim.nvim_buf_get_lines(&buffer, 0, -1, true)).unwrap_err();
    assert!(error.to_string().contains("not UTF-8"), "{error}");

    // Its errors: 0 is an exception, and 1 an argument that is wrong.
    let error = settled(nvim.nvim_eval("nonsense(")).unwrap_err();
    match error {
        Error::Call(error) => {
            assert_eq!((error.code, error.data), (0, None));
            assert!(
                error.message.contains("E116") || error.message.contains("E117"),
                "{}",
                error.message
            );
        }
        other => panic!("{other:?}"),
    }
    let error = settled(nvim.nvim_buf_line_count(&Ext::pack(0, &99).unwrap())).unwrap_err();
    match error {
        Error::Call(error) => {
            assert_eq!((error.code, &*error.message), (1, "Invalid buffer id: 99"));
        }
        other => panic!("{other:?}"),
    }
    let error = settled(nvim.nvim_make_coffee()).unwrap_err();
    assert!(error.to_string().contains("nvim_make_coffee"), "{error}");
    // What fails without an answer comes as a notification.
    nvim.nvim_exec("nonsense", false).unwrap();
    let (kind, message) = errors.next();
    assert!(kind == 0 && message.contains("E492"), "{message}");
}

#[test]
fn it_tells_of_changes() {
    let Some(transport) = embedded() else {
        return;
    };
    let Driven { nvim, changes, .. } = drive(&transport);
    let nvim = nvim.all();
    let buffer = settled(nvim.nvim_get_current_buf()).unwrap();
    settled(nvim.nvim_buf_set_lines(&buffer, 0, -1, true, lines("a|b|c"))).unwrap();
    assert!(settled(nvim.nvim_buf_attach(&buffer, true, BTreeMap::new())).unwrap());
    assert_eq!(changes.next(), (buffer.clone(), 0, -1, lines("a|b|c")));
    settled(nvim.nvim_buf_set_lines(&buffer, 1, 2, true, lines("B1|B2"))).unwrap();
    assert_eq!(changes.next(), (buffer.clone(), 1, 2, lines("B1|B2")));
    settled(nvim.nvim_command("normal Gdd")).unwrap();
    assert_eq!(changes.next(), (buffer, 3, 4, Vec::new()));
}

#[test]
fn it_asks_and_tells_from_lua() {
    let Some(transport) = embedded() else {
        return;
    };
    let driven = drive(&transport);
    let nvim = driven.nvim.all();
    let (channel, _) = settled(nvim.nvim_get_api_info()).unwrap();
    let lua = |code: &str| {
        let code = code.replace("CHANNEL", &channel.to_string());
        settled(nvim.nvim_exec_lua(&code, Vec::new()))
    };
    let doubled = lua("return vim.rpcrequest(CHANNEL, 'double', 21)").unwrap();
    assert_eq!(doubled, 42.into());
    lua("vim.rpcnotify(CHANNEL, 'remember', 'a text', 'bytes \\255')").unwrap();
    assert_eq!(
        driven.remembered.next(),
        ("a text".into(), Bytes::from(b"bytes \xff"))
    );
    // What went wrong here is what a person reads there.
    for (call, text) in [
        ("'refuse', 'too high'", "too high"),
        ("'refuse', 'code'", "7: with a code"),
        ("'dubble', 1", "-32601: unknown method `dubble`"),
        (
            "'double', 'x'",
            "argument `number` of `double`: invalid type: string \"x\"",
        ),
        ("'double'", "missing argument `number`"),
    ] {
        let code = format!("return {{pcall(vim.rpcrequest, CHANNEL, {call})}}");
        let answer = lua(&code).unwrap();
        assert_eq!(answer[0], Value::Bool(false), "{answer}");
        assert!(answer[1].as_str().unwrap().contains(text), "{answer}");
    }
}

#[test]
fn one_that_runs_is_reached_without_a_declaration() {
    let Some(neovim) = Neovim::start("first line\nsecond line\n") else {
        return;
    };
    let transport = format!("restart:0.05:unix:{}", neovim.socket());
    let api = Api::bind("msgpack", transport).unwrap();
    let (here, came) = inbox();
    api.on_connect(move |_peer| {
        let _ = here.send(());
    });
    api.start().unwrap();
    came.next();
    let buffer = settled(api.call("nvim_get_current_buf", ())).unwrap();
    // What it gives it takes, though nobody here knows what it is.
    assert_eq!(buffer.to_string(), r#"{"__ext":[0,{"__bytes":"AQ=="}]}"#);
    let args = (&buffer, 0, -1, true);
    let text = settled(api.call("nvim_buf_get_lines", args)).unwrap();
    assert_eq!(text.to_string(), r#"["first line","second line"]"#);
}

#[test]
fn the_program_of_the_documentation() {
    let program = include_str!("../../../examples/examples/prose.rs");
    let (_, program) = program.split_once("use std::collections").unwrap();
    let page = include_str!("../../../docs/neovim.md");
    assert!(page.contains(program.trim_end()), "docs/neovim.md is older");

    let Some(neovim) = Neovim::start("It is is a letter.\n") else {
        return;
    };
    let socket = neovim.socket();
    // Its socket has a name before it can be connected to.
    eventually("Neovim listens", || UnixStream::connect(&socket).is_ok());
    let _prose = prose::lint(&socket).unwrap();
    let person = Nvim::bind("msgpack", format!("unix:{socket}")).unwrap();
    person.start().unwrap();
    let nvim = person.all().timeout(Duration::from_secs(20));
    let marks = || settled(nvim.nvim_eval("luaeval('vim.diagnostic.get(0)')")).unwrap();
    eventually("it is marked", || marks()[0]["message"] != Value::Null);
    assert_eq!(marks()[0]["message"], "`is` is there twice".into());
    assert_eq!(
        (&marks()[0]["lnum"], &marks()[0]["col"]),
        (&0.into(), &3.into())
    );
    settled(nvim.nvim_command("normal ggwdw")).unwrap();
    eventually("it is not marked any more", || marks()[0] == Value::Null);
    settled(nvim.nvim_command("normal onow now")).unwrap();
    eventually("the new line is marked", || marks()[0]["lnum"] == 1.into());
}
