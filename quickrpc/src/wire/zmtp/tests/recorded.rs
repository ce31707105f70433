//! Connections of libzmq 4.3.5 that were recorded: what each side has said, to a socket of ours in
//! the place of the other one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::*;

#[test]
fn what_libzmq_has_said_is_understood() {
    let text = include_str!("../../../../../tests/vectors/hololinked.json");
    let vectors: Value = serde_json::from_str(text).unwrap();
    let mut heard = Vec::new();
    for connection in vectors["zmtp"].as_array().unwrap() {
        let side = |name: &str| {
            let text = connection[name].as_str().unwrap();
            let (kind, id) = text.split_once(' ').unwrap();
            let said: Vec<u8> = (connection["chunks"].as_array().unwrap().iter())
                .filter(|chunk| chunk["from"] == name)
                .flat_map(|chunk| STANDARD.decode(chunk["bytes"].as_str().unwrap()).unwrap())
                .collect();
            (kind.to_ascii_lowercase(), id.to_owned(), said)
        };
        let sides = [side("connecting"), side("binding")];
        for (at, (kind, id, said)) in sides.iter().enumerate() {
            let other = &sides[1 - at].0;
            for step in [1, 1000] {
                let mut ours = Handshake::new(&socket(&format!("type={other}")));
                let (mut input, mut met) = (Vec::new(), None);
                for piece in said.chunks(step) {
                    input.extend(piece);
                    if met.is_none()
                        && let Step::Done(peer) = ours.advance(&mut input)
                    {
                        met = Some(peer);
                    }
                }
                let peer = met.unwrap_or_else(|| panic!("{kind} has not greeted"));
                assert_eq!(name(peer.theirs).to_ascii_lowercase(), *kind);
                let has_name = !["sub", "pub"].contains(&kind.as_str());
                assert_eq!(peer.name().as_deref(), has_name.then_some(id.as_str()));
                let mut reader = Reader::boxed(&peer, Form::Parts);
                for said in read(&mut reader, input.chunks(step), 100_000) {
                    let Said::Parts(parts) = said else {
                        panic!("{said:?}");
                    };
                    heard.push((kind.clone(), parts.len()));
                }
                if other == "pub" {
                    // The last thing that it has said is that it wants no more.
                    let tick = b"interop-thing/tick";
                    assert_eq!(is_sent(&peer, tick), Some(false));
                    let last = b"..\x06CANCEL".len() + tick.len();
                    let subscription = &input[..input.len() - last];
                    let mut reader = Reader::boxed(&peer, Form::Parts);
                    assert_eq!(read(&mut reader, [subscription], 100_000), []);
                    assert_eq!(is_sent(&peer, tick), Some(true));
                    assert_eq!(is_sent(&peer, b"interop-thing/tack"), Some(false));
                }
            }
        }
    }
    let of = |kind: &str, parts: usize| {
        let is = |one: &&(String, usize)| one.0 == kind && one.1 == parts;
        heard.iter().filter(is).count()
    };
    assert!(of("dealer", 4) >= 4 && of("router", 4) >= 8, "{heard:?}");
    assert!(of("pub", 5) >= 2, "{heard:?}");
}

/// Whether something that begins like this would be sent.
fn is_sent(peer: &Peer, begins: &[u8]) -> Option<bool> {
    let mut out = Vec::new();
    let about = About::Call {
        method: "tick",
        id: None,
        way: Way {
            deed: Deed::Call,
            within: None,
            start_within: None,
        },
    };
    peer.enclose(&mut out, about, begins).ok()?;
    Some(!out.is_empty())
}
