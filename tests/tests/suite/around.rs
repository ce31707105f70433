//! Layers around calls.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use quickrpc::layer::{Answer, Call, Outcome};
use quickrpc::{
    Api, CallError, Direction, Error, Node, Promise, Resolver, Stream, Value, dynamic, remote_api,
};
use quickrpc_tests::{Inbox, Telnet, bounded, inbox, own_bus};

use crate::asynchronous::block_on;

#[remote_api]
trait Lab {
    #[incoming]
    fn measure(&self, channel: u8, name: &str) -> f64;
    #[incoming]
    fn later(&self, channel: u8) -> u8;
    #[incoming]
    fn note(&self, text: &str);
    #[incoming]
    fn count(&self, to: u32) -> Stream<u32, String>;
    #[incoming]
    fn upload(&self, data: Stream<u32>) -> u32;
    #[incoming]
    #[require(role = "keeper")]
    fn clear(&self) -> ();
    #[outgoing]
    fn ask(&self, what: &str) -> String;
}

/// What layers have seen, in order.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    fn add(&self, text: impl Into<String>) {
        self.0.lock().unwrap().push(text.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    /// A layer that writes down all that it sees.
    fn watch(&self, api: &Api, name: &'static str) {
        let seen = self.clone();
        api.layer(move |call, next| {
            let way = match call.direction() {
                Direction::Incoming => "<",
                Direction::Outgoing => ">",
            };
            let begin = format!("{name}{way}{} {}", call.method(), call.args());
            seen.add(begin);
            let (seen, method) = (seen.clone(), call.method().to_owned());
            next.run(call)
                .then(move |outcome| seen.add(format!("{name}={method} {}", shown(outcome))))
        });
    }
}

/// Its calls are answered when the test does so.
fn answered_later(lab: &Lab) -> Inbox<Resolver<u8>> {
    let (told, heard) = inbox();
    lab.later.connect(move |_, _| {
        let (promise, resolver) = Promise::pair();
        told.send(resolver).unwrap();
        promise
    });
    heard
}

fn shown(outcome: &Outcome<'_>) -> String {
    match outcome.error() {
        Some(error) => format!("! {error}"),
        None => outcome.value().unwrap().to_string(),
    }
}

fn pair(codec: &str) -> (Lab, LabInverse) {
    let bus = own_bus();
    let lab = Lab::bind(codec, format!("internal:{bus}:lab")).unwrap();
    let client = LabInverse::bind(codec, format!("internal:{bus}:client")).unwrap();
    lab.start().unwrap();
    client.start().unwrap();
    client.ready(Duration::from_secs(20)).unwrap();
    lab.ready(Duration::from_secs(20)).unwrap();
    (lab, client)
}

#[test]
fn layers_are_around_calls_of_both_directions_the_first_outermost() {
    bounded("layers are around calls of both directions the fir", || {
        for codec in ["jrpc", "terse", "msgpack?named=on", "msgpack"] {
            let (lab, client) = pair(codec);
            lab.measure.connect(|_, channel, name| {
                assert_eq!(name, "a b");
                f64::from(channel) / 2.0
            });
            client.ask.connect(|_, what| format!("{what}!"));
            let (ours, theirs) = (Seen::default(), Seen::default());
            ours.watch(&lab, "1");
            ours.watch(&lab, "2");
            theirs.watch(&client, "c");
            assert_eq!(client.all().measure(7, "a b").result().unwrap(), 3.5);
            let args = match codec {
                "msgpack" => r#"[7,"a b"]"#,
                _ => r#"{"channel":7,"name":"a b"}"#,
            };
            let expected = [
                format!("1<measure {args}"),
                format!("2<measure {args}"),
                "2=measure 3.5".to_owned(),
                "1=measure 3.5".to_owned(),
            ];
            assert_eq!(ours.take(), expected, "{codec}");
            let expected = [format!("c>measure {args}"), "c=measure 3.5".to_owned()];
            assert_eq!(theirs.take(), expected, "{codec}");

            assert_eq!(lab.all().ask("why").result().unwrap(), "why!");
            let seen = ours.take();
            assert!(
                seen[0].starts_with("1>ask ") && seen[1].starts_with("2>ask "),
                "{seen:?}"
            );
            assert_eq!(seen[2..], ["2=ask \"why!\"", "1=ask \"why!\""], "{codec}");
            assert_eq!(theirs.take().len(), 2, "{codec}");
        }
    });
}

