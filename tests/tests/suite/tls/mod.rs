//! TLS between two of ours.

use quickrpc::Error;
use quickrpc_tests::{Authority, Lab, LabInverse, Papers, SOON, Served, inbox, serve, server_on};

/// A running server over TLS.
fn server(papers: &Papers) -> (Lab, u16, Served) {
    server_with(&papers.options())
}

fn server_with(options: &str) -> (Lab, u16, Served) {
    let (api, addr, served) = server_on("jrpc", &format!("tlsserv:127.0.0.1:0?{options}"));
    (api, addr.port(), served)
}

/// A client that has connected, or why not.
fn client(transport: &str) -> Result<LabInverse, Error> {
    let api = LabInverse::bind("jrpc", transport)?;
    api.start()?;
    Ok(api)
}

/// Why a client cannot connect.
#[track_caller]
fn refusal(transport: &str) -> String {
    client(transport).expect_err("a refusal").to_string()
}

#[test]
fn calls_and_questions_over_tls() {
    let authority = Authority::new();
    let (_server, port, served) = server(&authority.server());
    let client = client(&format!("tls:localhost:{port}?ca={}", authority.ca())).unwrap();
    client.question.connect(|_sender, text| text.to_uppercase());
    let all = client.all();
    for text in ["", "hello", &"ä".repeat(1 << 19)] {
        assert_eq!(all.echo(text).result().unwrap(), text);
    }
    assert_eq!(all.ask("what?").result().unwrap(), "WHAT?");
    all.notify("a note").unwrap();
    assert_eq!(served.notes.next().1, "a note");
}
