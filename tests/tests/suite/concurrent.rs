//! Calls that are declared `concurrent`: they run beside each other, and hold up nobody.

use std::sync::Arc;
use std::time::{Duration, Instant};

use quickrpc::{Error, Processing, Promise, Sender, Stream, remote_api};
use quickrpc_tests::{Inbox, SOON, Telnet, bounded, inbox};
use serde_json::json;

use crate::asynchronous::spawn;
use crate::settled;

#[remote_api]
trait Works {
    /// Takes long.
    #[incoming(concurrent)]
    fn work(&self, number: u32) -> u32;
    #[incoming(concurrent)]
    fn hint(&self, number: u32);
    #[incoming(concurrent, positional)]
    fn later(&self, number: u32) -> Promise<u32>;
    #[incoming]
    fn plain(&self, number: u32) -> u32;
}

const WORKERS: [Processing; 2] = [Processing::Queue, Processing::Pool(2)];

/// Handlers that wait until they are let go.
struct Served {
    works: Works,
    begun: Inbox<(Sender, u32)>,
    let_go: crossbeam_channel::Sender<()>,
    ended: Inbox<(u32, bool)>,
}

fn serve(processing: Processing) -> Served {
    let works = Works::builder()
        .transport("tcpserv:127.0.0.1:0")
        .processing(processing)
        .build()
        .unwrap();
    let (tell, begun) = inbox();
    let (tell_end, ended) = inbox();
    let (let_go, gone) = crossbeam_channel::unbounded::<()>();
    let begins = move |sender: &Sender, number| {
        tell.send((sender.clone(), number)).unwrap();
        let until = Instant::now() + SOON;
        while gone.recv_timeout(Duration::from_millis(1)).is_err() {
            if sender.is_cancelled() {
                tell_end.send((number, true)).unwrap();
                return number;
            }
            assert!(Instant::now() < until);
        }
        tell_end.send((number, false)).unwrap();
        number
    };
    let begins = Arc::new(begins);
    let same = begins.clone();
    works
        .work
        .connect(move |sender, number| same(sender, number));
    let same = begins.clone();
    works.hint.connect(move |sender, number| {
        same(sender, number);
    });
    works.plain.connect(|_sender, number| number);
    works.start().unwrap();
    Served {
        works,
        begun,
        let_go,
        ended,
    }
}

fn client(served: &Served) -> WorksInverse {
    let transport = format!("tcp:{}", served.works.local_addrs()[0]);
    let api = WorksInverse::builder()
        .transport(transport)
        .call_timeout(SOON)
        .build()
        .unwrap();
    api.start().unwrap();
    api
}

#[test]
fn they_run_beside_each_other_and_hold_up_nothing() {
    for processing in WORKERS {
        let served = serve(processing);
        let api = client(&served);
        let calls: Vec<_> = (0..5).map(|n| api.all().work(n)).collect();
        api.all().hint(5).unwrap();
        // All of one peer have begun, in the order in which it sent them.
        let mut begun: Vec<u32> = served.begun.take(6).into_iter().map(|(_, n)| n).collect();
        begun.sort_unstable();
        assert_eq!(begun, [0, 1, 2, 3, 4, 5]);
        assert_eq!(settled(api.all().plain(7)).unwrap(), 7);
        for _ in 0..6 {
            served.let_go.send(()).unwrap();
        }
        for (n, call) in calls.into_iter().enumerate() {
            assert_eq!(settled(call).unwrap(), n as u32);
        }
        // Again, by workers that linger.
        let again = api.all().work(8);
        served.let_go.send(()).unwrap();
        assert_eq!(settled(again).unwrap(), 8);
    }
}

#[test]
fn they_may_be_answered_later() {
    for processing in [Processing::Inline, WORKERS[0], WORKERS[1]] {
        let served = serve(processing);
        let (keep, kept) = inbox();
        served.works.later.connect(move |_sender, number| {
            let (answer, resolver) = Promise::pair();
            keep.send((number, resolver)).unwrap();
            answer
        });
        let api = client(&served);
        let (one, other) = (api.all().later(1), api.all().later(2));
        for (number, resolver) in kept.take(2) {
            resolver.set_result(10 * number).unwrap();
        }
        assert_eq!(settled(one).unwrap(), 10);
        assert_eq!(settled(other).unwrap(), 20);
        let given_up = api.all().later(3);
        let (_, resolver) = kept.next();
        given_up.cancel();
        bounded("the cancel", move || {
            let (tell, told) = inbox();
            resolver.on_cancel(move || tell.send(()).unwrap());
            told.next();
        });
    }
}

#[test]
fn what_is_given_up_is_told_while_it_runs() {
    for processing in WORKERS {
        let served = serve(processing);
        let api = client(&served);
        let (one, two) = (api.all().work(1), api.all().work(2));
        served.begun.take(2);
        one.cancel();
        assert_eq!(served.ended.next(), (1, true));
        assert!(matches!(settled(one), Err(Error::Cancelled)));
        // By its deadline,
        let late = api.all().timeout(Duration::from_millis(20)).work(3);
        assert!(matches!(settled(late), Err(Error::Timeout { .. })));
        assert_eq!(served.ended.next(), (3, true));
        // and by the end of the caller; the other one has run until then.
        api.stop().unwrap();
        assert_eq!(served.ended.next(), (2, true));
        assert!(matches!(settled(two), Err(Error::Stopped)));
    }
}

