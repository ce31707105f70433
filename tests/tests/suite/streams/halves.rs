//! Whoever has ended his side of a connection, and still reads: `nc -N`.

use quickrpc::{Error, Processing, Stream, StreamSender};
use quickrpc_tests::{Telnet, inbox};

use super::{Hub, MODES, server};

/// A stream that a person has asked for, and the person, who has said nothing more since.
struct Asked {
    hub: Hub,
    person: Telnet,
    items: StreamSender<u32, String>,
    /// A call to the person.
    ticks: Stream<u32>,
}

impl Asked {
    fn new(mode: Processing, more: &str) -> Self {
        let (hub, addr, fed) = server("terse", mode);
        let mut person = Telnet::connect(addr);
        person.send(format!("fed[8] name:\"x\"\n{more}add[9] a:1 b:2\n"));
        assert_eq!(person.line(), "[9]:3");
        let (_, items) = fed.next();
        let ticks = hub.all().ticks(1);
        assert!(person.line().starts_with("ticks["));
        assert!(person.line().starts_with("rpc.more "));
        Asked {
            hub,
            person,
            items,
            ticks,
        }
    }

    /// The person ends his side, which the server has seen then: what it has asked for cannot come.
    fn ends_his_side(&mut self) {
        self.person.close_write();
        let error = self.ticks.next().unwrap().unwrap_err();
        assert!(matches!(error, Error::Disconnected { .. }), "{error}");
    }
}

#[test]
fn who_has_ended_his_side_gets_the_rest_of_a_stream() {
    for mode in MODES {
        let mut asked = Asked::new(mode, "");
        asked.items.send(0).unwrap();
        assert_eq!(asked.person.line(), "rpc.item id:8 value:0");
        asked.ends_his_side();
        for number in 1..100 {
            asked.items.send(number).unwrap();
        }
        asked.items.finish("end".into()).unwrap();
        let items: String = (1..100)
            .map(|number| format!("rpc.item id:8 value:{number}\n"))
            .collect();
        assert_eq!(asked.person.rest(), format!("{items}[8]:\"end\"\n"));
        drop(asked.hub);
    }
}

#[test]
fn who_has_ended_his_side_gets_what_he_has_asked_for() {
    let two = "rpc.item id:8 value:0\nrpc.item id:8 value:1\n";
    for mode in MODES {
        // That was all.
        let mut asked = Asked::new(mode, "rpc.more id:8 items:2\n");
        asked.ends_his_side();
        asked.items.send(0).unwrap();
        asked.items.send(1).unwrap();
        asked.items.finish("end".into()).unwrap();
        assert_eq!(asked.person.rest(), format!("{two}[8]:\"end\"\n"));

        // There is more than that, for which he cannot ask any more: before his end, and after it.
        for before in [true, false] {
            let mut asked = Asked::new(mode, "rpc.more id:8 items:2\n");
            let (told, cancelled) = inbox();
            asked.items.on_cancel(move || told.send(()).unwrap());
            if !before {
                asked.ends_his_side();
            }
            for number in 0..3 {
                asked.items.send(number).unwrap();
            }
            if before {
                asked.ends_his_side();
            }
            let rest = asked.person.rest();
            let end = rest.strip_prefix(two).unwrap_or_else(|| panic!("{rest}"));
            assert!(
                end.starts_with("[8]") && end.contains("ended its side"),
                "{end}"
            );
            assert_eq!(end.lines().count(), 1, "{end}");
            cancelled.next();
            assert!(asked.items.send(3).is_err());
        }
    }
}

#[test]
fn a_call_that_begins_a_stream_behind_the_end_has_all_of_it() {
    for mode in MODES {
        let (_hub, addr, _fed) = server("terse", mode);
        for (more, items) in [("", 3), ("rpc.more id:7 items:3\n", 3)] {
            let mut person = Telnet::connect(addr);
            person.send(format!("calibrate[7] channel:7\n{more}"));
            person.close_write();
            let rest = person.rest();
            assert_eq!(rest.lines().count(), items + 1, "{rest}");
            assert!(rest.ends_with("[7]:\"channel 7 is fine\"\n"), "{rest}");
        }
    }
}
