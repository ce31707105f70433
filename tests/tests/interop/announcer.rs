//! Services of the original are found, and its seekers find ours.

use quickrpc::announcer::{Announcer, Seeker};
use quickrpc_tests::{DatagramPort, SOON, bounded};

use crate::python;

#[test]
fn a_python_service_is_found() {
    let Some(python) = python() else { return };
    let port = DatagramPort::new();
    let number = port.number().to_string();
    let peer = python.peer(&["announcer", &number, "my service v1"]);
    peer.expect("ready");
    let seeker = Seeker::new().transport(port.wire(2)).limit(1);
    for filter in ["", "service", "\"v\u{e4}1\""] {
        let seeker = seeker.clone();
        let timeout = match filter {
            "" | "service" => SOON / 2,
            _ => std::time::Duration::from_millis(1),
        };
        let found = bounded("seeking", move || seeker.seek(filter, timeout)).unwrap();
        assert_eq!(peer.expect("seek")["filter"], filter);
        if filter.is_empty() || filter == "service" {
            assert_eq!(found.len(), 1);
            assert_eq!(found[0].address, "127.0.0.1");
            assert_eq!(found[0].description, "my service v1");
        } else {
            assert!(found.is_empty());
        }
    }
}

#[test]
fn a_python_seeker_finds_a_service() {
    let Some(python) = python() else { return };
    let port = DatagramPort::new();
    let announcer = Announcer::new("our \"service\" v\u{e4}1").transport(port.wire(2));
    let _lab = announcer
        .matching(|filter| filter.is_empty() || filter == "our")
        .start()
        .unwrap();
    let number = port.number().to_string();
    let patience = SOON.as_secs().to_string();
    for arguments in [
        vec!["seeker", &number],
        vec!["seeker", &number, "our"],
        // To one address, not to all.
        vec!["--to", "127.0.0.2", "seeker", &number],
    ] {
        let mut options = vec!["--linger", &patience];
        options.extend(arguments);
        let peer = python.peer(&options);
        let advertised = peer.expect("advertised");
        assert_eq!(advertised["sender"], "127.0.0.2");
        assert_eq!(advertised["description"], "our \"service\" v\u{e4}1");
    }
}