#[test]
fn it_sees_who_and_where() {
    bounded("it sees who and where", || {
        let lab = Lab::bind("jrpc", "tcpserv:127.0.0.1:0").unwrap();
        lab.start().unwrap();
        let address = lab.local_addrs()[0];
        let transport = format!("tcp:{address}");
        let client = LabInverse::bind("jrpc?deadlines=on", transport.as_str()).unwrap();
        let (told, heard) = inbox();
        let tell = move |call: &mut Call<'_>| {
            let peer = call.peer().unwrap().name().to_owned();
            let deadline = call.deadline().is_some();
            let at = call.transport().to_owned();
            told.send((
                call.codec().to_owned(),
                at,
                peer,
                call.wants_answer(),
                deadline,
            ))
            .unwrap();
        };
        let outgoing = tell.clone();
        client.layer(move |call, next| {
            outgoing(call);
            next.run(call)
        });
        lab.layer(move |call, next| {
            tell(call);
            next.run(call)
        });
        client.start().unwrap();
        lab.later.connect(|_, channel| channel);
        lab.note.connect(|_, _| ());
        client.all().later(1).result().unwrap();
        let one = heard.next();
        assert_eq!(one.0, "jrpc");
        assert_eq!(
            (&*one.1, &*one.2, one.3, one.4),
            (&*transport, &*address.to_string(), true, true)
        );
        let one = heard.next();
        assert_eq!(
            (one.1.as_str(), one.3, one.4),
            ("tcpserv:127.0.0.1:0", true, true)
        );
        assert_eq!(one.2, lab.peers()[0].name());
        client.all().note("x").unwrap();
        let (one, other) = (heard.next(), heard.next());
        assert!(!one.3 && !one.4 && !other.3 && !other.4);
    });
}

#[test]
fn it_refuses() {
    bounded("it refuses", || {
        let (lab, client) = Lab::pair();
        lab.later.connect(|_, channel| channel);
        lab.layer(|call, next| match call.args()["channel"].as_i64() {
            Some(8..) => Answer::refuse(CallError::new(404, "no such channel")),
            _ => next.run(call),
        });
        assert_eq!(client.all().later(7).result().unwrap(), 7);
        let error = client.all().later(8).result().unwrap_err();
        assert_eq!(
            (error.code(), error.to_string().as_str()),
            (Some(404), "no such channel (code 404)")
        );

        let seen = Seen::default();
        seen.watch(&lab, "s");
        client.layer(|call, next| match call.method() {
            "later" | "note" => Answer::refuse("not today"),
            _ => next.run(call),
        });
        let error = client.all().later(7).result().unwrap_err();
        assert!(error.to_string().starts_with("not today"), "{error}");
        assert!(client.all().note("x").is_err());
        assert_eq!(seen.take(), [""; 0], "nothing was sent");
    });
}

