//! The terse format as people type it: exact lines in, exact lines out.

use quickrpc_tests::{Telnet, client, server};

use crate::settled;

/// What is typed, and what comes back.
const TYPED: &[(&str, &str)] = &[
    ("add[1] a:2 b:3\n", "[1]:5\n"),
    ("add/2 a:2 b:3\n", "[2]:5\n"),
    ("add[3] a:2, b:3\n", "[3]:5\n"),
    ("add[4]  b:-3   a:2 \n", "[4]:-1\n"),
    ("add[5] a:2 b:3\r\n", "[5]:5\n"),
    ("\n\r\n  \nadd[6] a:2 b:3\n", "[6]:5\n"),
    (
        "add[7] a:9223372036854775806 b:1\n",
        "[7]:9223372036854775807\n",
    ),
    (
        "echo[8] text:\"h\u{e4}\u{1f600}\"\n",
        "[8]:\"h\u{e4}\u{1f600}\"\n",
    ),
    (
        "echo[9] text:\"a\\\\n\\n\\\"\"\n",
        "[9]:\"a\\\\n\\n\\\"\"\n",
    ),
    (
        "echo[10] text:\"\\u{e4}\\t\\r\\0\"\n",
        "[10]:\"\u{e4}\\t\\r\\0\"\n",
    ),
    ("echo[11]\n", "[11]:\"\"\n"),
    ("blob[12] data:'AP8='\n", "[12]:'AP8='\n"),
    ("blob[13] data:''\n", "[13]:''\n"),
    ("nested[14] value:[1 2, 3]\n", "[14]:[1 2 3]\n"),
    (
        "nested[15] value:{b:true, a:null}\n",
        "[15]:{a:null b:true}\n",
    ),
    ("nested[16] value:{\"a b\":[{}]}\n", "[16]:{\"a b\":[{}]}\n"),
    ("nested[17] value:1.0\n", "[17]:1.0\n"),
    ("nested[18] value:1e+06\n", "[18]:1000000.0\n"),
    ("nested[19] value:-0.1\n", "[19]:-0.1\n"),
    ("nested[20] value:[]\n", "[20]:[]\n"),
    ("add[id7] a:2 b:3\n", "[id7]:5\n"),
    (
        "nested[21] value:123456789012345678901234567890\n",
        "[21]:123456789012345678901234567890\n",
    ),
];

#[test]
fn lines_that_people_type() {
    let (_lab, addr, _served) = server("terse");
    let mut person = Telnet::connect(addr);
    for (typed, expected) in TYPED {
        person.send(typed);
        assert_eq!(format!("{}\n", person.line()), *expected, "{typed}");
    }
}

#[test]
fn errors_are_lines_too() {
    let (_lab, addr, _served) = server("terse");
    let mut person = Telnet::connect(addr);
    for (typed, start, part) in [
        (
            "fail[1] message:\"no luck\"\n",
            "[1]! ",
            "message:\"no luck\"",
        ),
        ("no_such[2]\n", "[2]! ", "code:-32601"),
        ("add[3] a:\"x\" b:1\n", "[3]! ", "code:-32602"),
        ("add[4] a:1\n", "[4]! ", "code:-32602"),
        ("add[5] a:1 b:2 c:3\n", "[5]! ", "code:-32602"),
    ] {
        person.send(typed);
        let line = person.line();
        assert!(line.starts_with(start) && line.contains(part), "{line}");
        assert!(line.contains(" message:\""), "{line}");
    }
}

#[test]
fn a_call_without_an_id_is_never_answered() {
    // People are told what is wrong, unless they do not want that.
    let (_lab, addr, _served) = server("terse?answers=off");
    let mut person = Telnet::connect(addr);
    person.send("add a:1 b:2\nno_such\nadd x:1\nfail message:\"m\"\nadd[1] a:1 b:1\n");
    assert_eq!(person.line(), "[1]:2");
}

#[test]
fn an_acknowledgement_is_null() {
    let (_lab, addr, _served) = server("terse");
    let mut person = Telnet::connect(addr);
    person.send("notify[7] text:\"x\"\n");
    let lines = [person.line(), person.line()];
    assert!(lines.contains(&String::from("notified text:\"x\"")));
    assert!(lines.contains(&String::from("[7]:null")));
}

/// The id in a line `method[id] ...`.
fn id_of(line: &str) -> &str {
    let (_method, rest) = line.split_once('[').expect("a call with an id");
    rest.split_once(']').expect("the end of the id").0
}

#[test]
fn replies_that_a_person_types() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let caller = client("terse", listener.local_addr().unwrap());
    let mut person = Telnet::over(listener.accept().unwrap().0);
    let sum = caller.all().add(2, 3);
    let line = person.line();
    let id = id_of(&line);
    assert_eq!(line, format!("add[{id}] a:2 b:3"));
    person.send(format!("[{id}]:5\n"));
    assert_eq!(settled(sum).unwrap(), 5);

    let (first, second) = (caller.all().add(1, 1), caller.all().fail("x"));
    let (line_first, line_second) = (person.line(), person.line());
    let (id_first, id_second) = (id_of(&line_first), id_of(&line_second));
    // As the original writes it: a reply sticks to the front of the next line.
    person.send(format!(
        "[{id_first}]:2[{id_second}]! message:\"no luck\" code:7\n"
    ));
    assert_eq!(settled(first).unwrap(), 2);
    let error = crate::call_error(settled(second));
    assert_eq!((error.code, &*error.message), (7, "no luck"));
}

#[test]
fn a_notification_is_a_plain_line() {
    let (lab, addr, _served) = server("terse");
    let (here, connected) = quickrpc_tests::inbox();
    lab.on_connect(move |_peer| here.send(()).unwrap());
    let mut person = Telnet::connect(addr);
    connected.next();
    lab.all().notified("hello\n\"you\"").unwrap();
    assert_eq!(person.line(), "notified text:\"hello\\n\\\"you\\\"\"");
}
