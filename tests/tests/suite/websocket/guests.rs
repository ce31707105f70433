//! Who has shown a key, and is connected: it is looked at again.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use quickrpc::Error;
use quickrpc_tests::{Inbox, KeyFile, Lab, LabInverse, SOON, eventually, inbox};

use crate::settled;

/// A server for who has a key, and what it hears of those who go.
fn server(keys: &KeyFile, codec: &str, security: &str) -> (Lab, Inbox<String>) {
    let transport = format!("wsserv:127.0.0.1:0?keys={}", keys.path());
    let api = Lab::builder()
        .codec(codec)
        .security(security)
        .transport(transport)
        .build()
        .unwrap();
    api.echo.connect(|sender, text| {
        let known = |key: &str| sender.secinfo().get(key).cloned().unwrap_or_default();
        format!("{text} {} {}", known("user"), known("roles"))
    });
    let (gone, ends) = inbox();
    api.on_disconnect(move |_peer, reason| gone.send(reason.to_string()).unwrap());
    api.on_error(|_, _, _| ());
    api.start().unwrap();
    (api, ends)
}

/// Somebody who is connected, and why he is not any more.
fn connect(api: &Lab, user: &str, codec: &str, security: &str) -> (LabInverse, Inbox<String>) {
    let addr = api.local_addrs()[0];
    let secret = KeyFile::written(user);
    let secret = secret.replace('+', "%2B").replace('/', "%2F");
    let client = LabInverse::builder()
        .codec(codec)
        .security(security)
        .transport(format!(
            "ws://{user}:{}@{addr}/",
            secret.replace('=', "%3D")
        ))
        .build()
        .unwrap();
    let (gone, ends) = inbox();
    client.on_disconnect(move |_peer, reason| gone.send(reason.to_string()).unwrap());
    client.start().unwrap();
    (client, ends)
}

fn echo(client: &LabInverse) -> Result<String, Error> {
    settled(client.all().timeout(SOON).echo("it is"))
}

const BOB: &str = "bob";

#[test]
fn who_is_taken_out_of_the_file_goes() {
    let both = |alice: &str| [alice, &KeyFile::table(BOB, BOB, "")].concat();
    let alice = KeyFile::table("alice", "alice", "roles = [\"admin\"]");
    for (codec, security) in [("jrpc", "null"), ("terse", "null"), ("jrpc", "believe")] {
        let security = security.replace("believe", "blindly_believe_everything:x");
        let keys = KeyFile::with(&both(&alice));
        let (api, ends) = server(&keys, codec, &security);
        let (client, why) = connect(&api, "alice", codec, &security);
        assert_eq!(echo(&client).unwrap(), "it is alice admin");
        let (stays, _) = connect(&api, BOB, codec, &security);
        keys.write(&both(""));
        eventually("alice is not served any more", || echo(&client).is_err());
        assert_eq!(
            why.next(),
            "it closed the connection (1008: refused: unknown user `alice`)"
        );
        assert_eq!(ends.next(), "refused: unknown user `alice`");
        assert_eq!(echo(&stays).unwrap(), "it is bob ");
        assert!(ends.so_far().is_empty());
    }
}

#[test]
fn who_is_taken_out_is_told_nothing_more() {
    let keys = KeyFile::of(&["alice", BOB]);
    let (api, ends) = server(&keys, "jrpc", "null");
    let (client, _) = connect(&api, "alice", "jrpc", "null");
    let (said, heard) = inbox();
    client
        .notified
        .connect(move |_sender, text| said.send(text.to_owned()).unwrap());
    api.all().notified("to alice").unwrap();
    assert_eq!(heard.next(), "to alice");
    keys.write(&KeyFile::table(BOB, BOB, ""));
    // It asks for nothing itself.
    eventually("nothing is sent to it", || {
        api.all().notified("again").is_err()
    });
    assert_eq!(ends.next(), "refused: unknown user `alice`");
}

#[test]
fn roles_are_those_that_the_file_has_now() {
    let keys = KeyFile::with(&KeyFile::table("alice", "alice", "roles = [\"admin\"]"));
    let (api, ends) = server(&keys, "jrpc", "null");
    let (client, _) = connect(&api, "alice", "jrpc", "null");
    assert_eq!(echo(&client).unwrap(), "it is alice admin");
    let with = |role: &str| KeyFile::table("alice", "alice", &format!("roles = [\"{role}\"]"));
    keys.write(&with("guest"));
    eventually("it is a guest", || {
        echo(&client).unwrap() == "it is alice guest"
    });
    assert_eq!(api.peers()[0].secinfo()["roles"], "guest");
    keys.write(&KeyFile::table("alice", "alice", ""));
    eventually("it has no role", || {
        echo(&client).unwrap() == "it is alice "
    });
    // Another key of the same user is not the one that was shown.
    keys.write(&KeyFile::table("alice", "new", ""));
    eventually("it is not served", || echo(&client).is_err());
    let end = "refused: what `alice` has shown is no key of that user any more";
    assert_eq!(ends.next(), end);
}

#[test]
fn a_key_that_expires_ends_its_connections() {
    let secret = KeyFile::written("alice");
    let keys = KeyFile::with(&format!(
        "[users.alice]\nkeys = [{{ secret = \"{secret}\", expires = {} }}]\n",
        in_a_moment()
    ));
    let (api, ends) = server(&keys, "jrpc", "null");
    let (client, why) = connect(&api, "alice", "jrpc", "null");
    eventually("it has expired", || echo(&client).is_err());
    let end = "refused: expired: the key that `alice` has shown";
    assert_eq!(ends.next(), end);
    assert_eq!(
        why.next(),
        format!("it closed the connection (1008: {end})")
    );
}

/// A time as it stands in TOML, long enough from now to connect before.
fn in_a_moment() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let then = (now + Duration::from_secs(8)).as_secs();
    let (mut day, second) = (then / 86_400, then % 86_400);
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let mut year = 1970;
    while day >= 365 + u64::from(is_leap(year)) {
        day -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while day >= months[month] {
        day -= months[month];
        month += 1;
    }
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let (month, day) = (month + 1, day + 1);
    format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}