#[test]
fn it_replaces_arguments_and_results() {
    bounded("it replaces arguments and results", || {
        let (lab, client) = Lab::pair();
        lab.later.connect(|_, channel| channel);
        lab.layer(|call, next| {
            let channel = call.args()["channel"].as_i64().unwrap();
            call.set_args(Value::from_iter([("channel", channel + 1)]));
            next.run(call).then(|outcome| {
                let value = outcome.value().and_then(Value::as_i64).unwrap();
                outcome.replace(Ok::<_, Error>(Value::from(value * 10)));
            })
        });
        assert_eq!(client.all().later(1).result().unwrap(), 20);
        client.layer(|call, next| {
            call.set_args(Value::from_iter([("channel", 4)]));
            next.run(call).then(|outcome| {
                let value = outcome.value().and_then(Value::as_i64).unwrap();
                outcome.replace(Ok::<_, Error>(Value::from(value + 5)));
            })
        });
        assert_eq!(client.all().later(1).result().unwrap(), 55);
        // An answer of its own, now or later, of the right type or not.
        client.layer(|_, _| Value::from(3).into());
        assert_eq!(
            client.all().later(1).result().unwrap(),
            8,
            "the outer layer stands around it"
        );

        let (_lab, client) = Lab::pair();
        let (told, heard) = inbox();
        client.layer(move |call, _| match call.method() {
            "later" => {
                let (promise, resolver) = Promise::pair();
                told.send(resolver).unwrap();
                promise.into()
            }
            _ => Value::from("seven").into(),
        });
        let promise = client.all().later(1);
        assert!(promise.try_result().is_none());
        heard.next().set_result(Value::from(9)).unwrap();
        assert_eq!(promise.result().unwrap(), 9);
        let wrong = client.all().measure(1, "").result();
        assert!(matches!(wrong, Err(Error::BadResult { .. })), "{wrong:?}");
    });
}

#[test]
fn it_sees_answers_that_come_later() {
    bounded("it sees answers that come later", || {
        let (lab, client) = Lab::pair();
        let seen = Seen::default();
        let heard = answered_later(&lab);
        let (returned, layered) = inbox();
        lab.layer(move |call, next| {
            let answer = next.run(call);
            returned.send(answer.is_later()).unwrap();
            answer
        });
        seen.watch(&lab, "s");
        let promise = client.all().later(1);
        assert!(layered.next());
        heard.next().set_result(9).unwrap();
        assert_eq!(promise.result().unwrap(), 9);
        assert_eq!(seen.take()[1], "s=later 9");
        let promise = client.all().later(1);
        let resolver = heard.next();
        resolver.set_error(CallError::new(5, "broken")).unwrap();
        assert_eq!(promise.result().unwrap_err().code(), Some(5));
        assert_eq!(seen.take()[1], "s=later ! broken (code 5)");
        // A handler's later answer in the place of which the layer has its own is not waited for.
        lab.layer(|call, next| {
            let _own = next.run(call);
            Value::from(1).into()
        });
        assert_eq!(client.all().later(1).result().unwrap(), 1);
        // And one that nobody is there for any more is told.
        let (lab, client) = Lab::pair();
        let heard = answered_later(&lab);
        let (seen, over) = inbox();
        lab.layer(move |call, next| {
            let seen = seen.clone();
            next.run(call)
                .then(move |outcome| seen.send(shown(outcome)).unwrap())
        });
        drop(client.all().later(1));
        let resolver = heard.next();
        client.stop().unwrap();
        drop(resolver);
        assert!(over.next().starts_with('!'));
    });
}

