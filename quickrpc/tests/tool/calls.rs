//! Calls, descriptions and mistakes.

use quickrpc::dynamic::Api;
use quickrpc::{CallError, Value};

use crate::run::{Dir, Running, lab, quickrpc, run, says, tcp_lab, with_input};

#[test]
fn every_wire_is_called() {
    let dir = Dir::new();
    let socket = dir.path().join("lab.socket");
    let unix = format!("unixserv:{}", socket.display());
    let _unix = {
        let lab = crate::run::Lab::bind("jrpc", unix.as_str()).unwrap();
        lab.add.connect(|_sender, a, b| a + b);
        lab.start().unwrap();
        lab
    };
    assert_eq!(
        says(&[
            "call",
            &format!("unix:{}", socket.display()),
            "add",
            "a=2",
            "b=3"
        ]),
        "5\n"
    );

    for codec in [
        "jrpc",
        "terse",
        "msgpack?named=on",
        r"jrpc:\n",
        "jrpc:content-length",
    ] {
        let (_lab, tcp) = tcp_lab(codec);
        assert_eq!(
            says(&["call", "--codec", codec, &tcp, "add", "a=2", "b=3"]),
            "5\n"
        );
        assert_eq!(says(&["call", "-c", codec, &tcp, "add", "a=2"]), "3\n");
        assert!(says(&["describe", "-c", codec, &tcp]).starts_with("Lab 0.1.0\nA laboratory.\n"));
    }
    let (_lab, addr) = lab("jrpc", "wsserv:127.0.0.1:0/ws");
    assert_eq!(
        says(&["call", &format!("ws://{addr}/ws"), "add", "a=2", "b=3"]),
        "5\n"
    );
    let (_lab, addr) = lab("zonis", "wsserv:127.0.0.1:0");
    let wire = format!("ws://{addr}/");
    assert_eq!(
        says(&["call", "-c", "zonis:tool", &wire, "add", "a=2", "b=3"]),
        "5\n"
    );
    let (_lab, addr) = lab("juggler:0.7", "wsserv:127.0.0.1:0/ws");
    let wire = format!("ws://{addr}/ws");
    assert_eq!(
        says(&["call", "-c", "juggler:0.7", &wire, "add", "a=2", "b=3"]),
        "5\n"
    );
    let (_lab, addr) = lab("jrpc", "zmqserv:127.0.0.1:0");
    assert_eq!(
        says(&["call", &format!("zmq:{addr}"), "add", "a=2", "b=3"]),
        "5\n"
    );
}

