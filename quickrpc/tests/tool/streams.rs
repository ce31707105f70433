//! What comes bit by bit, in both directions.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use quickrpc::{Processing, Stream, remote_api};

use crate::run::{Running, run, says, tcp_lab, with_input};

#[remote_api]
pub trait Hub {
    /// Counts.
    #[incoming]
    fn count(&self, to: u32) -> Stream<u32>;

    /// Percent, and then a report.
    #[incoming]
    fn calibrate(&self) -> Stream<u8, String>;

    /// Fails in the middle.
    #[incoming]
    fn trip(&self) -> Stream<u8>;

    /// Adds up.
    #[incoming]
    fn sum(&self, start: f64, numbers: Stream<f64>) -> f64;

    /// A recording.
    #[outgoing]
    fn record(&self, name: &str, samples: Stream<f64>) -> ();
}

pub fn hub(codec: &str) -> (Hub, String) {
    let hub = Hub::builder()
        .codec(codec)
        .transport("tcpserv:127.0.0.1:0")
        .processing(Processing::Pool(2))
        .build()
        .unwrap();
    hub.count.connect(|_sender, to| Stream::iter(1..=to));
    hub.calibrate.connect(|_sender| {
        Stream::future(|progress| async move {
            for percent in [0, 50, 100] {
                progress.send_async(percent).await?;
            }
            Ok(String::from("fine"))
        })
    });
    hub.trip
        .connect(|_sender| Stream::try_iter([Ok(1), Err("it fell")]));
    hub.sum.connect(|_sender, start, numbers| {
        let sum = Arc::new(Mutex::new(start));
        let total = Arc::clone(&sum);
        let all = numbers.each(move |number| *sum.lock().unwrap() += number);
        all.map(move |()| *total.lock().unwrap())
    });
    hub.start().unwrap();
    let tcp = format!("tcp:{}", hub.local_addrs()[0]);
    (hub, tcp)
}

#[test]
fn items_are_lines_as_they_come() {
    for codec in ["jrpc", "terse"] {
        let (_hub, tcp) = hub(codec);
        assert_eq!(
            says(&["call", "-c", codec, &tcp, "count", "to=3"]),
            "1\n2\n3\n"
        );
        // More than is let through at once.
        let many = says(&["call", "-c", codec, &tcp, "count", "to=3000"]);
        assert_eq!(many.lines().count(), 3000);
        assert_eq!(many.lines().last(), Some("3000"));
        assert_eq!(
            says(&["call", "--raw", "-c", codec, &tcp, "calibrate"]),
            "0\n50\n100\nfine\n"
        );
        let ran = run(&["call", "-c", codec, &tcp, "trip"]);
        assert_eq!((ran.code, &*ran.stdout), (1, "1\n"));
        assert!(ran.stderr.contains("it fell"), "{}", ran.stderr);
        let ran = with_input(&["repl", "-c", codec, &tcp], "count to=2\ncalibrate\n");
        assert_eq!(ran.stdout, "1\n2\n0\n50\n100\n\"fine\"\n", "{}", ran.stderr);
    }
    // Who has none sees an ordinary call.
    let (_lab, tcp) = tcp_lab("jrpc");
    assert_eq!(says(&["call", &tcp, "add", "a=2", "b=3"]), "5\n");
    assert_eq!(says(&["call", &tcp, "say", "text=hello"]), "null\n");
}

#[test]
fn lines_of_stdin_are_a_stream_that_is_an_argument() {
    let many: String = (0..3000).map(|number| format!("{number}\n")).collect();
    for codec in ["jrpc", "terse"] {
        let (_hub, tcp) = hub(codec);
        let call = [
            "call", "-c", codec, &tcp, "sum", "--stream", "numbers", "start=1",
        ];
        let ran = with_input(&call, "1\n2.5\n3\n");
        assert_eq!(ran.stdout, "7.5\n", "{}", ran.stderr);
        assert_eq!(with_input(&call, "").stdout, "1.0\n");
        assert_eq!(with_input(&call, &many).stdout, "4498501.0\n");
        let ran = with_input(&call, "1\ntwo\n");
        assert_eq!(ran.code, 1, "{}", ran.stderr);
        let ran = with_input(&["call", &tcp, "sum", "--stream", "numbers", "-"], "1\n");
        assert_eq!(ran.code, 2, "{}", ran.stderr);
    }
}

#[test]
fn streams_that_are_arguments_are_heard() {
    // By name from the beginning, and what the service says that it sends.
    for args in [
        &["listen", "-n", "4", "-m", "record"][..],
        &["listen", "-n", "40"],
    ] {
        let (hub, tcp) = hub("jrpc");
        let args: Vec<&str> = args.iter().copied().chain([&*tcp]).collect();
        let mut listener = Running::start(&args);
        let thread = std::thread::spawn(move || listener.rest());
        let end = Instant::now() + Duration::from_secs(20);
        while !thread.is_finished() {
            assert!(Instant::now() < end, "it was not heard");
            // Nobody tells when it listens.
            let samples = Stream::iter([0.5, 1.5, 2.5]);
            let recorded = hub.all().record("a", samples).result();
            if recorded.is_err() {
                std::thread::park_timeout(Duration::from_millis(20));
            }
        }
        let heard = thread.join().unwrap();
        for (text, count) in [
            (": record name=\"a\" samples={", 1),
            (": record.samples 2.5\n", 1),
        ] {
            assert!(heard.matches(text).count() >= count, "{heard}");
        }
    }
}

/// What others have in place of streams.
#[remote_api]
trait Node {
    #[incoming(subscription(item = "eth_subscription", cancel = "eth_unsubscribe"))]
    fn eth_subscribe(&self, kind: &str) -> Stream<u32>;

    #[incoming(subscription(event))]
    fn sold(&self) -> Stream<String>;
}

#[test]
fn the_rust_of_subscriptions_is_their_declaration() {
    let node = Node::bind("jrpc", "tcpserv:127.0.0.1:0").unwrap();
    node.start().unwrap();
    let code = says(&["codegen", "rust", &format!("tcp:{}", node.local_addrs()[0])]);
    for part in [
        "    #[incoming(subscription(item = \"eth_subscription\", cancel = \"eth_unsubscribe\"))]\n",
        "    #[incoming(subscription(event))]\n",
    ] {
        assert!(code.contains(part), "{part}\nin\n{code}");
    }
    syn::parse_file(&code).unwrap();
}
