//! What is counted of calls, and traces that calls belong to.

use std::sync::Arc;
use std::time::Duration;

use quickrpc::{CallError, Direction, Error, Processing, Promise, Value, dynamic, remote_api};
use quickrpc_tests::{Telnet, bounded, eventually, inbox, own_bus};

#[remote_api]
trait Lab {
    #[incoming]
    fn measure(&self, channel: u8) -> f64;
    #[incoming]
    fn later(&self, channel: u8) -> u8;
    #[incoming]
    fn note(&self, text: &str);
    #[outgoing]
    fn ask(&self, what: &str) -> String;
}

#[test]
fn calls_are_counted_by_method_and_wire_from_when_it_is_asked() {
    bounded("counting", || {
        let (lab, client) = Lab::pair();
        lab.measure.connect(|_, channel| match channel {
            9 => Err(CallError::new(404, "no such channel")),
            channel => Ok(f64::from(channel)),
        });
        lab.on_error(|_, _, _| ());
        client.all().measure(1).result().unwrap();
        assert!(lab.statistics().calls.is_empty(), "nobody has asked before");
        assert!(client.statistics().calls.is_empty());
        for channel in [1, 2, 9] {
            let _ = client.all().measure(channel).result();
        }
        let plain = client.node().dynamic();
        for name in ["made", "up"] {
            plain.call(name, ()).result().unwrap_err();
        }
        let counted = lab.statistics();
        let [measured, others] = &*counted.calls else {
            panic!("{counted:?}");
        };
        assert_eq!(
            (&*measured.method, measured.direction),
            ("measure", Direction::Incoming)
        );
        assert_eq!((measured.calls, measured.open), (3, 0));
        assert_eq!(
            measured.errors.iter().collect::<Vec<_>>(),
            [(&"404".into(), &1)]
        );
        let call = r#"{"jsonrpc":"2.0","method":"measure","params":{"channel":1},"id":2}"#;
        assert_eq!(measured.received, 3 * call.len() as u64);
        let answer = r#"{"jsonrpc":"2.0","result":1.0,"id":2}"#;
        assert_eq!(measured.sent, 2 * answer.len() as u64);
        assert_eq!(measured.latency.count(), 3);
        assert!(measured.latency.longest() > Duration::ZERO);
        assert!(measured.latency.quantile(0.5) <= measured.latency.longest());
        assert_eq!(&*measured.codec, "jrpc");
        // Names that peers make up are one.
        assert_eq!(
            (&*others.method, others.calls, others.errors["-32601"]),
            ("other", 2, 2)
        );

        let counted = client.statistics();
        let names: Vec<_> = counted.calls.iter().map(|row| &*row.method).collect();
        assert_eq!(names, ["made", "measure", "up"]);
        let asked = &counted.calls[1];
        assert_eq!((asked.direction, asked.calls), (Direction::Outgoing, 3));
        assert_eq!(
            (asked.sent, asked.received),
            (measured.received, measured.sent)
        );
        assert_eq!(counted.peers.len(), 1);
        assert_eq!(&*counted.peers[0].name, "Lab");
    });
}

#[test]
fn what_is_open_and_waits_is_told() {
    bounded("what waits", || {
        let bus = own_bus();
        let lab = Lab::builder()
            .transport(format!("internal:{bus}:lab"))
            .processing(Processing::Manual)
            .build()
            .unwrap();
        let client = LabInverse::bind("jrpc", format!("internal:{bus}:client")).unwrap();
        let (told, heard) = inbox();
        lab.on_pending(move || told.send(()).unwrap());
        let (kept, resolvers) = inbox();
        lab.later.connect(move |_, _| {
            let (promise, resolver) = Promise::pair();
            kept.send(resolver).unwrap();
            promise
        });
        lab.statistics();
        client.statistics();
        lab.start().unwrap();
        client.start().unwrap();
        client.ready(Duration::from_secs(20)).unwrap();
        let promise = client.all().later(1);
        while lab.statistics().peers.iter().all(|peer| peer.waiting == 0) {
            heard.next();
        }
        assert!(lab.statistics().peers[0].waiting_bytes > 0);
        assert_eq!(client.statistics().peers[0].asked, 1);
        assert_eq!(client.statistics().calls[0].open, 1);
        while lab.statistics().calls.is_empty() {
            lab.process_pending();
        }
        assert_eq!(lab.statistics().calls[0].open, 1, "it is answered later");
        resolvers.next().set_result(5).unwrap();
        assert_eq!(promise.result().unwrap(), 5);
        assert_eq!(lab.statistics().calls[0].open, 0);
        assert_eq!(client.statistics().calls[0].open, 0);
        let soon = client.all().timeout(Duration::from_millis(1));
        assert!(matches!(soon.later(1).result(), Err(Error::Timeout { .. })));
        // Who waits may see that it is late before it is counted, on the poll thread.
        eventually("it is counted", || {
            let counted = &client.statistics().calls[0];
            (counted.open, counted.errors.get("Timeout")) == (0, Some(&1))
        });
    });
}

