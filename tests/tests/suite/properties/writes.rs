//! Who may write what, and who may see what.

use quickrpc::{CallError, Error, Promise, Value, dynamic, remote_api};
use quickrpc_tests::{KeyFile, SOON, inbox};

use super::{Supply, client, server, voltages};
use crate::{call_error, settled};

#[test]
fn a_write_may_be_refused() {
    let (supply, lab) = Supply::pair();
    supply.voltage.set(5.0).unwrap();
    let handler = supply.voltage.on_write(|_sender, volts| {
        if *volts < 30.0 {
            Ok(())
        } else {
            Err("too high")
        }
    });
    let heard = voltages(&lab);
    let error = call_error(settled(lab.all().set_voltage(30.0)));
    assert_eq!(
        (error.code, &*error.message),
        (CallError::HANDLER_ERROR, "too high")
    );
    assert_eq!(supply.voltage.get(), Some(5.0));
    settled(lab.all().set_voltage(29.0)).unwrap();
    assert_eq!(supply.voltage.get(), Some(29.0));
    supply.voltage.set(100.0).unwrap();

    // The last one counts, while it is connected.
    let stricter = supply
        .voltage
        .on_write(|_, _| Err::<(), _>(CallError::new(7, "never").with_data("data")));
    let error = call_error(settled(lab.all().set_voltage(1.0)));
    assert_eq!((error.code, error.data), (7, Some("data".into())));
    stricter.disconnect();
    settled(lab.all().set_voltage(1.0)).unwrap();
    handler.disconnect();
    settled(lab.all().set_voltage(31.0)).unwrap();
    let told = loop {
        let told = heard.next();
        if told == 31.0 {
            break heard.so_far();
        }
        assert!(told != 30.0);
    };
    assert!(told.is_empty());

    // What is no value is refused before.
    let raw = dynamic_client(&supply);
    for args in [
        Value::from_iter([("value", "high")]),
        Value::from_iter([("volts", 1)]),
        Value::Null,
    ] {
        let error = call_error(settled(raw.call("set_voltage", args)));
        assert_eq!(error.code, CallError::INVALID_PARAMS, "{}", error.message);
    }
    let error = call_error(settled(
        raw.call("get_voltage", [("x", 1)].into_iter().collect::<Value>()),
    ));
    assert_eq!(error.code, CallError::INVALID_PARAMS);
    let error = call_error(settled(raw.call("set_measured", [1].to_vec())));
    assert_eq!(
        error.code,
        CallError::METHOD_NOT_FOUND,
        "it is not writable"
    );
    assert_eq!(supply.voltage.get(), Some(31.0));
}

/// An API without a trait that is connected to this one.
fn dynamic_client(supply: &Supply) -> dynamic::Api {
    supply.add_transport("tcpserv:127.0.0.1:0").unwrap();
    let addr = *supply.local_addrs().last().unwrap();
    let client = dynamic::Api::bind("jrpc", format!("tcp:{addr}")).unwrap();
    client.start().unwrap();
    client
}

#[test]
fn a_write_may_be_accepted_later() {
    let (supply, lab) = Supply::pair();
    let (told, resolvers) = inbox();
    supply.voltage.on_write(move |_, _| {
        let (promise, resolver) = Promise::<()>::pair();
        told.send(resolver).unwrap();
        promise
    });
    let heard = voltages(&lab);
    let (first, second) = (lab.all().set_voltage(1.0), lab.all().set_voltage(2.0));
    let (accepts, refuses) = (resolvers.next(), resolvers.next());
    assert_eq!(supply.voltage.get(), None);
    refuses.set_error("no").unwrap();
    assert_eq!(call_error(settled(second)).message, "no");
    accepts.set_result(()).unwrap();
    settled(first).unwrap();
    assert_eq!((supply.voltage.get(), heard.next()), (Some(1.0), 1.0));
}

#[test]
fn handlers_that_panic_harm_nobody() {
    let (supply, lab) = Supply::pair();
    supply.voltage.set(5.0).unwrap();
    supply.voltage.on_write(|_, volts| assert!(*volts < 30.0));
    let reads = supply.voltage.on_read(|_| -> f64 { panic!("in a test") });
    assert_eq!(
        call_error(settled(lab.all().voltage())).code,
        CallError::INTERNAL_ERROR
    );
    assert_eq!(
        call_error(settled(lab.all().set_voltage(31.0))).code,
        CallError::INTERNAL_ERROR
    );
    // Who comes is told what was set.
    let other = dynamic_client(&supply);
    let voltage = other.remote_property("voltage").subscribe();
    supply.voltage.set(6.0).unwrap();
    assert!(voltage.recv_timeout(SOON).is_ok());
    reads.disconnect();
    assert_eq!(settled(lab.all().voltage()).unwrap(), 6.0);
}

