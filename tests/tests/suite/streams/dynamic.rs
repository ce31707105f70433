//! Streams of APIs without a trait, in both roles.

use quickrpc::dynamic::Api;
use quickrpc::{Error, Processing, Stream, Value};
use quickrpc_tests::Telnet;

use super::arguments::StoreInverse;
use super::{all, client, server};

fn serve(codec: &str) -> (Api, std::net::SocketAddr) {
    let api = Api::builder()
        .codec(codec)
        .processing(Processing::Queue)
        .transport("tcpserv:127.0.0.1:0")
        .build_dynamic()
        .unwrap();
    api.on("lines", |_, args| {
        let count = args["count"].as_i64().unwrap();
        Stream::<Value>::iter((0..count).map(|line| Value::from(format!("line {line}"))))
    });
    api.on_streams("sum", |_, args, streams| -> quickrpc::Result<Value> {
        let mut numbers = streams.take("numbers")?;
        let mut sum = args["from"].as_i64().unwrap_or(0);
        for number in &mut numbers {
            sum += number?.as_i64().unwrap();
        }
        Ok(Value::from_iter([Value::from(sum), numbers.result()?]))
    });
    api.on_streams("double", |_, _, streams| streams.take("numbers"));
    api.start().unwrap();
    let addr = api.local_addrs()[0];
    (api, addr)
}

fn numbers(to: i64) -> Stream<Value, Value> {
    Stream::future(move |items| async move {
        for number in 0..to {
            items.send_async(Value::from(number)).await?;
        }
        Ok(Value::from("end"))
    })
}

#[test]
fn without_a_trait_on_both_sides() {
    for codec in ["jrpc", "terse", "msgpack?named=on"] {
        let (_server, addr) = serve(codec);
        let client = Api::bind(codec, format!("tcp:{addr}")).unwrap();
        client.start().unwrap();
        let (lines, end) = all(client.stream("lines", Value::from_iter([("count", 300)])));
        assert_eq!((lines.len(), end), (300, Value::Null));
        assert_eq!(lines[299], Value::from("line 299"));
        let everybody = client.all();
        let sum = everybody.giving("numbers", numbers(100));
        let sum = sum.call("sum", Value::from_iter([("from", 50)])).result();
        assert_eq!(
            sum.unwrap(),
            Value::from_iter([Value::from(5000), Value::from("end")])
        );
        // A stream into a stream, without arguments beside.
        let same = everybody.giving("numbers", numbers(2000));
        let (same, end) = all(same.stream("double", ()));
        assert_eq!((same.len(), end), (2000, Value::from("end")));
        let error = client.call("sum", ()).result().unwrap_err();
        assert!(
            error.to_string().contains("`numbers` is a stream"),
            "{error}"
        );
        let wrong = everybody.giving("numbers", numbers(1)).call("sum", [1]);
        assert!(matches!(wrong.result(), Err(Error::Config(_))));
    }
}

#[test]
fn with_a_trait_on_the_other_side() {
    let (_server, addr) = serve("jrpc");
    let typed = client("jrpc", addr);
    assert_eq!(all(typed.all().lines(3)).0, ["line 0", "line 1", "line 2"]);
    let store = StoreInverse::bind("jrpc", format!("tcp:{addr}")).unwrap();
    store.start().unwrap();
    let numbers = Stream::future(|items| async move {
        items.send_async(7).await?;
        Ok("one".to_owned())
    });
    assert_eq!(
        store.all().sum(numbers, None).result().unwrap(),
        (7, "one".into())
    );

    let (_hub, addr, _fed) = server("jrpc", Processing::Inline);
    let api = Api::bind("jrpc", format!("tcp:{addr}")).unwrap();
    api.start().unwrap();
    let (percent, report) = all(api.stream("calibrate", Value::from_iter([("channel", 3)])));
    assert_eq!(
        (percent.len(), report),
        (3, Value::from("channel 3 is fine"))
    );

    // And it says on the wire what others say.
    let (_server, addr) = serve("terse");
    let mut person = Telnet::connect(addr);
    person.send("sum[1] numbers:{__stream:5}\nrpc.item id:5 value:2\n");
    assert!(person.line().starts_with("rpc.more id:5 "));
}