#[test]
fn it_sees_notifications_streams_and_what_nobody_handles() {
    bounded("it sees notifications streams and what nobody hand", || {
        let (lab, client) = Lab::pair();
        let (ours, theirs) = (Seen::default(), Seen::default());
        ours.watch(&lab, "s");
        theirs.watch(&client, "c");
        let notes = lab.note.subscribe();
        client.all().note("hello").unwrap();
        notes.recv_timeout(Duration::from_secs(20)).unwrap();
        assert_eq!(
            theirs.take(),
            ["c>note {\"text\":\"hello\"}", "c=note null"]
        );

        lab.count.connect(|_, to| {
            Stream::future(move |items| async move {
                for number in 0..to {
                    items.send_async(number).await?;
                }
                Ok("done".to_owned())
            })
        });
        let mut stream = client.all().count(100);
        assert_eq!(stream.by_ref().map(Result::unwrap).sum::<u32>(), 4950);
        assert_eq!(stream.result().unwrap(), "done");
        assert_eq!(theirs.take(), ["c>count {\"to\":100}", "c=count \"done\""]);
        let seen = ours.take();
        assert_eq!(seen[2..], ["s<count {\"to\":100}", "s=count \"done\""]);

        lab.upload.connect(|_, data| data.result().map(|()| 1));
        drop(client.all().upload(Stream::iter([1, 2, 3])));
        let seen = theirs.take();
        assert!(
            seen[0].starts_with("c>upload {\"data\":{\"__stream\":"),
            "{seen:?}"
        );

        ours.take();
        lab.on_error(|_, _, _| ());
        let error = client.all().clear().result().unwrap_err();
        assert_eq!(error.code(), Some(CallError::FORBIDDEN));
        assert!(ours.take().last().unwrap().starts_with("s=clear ! "));
        let plain = dynamic_client(&client);
        let error = plain.call("unheard", ()).result().unwrap_err();
        assert_eq!(error.code(), Some(CallError::METHOD_NOT_FOUND));
        assert!(ours.take().last().unwrap().starts_with("s=unheard ! "));
    });
}

fn dynamic_client(client: &LabInverse) -> dynamic::Api {
    client.node().dynamic()
}

#[test]
fn it_sees_deadlines_cancelling_and_the_end_of_peers() {
    bounded("it sees deadlines cancelling and the end of peers", || {
        let (lab, client) = Lab::pair();
        let heard = answered_later(&lab);
        let (seen, over) = inbox();
        client.layer(move |call, next| {
            let seen = seen.clone();
            next.run(call)
                .then(move |outcome| seen.send(shown(outcome)).unwrap())
        });
        let all = client.all();
        let promise = all.later(1);
        promise.cancel();
        assert!(matches!(promise.result(), Err(Error::Cancelled)));
        assert_eq!(over.next(), format!("! {}", Error::Cancelled));
        let soon = all.timeout(Duration::from_millis(20));
        assert!(matches!(soon.later(1).result(), Err(Error::Timeout { .. })));
        assert!(over.next().contains("later"));
        // Nobody waits for it.
        drop(soon.later(1));
        assert!(over.next().contains("later"));
        let promise = all.later(1);
        lab.stop().unwrap();
        assert!(matches!(promise.result(), Err(Error::Disconnected { .. })));
        assert!(over.next().starts_with("! "));
        assert!(all.later(1).result().is_err());
        assert!(
            over.next().starts_with("! "),
            "of one that cannot be sent, too"
        );
        drop(heard);
    });
}

#[test]
fn a_node_and_an_api_without_a_trait_have_them() {
    bounded("a node and an api without a trait have them", || {
        let bus = own_bus();
        let node = Node::bind("jrpc", format!("internal:{bus}:node")).unwrap();
        let lab: Lab = node.add().unwrap();
        lab.later.connect(|_, channel| channel);
        node.dynamic().on("version", |_, _| Value::from("1.2"));
        let seen = Seen::default();
        seen.watch(&node, "n");
        node.start().unwrap();
        let client = dynamic::Api::bind("jrpc", format!("internal:{bus}:client")).unwrap();
        client.layer(|call, next| match call.method() {
            "later" => {
                call.set_args(Value::from_iter([("channel", 3)]));
                next.run(call)
            }
            _ => next.run(call),
        });
        client.start().unwrap();
        assert_eq!(
            client.call("version", ()).result().unwrap(),
            Value::from("1.2")
        );
        let args = Value::from_iter([("channel", 1)]);
        assert_eq!(client.call("later", args).result().unwrap(), Value::from(3));
        let expected = [
            "n<version {}",
            "n=version \"1.2\"",
            "n<later {\"channel\":3}",
            "n=later 3",
        ];
        assert_eq!(seen.take(), expected);
    });
}