#[test]
fn a_trace_goes_through_handlers() {
    bounded("a trace", || {
        let bus = own_bus();
        let lab = Lab::builder()
            .codec("jrpc?trace=on")
            .transport(format!("internal:{bus}:lab"))
            .processing(Processing::Queue)
            .build()
            .unwrap();
        let client = LabInverse::bind("jrpc?trace=on&strict=on", format!("internal:{bus}:client"));
        let client = client.unwrap();
        let back = lab.all();
        let (told, heard) = inbox();
        let tell = told.clone();
        lab.measure.connect(move |sender, _| {
            tell.send(sender.traceparent().unwrap()).unwrap();
            let answer = back.to(sender).ask("why").result()?;
            quickrpc::ok(answer.len() as f64)
        });
        client.ask.connect(move |sender, what| {
            told.send(sender.traceparent().unwrap()).unwrap();
            what.to_owned()
        });
        lab.start().unwrap();
        client.start().unwrap();
        client.ready(Duration::from_secs(20)).unwrap();
        assert_eq!(client.all().measure(1).result().unwrap(), 3.0);
        let (one, other) = (heard.next(), heard.next());
        assert_eq!(one.len(), 55);
        assert_eq!(one[..36], other[..36], "the same trace");
        assert_ne!(one[36..52], other[36..52], "another place");
        // A layer says where it is called from.
        let place = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        client.layer(move |call, next| {
            if call.direction() == Direction::Outgoing {
                assert!(call.traceparent().is_some());
                assert!(call.set_traceparent("nonsense").is_err());
                call.set_traceparent(place).unwrap();
            }
            next.run(call)
        });
        let (told, layered) = inbox();
        lab.layer(move |call, next| {
            told.send(call.traceparent()).unwrap();
            next.run(call)
        });
        assert_eq!(client.all().measure(1).result().unwrap(), 3.0);
        assert_eq!(heard.next(), place);
        assert_eq!(heard.next()[..36], place[..36]);
        assert_eq!(layered.next().as_deref(), Some(place));
    });
}

#[test]
fn what_is_no_trace_means_nothing() {
    bounded("nonsense", || {
        let lab = Lab::bind(r"jrpc:\n", "tcpserv:127.0.0.1:0").unwrap();
        let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
        let places = Arc::clone(&seen);
        lab.later.connect(move |sender, channel| {
            places.lock().unwrap().push(sender.traceparent());
            channel
        });
        lab.start().unwrap();
        let mut other = Telnet::connect(lab.local_addrs()[0]);
        let good = "\"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\"";
        for place in [good, "7", "null", "\"\"", "{\"a\":[]}", "\"00-é\""] {
            other.send(format!(
                "{{\"traceparent\":{place},\"jsonrpc\":\"2.0\",\"method\":\"later\",\"params\":{{\"channel\":1}},\"id\":1}}\n"
            ));
            assert_eq!(other.line(), "{\"jsonrpc\":\"2.0\",\"result\":1,\"id\":1}");
        }
        let seen = seen.lock().unwrap();
        assert_eq!(seen[0].as_deref(), Some(good.trim_matches('"')));
        assert!(seen[1..].iter().all(Option::is_none));
    });
}

#[test]
fn it_is_not_sent_where_nobody_says_so() {
    bounded("no trace", || {
        let bus = own_bus();
        let lab = dynamic::Api::bind("jrpc", format!("internal:{bus}:lab")).unwrap();
        lab.on("x", |sender, _| Value::from(sender.traceparent().is_some()));
        let client = dynamic::Api::bind("jrpc", format!("internal:{bus}:client")).unwrap();
        lab.start().unwrap();
        client.start().unwrap();
        assert_eq!(client.call("x", ()).result().unwrap(), Value::from(false));
    });
}
