//! Zonis over WebSocket, between two sides of the library.

use std::fs;

use quickrpc::DisconnectReason;
use quickrpc_tests::{LabInverse, OwnDir, bounded, inbox, server_on};

use crate::settled;

const SERVER: &str = "wsserv:127.0.0.1:0";

#[test]
fn a_named_client_and_its_server_call_each_other() {
    let dir = OwnDir::new();
    let (key, wrong) = (dir.path("key"), dir.path("wrong"));
    fs::write(&key, "s3cret\n").unwrap();
    fs::write(&wrong, "guess\n").unwrap();
    let (api, addr, _served) = server_on(&format!("zonis?secret_file={}", key.display()), SERVER);
    let transport = format!("ws:{addr}");
    let codec = format!("zonis:cog?secret_file={}", key.display());
    let cog = LabInverse::bind(codec.as_str(), transport.as_str()).unwrap();
    cog.question.connect(|_sender, text| text.to_uppercase());
    cog.start().unwrap();
    assert_eq!(settled(cog.all().add(1, 2)).unwrap(), 3);
    assert_eq!(settled(api.to("cog").question("a")).unwrap(), "A");
    assert_eq!(settled(cog.all().ask("b")).unwrap(), "B");
    let failed = settled(cog.all().fail("on purpose")).unwrap_err();
    assert!(failed.to_string().contains("on purpose"), "{failed}");
    // A stranger is told why it has to go.
    let codec = format!("zonis:other?secret_file={}", wrong.display());
    let other = LabInverse::bind(codec.as_str(), transport.as_str()).unwrap();
    let refused = bounded("start", move || other.start()).unwrap_err();
    assert!(
        refused.to_string().contains("Invalid secret key."),
        "{refused}"
    );
    assert_eq!(settled(cog.all().add(3, 4)).unwrap(), 7);
}

#[test]
fn a_name_belongs_to_one_client_until_it_is_gone_or_replaced() {
    let dir = OwnDir::new();
    let key = dir.path("over");
    fs::write(&key, "over").unwrap();
    let over = format!("override_file={}", key.display());
    let (api, addr, _served) = server_on(&format!("zonis?{over}"), SERVER);
    let (gone, ends) = inbox();
    api.on_disconnect(move |peer, reason| gone.send((peer.to_string(), reason.clone())).unwrap());
    let bind = |codec: &str| LabInverse::bind(codec, format!("ws:{addr}").as_str()).unwrap();
    let first = bind("zonis:cog");
    first.start().unwrap();
    let second = bind("zonis:cog");
    let refused = bounded("start", move || second.start()).unwrap_err();
    let refused = refused.to_string();
    assert!(
        refused.contains("Duplicate identifier on IDENTIFY"),
        "{refused}"
    );
    assert_eq!(settled(first.all().add(1, 2)).unwrap(), 3);
    let third = bind(&format!("zonis:cog?{over}"));
    third.question.connect(|_sender, _text| "third".to_owned());
    third.start().unwrap();
    let (name, reason) = ends.next();
    assert_eq!(name, "cog");
    assert!(matches!(reason, DisconnectReason::Replaced), "{reason:?}");
    assert_eq!(settled(api.to("cog").question("who")).unwrap(), "third");
    third.stop().unwrap();
    assert_eq!(ends.next().0, "cog");
    let fourth = bind("zonis:cog");
    fourth
        .question
        .connect(|_sender, _text| "fourth".to_owned());
    fourth.start().unwrap();
    assert_eq!(settled(api.to("cog").question("who")).unwrap(), "fourth");
}
