//! Those who were taken for gone, and come back, over both brokers.

use quickrpc::{Error, remote_api};
use quickrpc_tests::{Inbox, SOON, eventually, inbox};

use crate::parts::{Server, ShopInverse, WorkInverse, Worker, sees, shop};
use crate::relay::Relay;

/// Whoever stands still and owes an answer is taken for gone. When he goes on, all is known of him that was.
pub(crate) fn whoever_stood_still_is_there_again_with_his_values(server: impl Server) {
    let worker = Worker::start(&server, "farm", "w");
    let hub = WorkInverse::bind("jrpc", server.bound("farm", "name=hub")).unwrap();
    let (told, gone) = inbox();
    hub.on_disconnect(move |peer, _| {
        // The test may be over.
        told.send(peer.name().to_owned()).ok();
    });
    hub.start().unwrap();
    let is_known = || hub.voltage.latest("w") == Some(5.0);
    eventually("its value is known", is_known);
    worker.signal("-STOP");
    let call = hub.to("w").timeout(SOON * 3).work(0);
    let error = call.result().unwrap_err();
    assert!(matches!(error, Error::Disconnected { .. }), "{error}");
    assert_eq!(gone.next(), "w");
    worker.signal("-CONT");
    eventually("its value is known again", is_known);
    eventually("it works", || hub.to("w").work(0).result().is_ok());
}

#[remote_api]
trait Press {
    #[incoming]
    fn turn(&self) -> ();
    #[outgoing]
    fn work(&self, millis: u64) -> u32;
    #[outgoing(property)]
    fn voltage(&self) -> f64;
}

/// Nothing is left of what was between two, as soon as one of them takes the other one for gone. Who has it
/// from him does not wait for what never comes.
pub(crate) fn whoever_was_taken_for_gone_is_told_so(server: impl Server) {
    let relay = Relay::to(&server);
    let hub = PressInverse::bind("jrpc", server.bound("lab", "name=hub")).unwrap();
    let ((began, begins), (go_on, goes_on)): ((_, Inbox<()>), (_, Inbox<()>)) = (inbox(), inbox());
    hub.work.connect(move |_, _| {
        began.send(()).unwrap();
        goes_on.next();
        7
    });
    hub.voltage.set(5.0).unwrap();
    hub.start().unwrap();
    // It takes nobody for gone itself.
    let press = Press::bind("jrpc", relay.bound(&server, "lab", "name=press&probe=60")).unwrap();
    press.turn.connect(|_| ());
    let (told, gone) = inbox();
    press.on_disconnect(move |peer, _| {
        // The test may be over.
        told.send(peer.name().to_owned()).ok();
    });
    press.start().unwrap();
    let is_known = || press.voltage.latest("hub") == Some(5.0);
    eventually("the value is known", is_known);
    let lost = press.to("hub").timeout(SOON * 3).work(0);
    begins.next();
    relay.hold();
    let error = hub.to("press").timeout(SOON * 3).turn().result();
    assert!(
        matches!(error, Err(Error::Disconnected { .. })),
        "{error:?}"
    );
    go_on.send(()).unwrap();
    relay.go_on();
    let error = lost.result();
    assert!(
        matches!(error, Err(Error::Disconnected { .. })),
        "{error:?}"
    );
    assert_eq!(gone.next(), "hub");
    eventually("the value is known again", is_known);
    go_on.send(()).unwrap();
    assert_eq!(press.to("hub").work(0).result().unwrap(), 7);
    hub.to("press").turn().result().unwrap();
    assert_eq!(gone.so_far(), [""; 0]);
}

/// Nobody has called it, and it is not what is silent.
pub(crate) fn a_broker_that_is_silent_is_told_of_as_such(server: impl Server) {
    let relay = Relay::to(&server);
    // Five times a probe with NATS, and once the time with MQTT.
    let options = match server.bound("", "").starts_with("mqtt") {
        true => "name=hub&keepalive=1",
        false => "name=hub&probe=0.2",
    };
    let _press = shop(&server, "press");
    let bound = format!("restart:0.2:{}", relay.bound(&server, "lab", options));
    let hub = ShopInverse::bind("jrpc", bound).unwrap();
    let (told, gone) = inbox();
    hub.on_disconnect(move |peer, reason| {
        // The test may be over.
        told.send(format!("{}: {reason}", peer.name())).ok();
    });
    hub.start().unwrap();
    sees(&hub, 1);
    relay.hold();
    assert_eq!(
        gone.next(),
        "press: the broker is gone: it said nothing for 1s"
    );
}