#[test]
fn a_value_that_cannot_travel_is_an_error_here() {
    #[derive(Clone)]
    struct Odd(bool);
    impl serde::Serialize for Odd {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            match self.0 {
                true => serializer.serialize_bool(true),
                false => Err(serde::ser::Error::custom("in a test")),
            }
        }
    }
    impl<'de> serde::Deserialize<'de> for Odd {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            bool::deserialize(deserializer).map(Odd)
        }
    }
    #[remote_api]
    trait Oddity {
        #[incoming(property, writable)]
        fn odd(&self) -> Odd;
    }
    let (api, other) = Oddity::pair();
    api.odd.set(Odd(true)).unwrap();
    let error = api.odd.set(Odd(false)).unwrap_err();
    assert!(matches!(error, Error::Encode { .. }), "{error}");
    assert!(api.odd.get().unwrap().0, "the one before stays");
    assert!(settled(other.all().odd()).unwrap().0);
    let unsent = settled(other.all().set_odd(Odd(false)));
    assert!(matches!(unsent, Err(Error::Encode { .. })));
}

#[test]
fn is_for_those_who_may() {
    #[remote_api]
    trait Guarded {
        #[incoming(property, writable)]
        #[require(write_role = "operator")]
        fn voltage(&self) -> f64;
        #[incoming(property, writable)]
        #[require(role = "guest", write_role = "operator")]
        fn current(&self) -> f64;
        #[incoming(property, writable)]
        #[require(role = "operator")]
        fn secret(&self) -> f64;
        #[incoming]
        fn done(&self) -> ();
    }
    let secret = Guarded::DESCRIPTION.properties[2];
    assert_eq!((secret.role, secret.write_role), (Some("operator"), None));
    assert_eq!(secret.calls.write.unwrap().role, Some("operator"));

    let table = |user: &str| KeyFile::table(user, user, &format!("roles = [\"{user}\"]"));
    let keys = KeyFile::with(&["hub", "operator", "guest"].map(table).concat());
    let hub = Guarded::builder()
        .security(keys.hmac("hub"))
        .transport("tcpserv:127.0.0.1:0")
        .build()
        .unwrap();
    hub.on_error(|_, _, _| {});
    hub.done.connect(|_| ());
    hub.start().unwrap();
    let transport = format!("tcp:{}", hub.local_addrs()[0]);
    let client = |user: &str| {
        let client = GuardedInverse::builder()
            .security(keys.hmac(user))
            .transport(&transport)
            .build()
            .unwrap();
        let (told, heard) = inbox();
        let (a, b, c) = (told.clone(), told.clone(), told);
        client
            .voltage
            .connect(move |_, value| a.send(("voltage", value)).unwrap());
        client
            .current
            .connect(move |_, value| b.send(("current", value)).unwrap());
        client
            .secret
            .connect(move |_, value| c.send(("secret", value)).unwrap());
        client.start().unwrap();
        (client, heard)
    };
    hub.voltage.set(1.0).unwrap();
    hub.current.set(1.0).unwrap();
    hub.secret.set(1.0).unwrap();
    let (operator, told) = client("operator");
    assert_eq!(told.take(2), [("voltage", 1.0), ("secret", 1.0)]);
    let (guest, heard) = client("guest");
    assert_eq!(heard.take(2), [("voltage", 1.0), ("current", 1.0)]);

    settled(operator.all().set_current(2.0)).unwrap();
    settled(operator.all().set_secret(2.0)).unwrap();
    settled(operator.all().set_voltage(2.0)).unwrap();
    assert_eq!(heard.take(2), [("current", 2.0), ("voltage", 2.0)]);
    assert_eq!(told.take(2), [("secret", 2.0), ("voltage", 2.0)]);
    let all = guest.all();
    for refused in [
        all.set_voltage(3.0),
        all.set_current(3.0),
        all.set_secret(3.0),
    ] {
        let error = call_error(settled(refused));
        assert_eq!(error.code, CallError::FORBIDDEN);
        assert!(error.message.ends_with("needs the role `operator`"));
    }
    assert_eq!(call_error(settled(all.secret())).code, CallError::FORBIDDEN);
    assert_eq!(
        call_error(settled(operator.all().current())).code,
        CallError::FORBIDDEN
    );
    assert_eq!(settled(all.voltage()).unwrap(), 2.0);
    assert_eq!(settled(all.current()).unwrap(), 2.0);
    settled(all.done()).unwrap();
    assert!(heard.so_far().is_empty() && told.so_far().is_empty());
}

#[test]
fn rules_decide_about_what_is_told() {
    let (supply, addr) = server();
    supply.authorize(|_, method| method != "get_text" && method != "set_voltage");
    supply.on_error(|_, _, _| {});
    supply.text.set("secret".to_owned()).unwrap();
    let lab = client(addr);
    let texts = lab.text.subscribe();
    let heard = voltages(&lab);
    lab.start().unwrap();
    supply.text.set("more".to_owned()).unwrap();
    supply.voltage.set(5.0).unwrap();
    heard.next();
    assert_eq!(
        call_error(settled(lab.all().text())).code,
        CallError::FORBIDDEN
    );
    assert_eq!(
        call_error(settled(lab.all().set_voltage(1.0))).code,
        CallError::FORBIDDEN
    );
    settled(lab.all().set_text("mine".to_owned())).unwrap();
    supply.voltage.set(6.0).unwrap();
    heard.next();
    assert!(texts.is_empty());
}