#[test]
fn a_panic_in_a_layer_fails_its_call_alone() {
    bounded("a panic in a layer fails its call alone", || {
        let (lab, client) = Lab::pair();
        lab.later.connect(|_, channel| channel);
        lab.layer(|call, next| match call.args()["channel"].as_i64() {
            Some(1) => panic!("on purpose"),
            Some(2) => next.run(call).then(|_| panic!("on purpose")),
            _ => next.run(call),
        });
        let error = client.all().later(1).result().unwrap_err();
        assert_eq!(error.code(), Some(CallError::INTERNAL_ERROR));
        assert_eq!(client.all().later(2).result().unwrap(), 2);
        client.layer(|call, next| match call.args()["channel"].as_i64() {
            Some(3) => panic!("on purpose"),
            _ => next.run(call),
        });
        assert!(client.all().later(3).result().is_err());
        assert_eq!(client.all().later(4).result().unwrap(), 4);
    });
}

#[test]
fn those_of_others_are_answered_in_their_batches() {
    bounded("those of others are answered in their batches", || {
        let lab = Lab::bind(r"jrpc:\n", "tcpserv:127.0.0.1:0").unwrap();
        lab.later.connect(|_, channel| channel);
        lab.layer(|call, next| match call.args()["channel"].as_i64() {
            Some(2) => Value::from("two").into(),
            _ => next.run(call),
        });
        lab.on_error(|_, _, _| ());
        lab.start().unwrap();
        let mut other = Telnet::connect(lab.local_addrs()[0]);
        let call = |channel: u8| {
            format!(
                r#"{{"jsonrpc":"2.0","method":"later","params":{{"channel":{channel}}},"id":"{channel}"}}"#
            )
        };
        other.send(format!("[{},{},{}]\n", call(1), call(2), call(3)));
        let line = other.line();
        for part in [
            r#""result":1,"id":"1""#,
            r#""result":"two","id":"2""#,
            r#""result":3,"id":"3""#,
        ] {
            assert!(line.contains(part), "{line}");
        }
        other.send(
            "{\"jsonrpc\":\"2.0\",\"method\":\"later\",\"params\":{\"channel\":1},\"id\":1}}\n",
        );
        other.send(format!("{}\n", call(4)));
        assert!(
            other.line().contains(r#""result":4"#),
            "what is no message is not handled"
        );
    });
}

#[test]
fn another_answer_in_the_place_of_a_timeout_is_never_lost() {
    bounded(
        "another answer in the place of a timeout is never lo",
        || {
            let (lab, client) = Lab::pair();
            let heard = answered_later(&lab);
            lab.count.connect(|_, _| {
                Stream::future(|_| std::future::pending::<Result<String, Error>>())
            });
            client.layer(|call, next| {
                let instead = match call.method() {
                    "count" => Value::from("instead"),
                    _ => Value::from(7),
                };
                next.run(call).then(move |outcome| {
                    assert!(matches!(outcome.error(), Some(Error::Timeout { .. })));
                    outcome.replace(Ok::<_, CallError>(instead));
                })
            });
            // A thread that waits and those that look for late calls see the time that has passed at
            // the same moment.
            let all = client.all();
            for round in 0..200 {
                let soon = all.timeout(Duration::from_micros(500 + round * 10));
                let each = soon.each();
                let (later, several) = (soon.later(1), each.later(1));
                assert_eq!(later.result().unwrap(), 7);
                let several = several.results().map(|(_, result)| result.unwrap());
                assert_eq!(several.collect::<Vec<_>>(), [7]);
                assert_eq!(soon.count(1).result().unwrap(), "instead");
                assert_eq!(block_on(soon.later(1)).unwrap(), 7);
                let asked = soon.later(1);
                let result = loop {
                    match asked.try_result() {
                        Some(result) => break result,
                        None => std::hint::spin_loop(),
                    }
                };
                assert_eq!(result.unwrap(), 7);
            }
            drop(heard);
        },
    );
}
