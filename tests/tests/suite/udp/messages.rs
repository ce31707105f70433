//! What is in a datagram: whole messages, that fit.

use quickrpc::Error;
use quickrpc_tests::{DatagramPort, Lab, LabInverse, inbox, serve};

use super::{caller_at, errors_of};
use crate::settled;

#[test]
fn a_datagram_holds_several_messages_and_no_half() {
    let port = DatagramPort::new();
    let lab = Lab::bind("terse", port.wire(1)).unwrap();
    let errors = errors_of(&lab);
    let served = serve(&lab);
    lab.start().unwrap();
    let raw = port.raw(2);
    raw.send(
        1,
        "notify text:\"a\"\nnotify text:\"b\"\nadd[7] a:1 b:2\nnotify te",
    );
    assert_eq!(served.notes.next().1, "a");
    assert_eq!(served.notes.next().1, "b");
    assert_eq!(raw.receive(), "[7]:3\n");
    let (sender, error) = errors.next();
    assert_eq!(sender, "127.0.0.2");
    assert!(matches!(error, Error::Decode(_)), "{error:?}");
    // Not joined with what comes next.
    raw.send(1, "xt:\"c\"\nnotify text:\"d\"\n");
    assert!(matches!(errors.next().1, Error::Call(_) | Error::Decode(_)));
    assert_eq!(served.notes.next().1, "d");
    // Nothing at all is nothing.
    raw.send(1, "");
    raw.send(1, "\n\r\n");
    raw.send(1, [0xff, b'\n']);
    assert!(errors.next().1.to_string().contains("UTF-8"));
}

#[test]
fn a_message_has_to_fit() {
    let port = DatagramPort::new();
    let lab = Lab::bind("terse", port.wire(1)).unwrap();
    let errors = errors_of(&lab);
    let served = serve(&lab);
    lab.start().unwrap();
    let raw = port.raw(2);
    // With everything that belongs to it, the delimiter included.
    let around = "notified text:\"\"\n".len();
    let text = "x".repeat(2048 - around);
    lab.to("127.0.0.2").notified(&text).unwrap();
    assert_eq!(raw.receive().len(), 2048);
    let error = lab
        .to("127.0.0.2")
        .notified(&format!("{text}x"))
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::MessageTooLarge {
                size: 2049,
                limit: 2048
            }
        ),
        "{error:?}"
    );
    // On the way in: one of 2,048 is read, a larger one is not.
    let around = "notify text:\"\"\n".len();
    let text = "y".repeat(2048 - around);
    raw.send(1, format!("notify text:\"{text}y\"\n"));
    raw.send(1, format!("notify text:\"{text}\"\n"));
    assert_eq!(served.notes.next().1, text);
    let error = errors.next().1;
    assert!(
        matches!(
            error,
            Error::MessageTooLarge {
                size: 2049,
                limit: 2048
            }
        ),
        "{error:?}"
    );
}

#[test]
fn an_answer_that_does_not_fit_is_an_error() {
    let port = DatagramPort::new();
    let lab = Lab::bind("terse", port.wire(1)).unwrap();
    lab.echo
        .connect(|_sender, text| "x".repeat(text.parse().unwrap_or(0)));
    lab.start().unwrap();
    let raw = port.raw(2);
    // `[1]:"..."` and a newline around it.
    for (length, fits) in [(2041, true), (2042, false), (2043, false), (100_000, false)] {
        raw.send(1, format!("echo[1] text:\"{length}\"\n"));
        let answer = raw.receive();
        if fits {
            assert_eq!(answer.len(), 2048);
        } else {
            assert!(
                answer.starts_with("[1]! message:\"the result of"),
                "{answer}"
            );
        }
    }
}

#[test]
fn larger_messages_where_the_expression_says_so() {
    let port = DatagramPort::new();
    let large = |host| format!("{}&message_size=60000", port.wire(host));
    let lab = Lab::bind("jrpc", large(1)).unwrap();
    let _served = serve(&lab);
    lab.start().unwrap();
    let caller = LabInverse::bind("jrpc", large(2)).unwrap();
    caller.start().unwrap();
    let text = "x".repeat(50_000);
    assert_eq!(settled(caller.to("127.0.0.1").echo(&text)).unwrap(), text);
    // More than a datagram holds is never tried.
    let boundless = Lab::bind("jrpc", format!("{}&message_size=1M", port.wire(3))).unwrap();
    boundless.start().unwrap();
    let error = boundless.to("127.0.0.1").notified(&"x".repeat(66_000));
    assert!(
        matches!(error, Err(Error::MessageTooLarge { .. })),
        "{error:?}"
    );
}

#[test]
fn the_security_header_is_in_the_same_datagram() {
    let port = DatagramPort::new();
    let lab = Lab::builder()
        .security("blindly_believe_everything:lab")
        .transport(port.wire(1))
        .build()
        .unwrap();
    let errors = errors_of(&lab);
    let (seen, users) = inbox();
    lab.echo.connect(move |sender, text| {
        seen.send(sender.secinfo().get("user").cloned()).unwrap();
        text.to_owned()
    });
    lab.start().unwrap();
    let caller = LabInverse::builder()
        .security("blindly_believe_everything:john")
        .transport(port.wire(2))
        .build()
        .unwrap();
    caller.start().unwrap();
    assert_eq!(settled(caller.to("127.0.0.1").echo("x")).unwrap(), "x");
    assert_eq!(users.next().as_deref(), Some("john"));
    // The header counts too.
    let raw = port.raw(3);
    lab.to("127.0.0.3").notified("x").unwrap();
    let most = 2048 - raw.receive().len() + 1;
    lab.to("127.0.0.3").notified(&"x".repeat(most)).unwrap();
    assert_eq!(raw.receive().len(), 2048);
    let error = lab.to("127.0.0.3").notified(&"x".repeat(most + 1));
    assert!(
        matches!(error, Err(Error::MessageTooLarge { .. })),
        "{error:?}"
    );
    // A header of one datagram is not for the message of the next.
    raw.send(
        1,
        "{\"jsonrpc\":\"2.0\",\"method\":\"rpc.secinfo\",\"params\":{\"user\":\"eve\"}}\0",
    );
    raw.send(
        1,
        "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":{},\"id\":1}\0",
    );
    assert_eq!(users.next(), None);
    assert!(errors.so_far().is_empty());
}

/// Over TCP it ends the connection, and with it the calls that wait for an answer. Here anybody
/// could have sent it under another's address.
#[test]
fn a_datagram_that_looks_like_http_ends_no_call() {
    let port = DatagramPort::new();
    let caller = caller_at(&port, 1);
    let raw = port.raw(2);
    let sum = caller.to("127.0.0.2").add(2, 3);
    assert_eq!(raw.receive(), "add[1] a:2 b:3\n");
    raw.send(1, "POST / HTTP/1.1\r\n");
    raw.send(1, "[1]:5\n");
    assert_eq!(settled(sum).unwrap(), 5);
}
