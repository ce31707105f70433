//! Zonis over WebSocket, between two sides of the library.

use std::fs;

use quickrpc_tests::{LabInverse, OwnDir, bounded, server_on};

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