#[test]
fn a_shutdown_answers_them_and_a_stop_gives_them_up() {
    for processing in WORKERS {
        let served = serve(processing);
        let api = client(&served);
        let call = api.all().work(1);
        served.begun.next();
        let works = served.works.clone();
        let ended = std::thread::spawn(move || works.shutdown(SOON));
        while !matches!(
            api.all().plain(1).result(),
            Err(Error::Call(error)) if error.code == quickrpc::CallError::SHUTTING_DOWN
        ) {}
        assert!(!ended.is_finished());
        served.let_go.send(()).unwrap();
        assert_eq!(settled(call).unwrap(), 1);
        bounded("the shutdown", || ended.join().unwrap()).unwrap();

        served.works.start().unwrap();
        let api = client(&served);
        let call = api.all().work(2);
        served.begun.next();
        served.works.stop().unwrap();
        assert_eq!(served.ended.take(2), [(1, false), (2, true)]);
        assert!(settled(call).is_err() || !served.works.is_running());
    }
}

/// One peer has as many threads as there are for such calls, and no more.
#[test]
fn too_many_take_their_turn() {
    let served = serve(Processing::Queue);
    let api = client(&served);
    let calls: Vec<_> = (0..70).map(|n| api.all().work(n)).collect();
    let plain = api.all().plain(100);
    // 64 beside each other, and one in its turn, which the others wait for.
    served.begun.take(65);
    assert!(plain.try_result().is_none());
    assert!(served.begun.so_far().is_empty());
    for _ in 0..70 {
        served.let_go.send(()).unwrap();
    }
    assert_eq!(settled(plain).unwrap(), 100);
    for (n, call) in calls.into_iter().enumerate() {
        assert_eq!(settled(call).unwrap(), n as u32);
    }
}

#[test]
fn who_has_ended_his_side_is_answered() {
    for processing in WORKERS {
        let served = serve(processing);
        let mut person = Telnet::connect(served.works.local_addrs()[0]);
        person
            .send("{\"jsonrpc\":\"2.0\",\"method\":\"work\",\"params\":{\"number\":4},\"id\":1}\0");
        served.begun.next();
        person.close_write();
        served.let_go.send(()).unwrap();
        // Empty messages before it ask whether anybody is there.
        let mut said = std::iter::repeat_with(|| person.until(0));
        let answer = said.find(|message| message.len() > 1).unwrap();
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.contains("\"result\":4"), "{answer}");
        person.expect_closed();
    }
}

#[test]
fn the_description_says_so() {
    let text = Works::DESCRIPTION.to_string();
    assert!(
        text.contains("    #[incoming(concurrent)]\n    fn work(&self"),
        "{text}"
    );
    assert!(
        text.contains("#[incoming(positional, concurrent)]"),
        "{text}"
    );
    let concurrent = Works::DESCRIPTION
        .calls
        .iter()
        .filter(|call| call.concurrent);
    assert_eq!(concurrent.count(), 3);
}

#[remote_api]
trait Lines {
    #[incoming(concurrent)]
    fn lines(&self, count: u32) -> Stream<u32>;
    #[incoming]
    fn plain(&self) -> bool;
}

/// What is taken of a stream may be said before there is one.
#[test]
fn who_takes_items_early_gets_no_more() {
    for (processing, is_async) in WORKERS.into_iter().flat_map(|w| [(w, false), (w, true)]) {
        let api = Lines::builder()
            .codec("jrpc:\\n")
            .transport("tcpserv:127.0.0.1:0")
            .processing(processing)
            .executor(spawn)
            .build()
            .unwrap();
        let (tell, begun) = inbox();
        let (let_go, gone) = crossbeam_channel::bounded::<()>(0);
        let lines = move |count| {
            tell.send(()).unwrap();
            gone.recv_timeout(SOON).unwrap();
            Stream::iter(0..count)
        };
        match is_async {
            false => api.lines.connect(move |_sender, count| lines(count)),
            true => {
                let lines = Arc::new(lines);
                api.lines.connect_async(move |_sender, count| {
                    let lines = Arc::clone(&lines);
                    async move { lines(count) }
                })
            }
        };
        api.plain.connect(|_sender| true);
        api.start().unwrap();
        let mut peer = Telnet::connect(api.local_addrs()[0]);
        let say = |method: &str, params: serde_json::Value, id: Option<u32>| {
            let mut call = json!({"jsonrpc": "2.0", "method": method, "params": params});
            if let Some(id) = id {
                call["id"] = id.into();
            }
            format!("{call}\n")
        };
        let more = |items: u32| say("rpc.more", json!({"id": 1, "items": items}), None);
        peer.send(say("lines", json!({"count": 40}), Some(1)) + &more(3) + &more(2));
        begun.next();
        // That has been read: what comes after it was answered.
        peer.send(say("plain", json!({}), Some(2)));
        assert_eq!(parsed(&peer.line())["result"], true);
        let_go.send(()).unwrap();
        let items = |peer: &mut Telnet| {
            let item = parsed(&peer.line());
            item["params"]["value"].clone()
        };
        for number in 0..5 {
            assert_eq!(items(&mut peer), number, "{processing:?} {is_async}");
        }
        peer.send(say("plain", json!({}), Some(3)));
        let next = parsed(&peer.line());
        assert_eq!(next["id"], 3, "{processing:?} {is_async}: {next}");
        // One more, so that the end is seen.
        peer.send(more(36));
        for number in 5..40 {
            assert_eq!(items(&mut peer), number);
        }
        assert_eq!(parsed(&peer.line())["id"], 1);
    }
}

fn parsed(line: &str) -> serde_json::Value {
    serde_json::from_str(line).unwrap()
}