#[test]
fn arguments_come_in_many_forms() {
    let (_lab, tcp) = tcp_lab("jrpc");
    assert_eq!(says(&["call", &tcp, "add", r#"{"a": 2, "b": 3}"#]), "5\n");
    assert_eq!(
        with_input(&["call", &tcp, "add", "-"], "{\"a\": 2,\n \"b\": 3}\n").stdout,
        "5\n"
    );
    assert_eq!(with_input(&["call", &tcp, "add", "-"], "{").code, 2);
    assert_eq!(says(&["call", &tcp, "set_voltage", "value=6.5"]), "null\n");
    assert_eq!(says(&["call", &tcp, "get_voltage"]), "6.5\n");

    let echo = Api::bind("jrpc", "tcpserv:127.0.0.1:0").unwrap();
    echo.on("echo", |_sender, args| args);
    echo.start().unwrap();
    let tcp = format!("tcp:{}", echo.local_addrs()[0]);
    assert_eq!(
        says(&["call", &tcp, "echo", "a=x y", "b=\"2\"", "c=[1]"]),
        "{\"a\":\"x y\",\"b\":\"2\",\"c\":[1]}\n"
    );
    assert_eq!(says(&["call", &tcp, "echo", "[1, \"x\"]"]), "[1,\"x\"]\n");
    let each = says(&["call", "--each", &tcp, "echo", "a=1"]);
    assert_eq!(
        each,
        format!("{}: {{\"a\":1}}\n", tcp.trim_start_matches("tcp:"))
    );
    assert_eq!(
        says(&["call", "--pretty", &tcp, "echo", "a=1"]),
        "{\n  \"a\": 1\n}\n"
    );
}

#[test]
fn a_notification_leaves_before_the_end() {
    let server = Api::bind("jrpc", "tcpserv:127.0.0.1:0").unwrap();
    let (heard, notes) = std::sync::mpsc::channel();
    server.on("say", move |_sender, args| heard.send(args).unwrap_or(()));
    server.start().unwrap();
    let tcp = format!("tcp:{}", server.local_addrs()[0]);
    says(&["notify", &tcp, "say", "text=hello"]);
    let heard = notes
        .recv_timeout(std::time::Duration::from_secs(20))
        .unwrap();
    assert_eq!(heard["text"], Value::from("hello"));
}

#[test]
fn exit_codes_tell_failures_apart() {
    let (_lab, tcp) = tcp_lab("jrpc");
    let cases: [(&[&str], i32, &str); 9] = [
        (
            &["call", &tcp, "measure", "channel=9"],
            1,
            "there is no such channel (code 404)",
        ),
        (&["call", &tcp, "ad"], 1, "hint: did you mean `add`?"),
        (
            &["call", &tcp, "add"],
            1,
            "hint: it is add(a: integer, b: integer = 1) -> integer",
        ),
        (&["describe", &tcp, "ad"], 2, "hint: did you mean `add`?"),
        (
            &["call", "tcp:127.0.0.1:1", "add"],
            3,
            "nobody listens there",
        ),
        (&["call", "tcp:127.0.0.1", "add"], 2, "the port is missing"),
        (
            &["call", "lab", "add"],
            2,
            "hint: a wire of that name in a file is `@lab`",
        ),
        (
            &["call", "-c", "jrcp", &tcp, "add"],
            2,
            "did you mean `jrpc`?",
        ),
        (&["call", &tcp], 2, "required arguments"),
    ];
    for (args, code, text) in cases {
        let ran = run(args);
        assert_eq!(ran.code, code, "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(text), "{args:?}: {}", ran.stderr);
        assert!(
            !ran.stderr.contains('\x1b'),
            "{args:?}: colours where there is no terminal"
        );
        assert_eq!(ran.stdout, "", "{args:?}");
    }
}

#[test]
fn wires_have_names_in_a_file() {
    let (_lab, tcp) = tcp_lab("terse");
    let dir = Dir::new();
    let text = format!("[wire.lab]\ncodec = 'terse'\ntransport = '{tcp}'\n");
    let file = dir.file("quickrpc.toml", &text);
    assert_eq!(
        says(&["call", "--config", &file, "@lab", "add", "a=2", "b=3"]),
        "5\n"
    );
    let named = |folder| {
        let mut command = quickrpc(["call", "@lab", "add", "a=2", "b=3"]);
        command.current_dir(folder);
        command
    };
    let here = named(dir.path()).output().unwrap();
    assert_eq!(here.stdout, b"5\n");
    let elsewhere = named(&std::env::temp_dir())
        .env("QUICKRPC_CONFIG", &file)
        .output()
        .unwrap();
    assert_eq!(elsewhere.stdout, b"5\n");
    let ran = run(&["call", "--config", &file, "@lba", "add"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("did you mean `lab`?"), "{}", ran.stderr);
}

#[test]
fn the_codec_of_a_stranger_is_found_out() {
    let (_lab, terse) = tcp_lab("terse");
    let (_lab, jrpc) = tcp_lab("jrpc");
    for (tcp, spoken, answered) in [(&terse, "jrpc", "terse"), (&jrpc, "terse", "jrpc")] {
        let ran = run(&["call", "-c", spoken, "-t", "500ms", tcp, "add", "a=1"]);
        assert_eq!(ran.code, 3, "{}", ran.stderr);
        let hint = format!("the peer answers in `{answered}`, and you speak `{spoken}`");
        assert!(ran.stderr.contains(&hint), "{}", ran.stderr);
    }
}

#[test]
fn who_wants_tls_is_found_out() {
    let dir = Dir::new();
    let [cert, key] = ["cert.pem", "key.pem"].map(|name| dir.path().join(name));
    let made = std::process::Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
        ])
        .args([
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&cert)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let (cert, key) = (cert.display(), key.display());
    let (_lab, addr) = lab(
        "jrpc",
        &format!("tlsserv:127.0.0.1:0?cert={cert}&key={key}"),
    );
    let ran = run(&["call", "-t", "1s", &format!("tcp:{addr}"), "add", "a=1"]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("hint: it wants TLS: `tls:`"),
        "{}",
        ran.stderr
    );
    let tls = format!("tls:localhost:{}?ca={cert}", addr.port());
    assert_eq!(says(&["call", &tls, "add", "a=2", "b=3"]), "5\n");
}

#[test]
fn properties_are_what_the_wire_has() {
    for (codec, server, client) in [
        ("jrpc", "tcpserv:127.0.0.1:0", "tcp:ADDR"),
        ("juggler:0.7", "wsserv:127.0.0.1:0/ws", "ws:ADDR/ws"),
        ("hololinked:lab", "zmqserv:127.0.0.1:0", "zmq:ADDR"),
    ] {
        let (lab, addr) = lab(codec, server);
        let wire = client.replace("ADDR", &addr.to_string());
        assert_eq!(
            says(&["get", "-c", codec, &wire, "voltage"]),
            "5.0\n",
            "{codec}"
        );
        if codec != "juggler:0.7" {
            assert_eq!(says(&["set", "-c", codec, &wire, "voltage", "6.5"]), "");
            assert_eq!(lab.voltage.get(), Some(6.5), "{codec}");
        }
        let ran = run(&["get", "-c", codec, "-t", "2s", &wire, "no_such"]);
        assert_ne!(ran.code, 0, "{codec}: {}", ran.stdout);
    }
}

#[test]
fn who_is_asked_over_http_may_not_be_there() {
    let (_lab, addr) = lab("jrpc", "wsserv:127.0.0.1:0");
    let http = format!("http://{addr}/");
    assert_eq!(says(&["call", &http, "add", "a=2", "b=3"]), "5\n");
    assert!(says(&["describe", &http]).starts_with("Lab 0.1.0\n"));
    assert_eq!(run(&["call", &http, "measure", "channel=9"]).code, 1);
    assert_eq!(run(&["call", "http://127.0.0.1:1/", "add"]).code, 3);
    // What is only said is told of all the same.
    assert_eq!(says(&["notify", &http, "say", "text=hello"]), "");
    let elsewhere = run(&["notify", &format!("{http}elsewhere"), "say", "text=hello"]);
    assert_eq!(elsewhere.code, 3, "{}", elsewhere.stderr);
    assert!(
        elsewhere.stderr.contains("status 405"),
        "{}",
        elsewhere.stderr
    );
    let nobody = run(&["notify", "http://127.0.0.1:1/", "say", "text=hello"]);
    assert_eq!(nobody.code, 3, "{}", nobody.stderr);
    assert!(nobody.stderr.contains("refused"), "{}", nobody.stderr);
    let ran = run(&["listen", &http]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr.contains("sends nothing by itself"),
        "{}",
        ran.stderr
    );
}

#[test]
fn who_does_not_describe_himself_is_called_all_the_same() {
    let api = Api::builder()
        .codec("msgpack")
        .transport("tcpserv:127.0.0.1:0")
        .discover(false)
        .build_dynamic()
        .unwrap();
    api.on("add", |_sender, args| {
        Value::from(args.as_list().map_or(0, <[Value]>::len))
    });
    api.start().unwrap();
    let tcp = format!("tcp:{}", api.local_addrs()[0]);
    assert_eq!(
        says(&["call", "-c", "msgpack", &tcp, "add", "[1,2]"]),
        "2\n"
    );
    let ran = run(&["describe", "-c", "msgpack", &tcp]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("the service does not describe itself"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr.contains("hint: its methods can be called"),
        "{}",
        ran.stderr
    );
    assert_eq!(run(&["call", "-c", "msgpack", &tcp, "nix"]).code, 1);
    let ran = run(&["listen", "-c", "msgpack", "--for", "100ms", &tcp]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}

#[test]
fn canned_answers_are_served() {
    let dir = Dir::new();
    let answers = r#"{"add": 5, "n": {"each": [1, 2]}, "no": {"error": {"code": 7, "message": "no", "data": [1]}},
        "odd": {"result": {"error": {}}}, "back": {"echo": true}}"#;
    let file = dir.file("answers.json", answers);
    let mut server = Running::start(&["serve", "tcpserv:127.0.0.1:0", &file]);
    let tcp = format!("tcp:{}", server.address());
    assert_eq!(says(&["call", &tcp, "add"]), "5\n");
    for expected in ["1\n", "2\n", "2\n"] {
        assert_eq!(says(&["call", &tcp, "n"]), expected);
    }
    assert_eq!(says(&["call", &tcp, "odd"]), "{\"error\":{}}\n");
    assert_eq!(says(&["call", &tcp, "back", "[1]"]), "[1]\n");
    let ran = run(&["call", &tcp, "no"]);
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (1, "error: no (code 7)\nhint: its data: [1]\n")
    );
    let line = server.error_line();
    assert!(
        line.ends_with(": add null") || line.ends_with(": add {}"),
        "{line}"
    );
    assert!(says(&["describe", &tcp]).contains("\n  add(..)\n"));
    let wrong = dir.file("wrong.json", "[]");
    assert_eq!(run(&["serve", "tcpserv:127.0.0.1:0", &wrong]).code, 2);
}

#[test]
fn who_does_not_describe_itself_is_called_nevertheless() {
    let server = Api::builder()
        .transport("tcpserv:127.0.0.1:0")
        .discover(false)
        .build_dynamic()
        .unwrap();
    server.on("add", |_sender, _args| Value::from(5));
    server.on("no", |_sender, _args| {
        Err::<Value, _>(CallError::new(CallError::INVALID_PARAMS, "no"))
    });
    server.start().unwrap();
    let tcp = format!("tcp:{}", server.local_addrs()[0]);
    assert_eq!(says(&["call", &tcp, "add"]), "5\n");
    assert_eq!(
        run(&["call", &tcp, "no"]).stderr,
        "error: no (code -32602)\n"
    );
    assert_eq!(
        run(&["call", &tcp, "ad"]).stderr,
        "error: unknown method `ad` (code -32601)\n"
    );
    let ran = run(&["describe", &tcp]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("does not describe itself"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_server_calls_who_connects() {
    // The other side is a client that is called by the program, which listens.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let client = Api::bind("jrpc", format!("restart:0.1:tcp:127.0.0.1:{port}").as_str()).unwrap();
    client.on("add", |_sender, _args| Value::from(5));
    client.start().unwrap();
    assert_eq!(
        says(&["call", &format!("tcpserv:127.0.0.1:{port}"), "add"]),
        "5\n"
    );
    let ran = run(&["call", "-t", "100ms", "tcpserv:127.0.0.1:0", "add"]);
    assert_eq!(ran.code, 3);
    assert!(
        ran.stderr.contains("nobody has connected"),
        "{}",
        ran.stderr
    );
}

#[test]
fn help_has_examples_everywhere() {
    let help = says(&["--help"]);
    assert!(help.contains("Examples:") && help.contains("Exit codes:"));
    let commands = help
        .split("Commands:\n")
        .nth(1)
        .unwrap()
        .split("\n\n")
        .next()
        .unwrap();
    let mut count = 0;
    for line in commands.lines() {
        let command = line.split_whitespace().next().unwrap();
        if command != "help" {
            assert!(
                says(&[command, "--help"]).contains("Examples:"),
                "{command}"
            );
            count += 1;
        }
    }
    assert!(count >= 9, "{commands}");
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            says(&["completions", shell]).contains("describe"),
            "{shell}"
        );
    }
    let dir = Dir::new();
    says(&["man", "--into", &dir.path().display().to_string()]);
    assert!(dir.path().join("quickrpc-call.1").exists());
    assert!(says(&["man"]).starts_with(".ie"));
}

#[test]
fn output_that_nobody_reads_is_no_trouble() {
    let (_lab, tcp) = tcp_lab("jrpc");
    let mut command = quickrpc(["describe", &tcp]);
    let mut child = command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
