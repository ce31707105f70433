//! Codecs and transports of a user's, by object and by shorthand.

use std::net::Shutdown;

use quickrpc::security::BlindlyBelieveEverything;
use quickrpc::transport::{Entry, Transport};
use quickrpc::{BoxError, Error, register_codec, register_security, register_transport};
use quickrpc_tests::{
    Lab, LabInverse, Lists, PairStream, Telnet, inbox, register_lists, serve, stream_pair, value,
};

use crate::{call_error, settled};

#[test]
fn a_codec_as_an_object() {
    let lab = Lab::builder()
        .codec(Lists::default())
        .transport("tcpserv:127.0.0.1:0")
        .build()
        .unwrap();
    let served = serve(&lab);
    let (seen, errors) = inbox();
    lab.on_error(move |_sender, error, _in_reply_to| {
        seen.send(error.to_string()).unwrap();
    });
    lab.start().unwrap();
    let addr = lab.local_addrs()[0];
    let mut person = Telnet::connect(addr);
    person.send("[\"call\", \"add\", {\"a\": 1, \"b\": 2}, 7]\n");
    assert_eq!(person.line(), "[\"reply\",7,3]");
    person.send("[\"nonsense\"]\n");
    assert!(errors.next().contains("neither call, reply nor failure"));
    person.send("[\"call\", \"notify\", {\"text\": \"x\"}, null]\n");
    assert_eq!(
        person.line(),
        "[\"call\",\"notified\",{\"text\":\"x\"},null]"
    );
    assert_eq!(served.notes.next().1, "x");
}

#[test]
fn a_registered_codec_works_in_expressions() {
    register_lists();
    let (_lab, addr, _served) = quickrpc_tests::server("lists:;");
    let caller = LabInverse::bind("lists:;", format!("tcp:{addr}").as_str()).unwrap();
    caller.start().unwrap();
    let all = caller.all();
    assert_eq!(settled(all.add(2, 3)).unwrap(), 5);
    assert_eq!(call_error(settled(all.fail("no luck"))).message, "no luck");
    let nested = value(serde_json::json!({"a": [1, null, 1.5]}));
    assert_eq!(settled(all.nested(nested.clone())).unwrap(), nested);
    // Names are given once.
    for taken in ["lists", "jrpc", "terse"] {
        let again = register_codec(taken, |_params| Ok(Lists::default()));
        assert!(matches!(again, Err(Error::Config(_))), "{taken}: {again:?}");
    }
}

/// One end of a pair of sockets, as a transport.
#[derive(Debug)]
struct Plug {
    end: PairStream,
    peer: String,
}

impl Transport for Plug {
    fn expression(&self) -> String {
        format!("plug:{}", self.peer)
    }

    fn open(&self, entry: Entry) -> Result<(), BoxError> {
        entry.connect(&self.peer, self.end.try_clone()?, self.end.try_clone()?)?;
        Ok(())
    }

    fn close(&self) {
        // It may be closed from the other side.
        let _ = self.end.shutdown(Shutdown::Both);
    }
}

fn plugs() -> (Plug, Plug) {
    let (one, other) = stream_pair();
    let plug = |end, peer: &str| Plug {
        end,
        peer: peer.to_owned(),
    };
    (plug(one, "caller"), plug(other, "server"))
}

#[test]
fn a_transport_as_an_object() {
    let (here, there) = plugs();
    let lab = Lab::bind("terse", here).unwrap();
    let served = serve(&lab);
    let (gone, ended) = inbox();
    lab.on_disconnect(move |peer, _reason| gone.send(peer.to_string()).unwrap());
    lab.start().unwrap();
    let caller = LabInverse::bind("terse", there).unwrap();
    caller.start().unwrap();
    assert_eq!(settled(caller.to("server").add(2, 3)).unwrap(), 5);
    let text = "x".repeat(1 << 20);
    assert!(settled(caller.all().echo(&text)).unwrap() == text);
    caller.all().notify("hello").unwrap();
    let note = served.notes.next();
    assert_eq!((&*note.0, &*note.1), ("caller", "hello"));
    quickrpc_tests::bounded("stop", move || caller.stop()).unwrap();
    assert_eq!(ended.next(), "caller");
}

#[test]
fn a_registered_transport_works_in_nested_expressions() {
    let (plug, raw) = stream_pair();
    register_transport("plug", move |params| {
        Ok(Plug {
            end: plug.try_clone()?,
            peer: params.text().to_owned(),
        })
    })
    .unwrap();
    let lab = Lab::bind("terse", "mux:(plug:somebody)(tcpserv:127.0.0.1:0)").unwrap();
    let served = serve(&lab);
    lab.start().unwrap();
    std::io::Write::write_all(&mut &raw, b"notify text:\"hello\"\n").unwrap();
    assert_eq!(served.notes.next().0, "somebody");
    let refused = Lab::bind("terse", "plug:somebody?colour=red").unwrap_err();
    assert!(refused.to_string().contains("colour"), "{refused}");
}

#[test]
fn a_transport_that_cannot_open_is_named() {
    #[derive(Debug)]
    struct Broken;
    impl Transport for Broken {
        fn expression(&self) -> String {
            String::from("broken:pipe")
        }

        fn open(&self, _entry: Entry) -> Result<(), BoxError> {
            Err("it has no cable".into())
        }
    }
    let lab = Lab::bind("terse", Broken).unwrap();
    let error = lab.start().unwrap_err();
    assert!(error.to_string().contains("broken:pipe"), "{error}");
    assert!(error.to_string().contains("no cable"), "{error}");
}

#[test]
fn a_registered_provider_works_in_expressions() {
    register_security("guest", |params| {
        Ok(BlindlyBelieveEverything::new(params.text()))
    })
    .unwrap();
    let lab = Lab::builder()
        .security("guest:host")
        .transport("tcpserv:127.0.0.1:0")
        .build()
        .unwrap();
    let (seen, users) = inbox();
    lab.echo.connect(move |sender, text| {
        seen.send(sender.secinfo()["user"].clone()).unwrap();
        text.to_owned()
    });
    lab.start().unwrap();
    let caller = LabInverse::builder()
        .security("guest:visitor")
        .transport(format!("tcp:{}", lab.local_addrs()[0]))
        .build()
        .unwrap();
    caller.start().unwrap();
    assert_eq!(settled(caller.all().echo("x")).unwrap(), "x");
    assert_eq!(users.next(), "visitor");
}
