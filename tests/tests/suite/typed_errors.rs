//! Errors with types over the wire, their codes, and those of others.

use std::sync::Arc;
use std::time::Duration;

use quickrpc::{
    BoxError, CallError, CallErrors, Error, Promise, Reply, Resolver, Sender, TypedError, Value,
    dynamic, remote_api,
};
use quickrpc_tests::{SOON, bounded};
use serde::{Deserialize, Serialize};

use crate::{call_error, settled};

/// Without codes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
enum LampError {
    #[error("there is no lamp {0}")]
    Missing(u8),
    #[error("the lamp is broken")]
    Broken,
    #[error("{watts} W are more than {most} W")]
    TooMuch { watts: f64, most: f64 },
    #[error("{0}")]
    Wire(#[from] WireError),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error, CallErrors)]
enum WireError {
    #[code(71)]
    #[error("cut at {0} m")]
    Cut(u32),
    #[error("loose")]
    Loose,
}

/// With codes, and one that has some by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error, CallErrors)]
enum HouseError {
    #[code(404)]
    #[error("there is no room {0}")]
    NoRoom(String),
    #[code(CallError::FORBIDDEN)]
    #[error("the door is closed")]
    Closed,
    #[code(500)]
    #[error("{watts} W at {place:?}")]
    Fuse { watts: f64, place: Option<String> },
    #[code(501)]
    #[error("{0} of {1}")]
    Several(u8, String),
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error("anything else")]
    Else,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error, CallErrors)]
#[code(9)]
#[error("full: {bytes} bytes")]
struct DiskError {
    bytes: u64,
}

#[remote_api]
trait House {
    #[incoming]
    fn light(&self, lamp: u8) -> Result<bool, LampError>;

    #[incoming]
    fn enter(&self, room: &str) -> Result<u32, HouseError>;

    #[incoming]
    fn later(&self, room: &str) -> Result<Promise<u32>, HouseError>;

    #[incoming]
    fn store(&self) -> Result<u32, DiskError>;

    #[incoming]
    fn words(&self, text: &str) -> Result<i64, BoxError>;

    #[incoming]
    fn slowly(&self) -> Promise<u32>;

    /// A number between 0 and 10.
    #[incoming(property, writable)]
    fn warmth(&self) -> Result<f64, HouseError>;

    /// What the house asks its people.
    #[outgoing]
    fn ask(&self, text: &str) -> Result<String, HouseError>;
}

fn house(room: &str) -> Result<u32, HouseError> {
    Err(match room {
        "closed" => HouseError::Closed,
        "fuse" => HouseError::Fuse {
            watts: 5.5,
            place: None,
        },
        "several" => HouseError::Several(3, "pieces".into()),
        "cut" => Err(WireError::Cut(7))?,
        "loose" => WireError::Loose.into(),
        "else" => HouseError::Else,
        _ => HouseError::NoRoom(room.to_owned()),
    })
}

fn lamp(number: u8) -> Result<bool, LampError> {
    match number {
        0 => Ok(true),
        1 => Err(LampError::Broken),
        2 => Err(LampError::TooMuch {
            watts: 60.0,
            most: 40.0,
        }),
        3 => Err(WireError::Cut(2))?,
        _ => Err(LampError::Missing(number)),
    }
}

fn serve(api: &House) {
    api.light.connect(|_, number| lamp(number));
    api.enter.connect(|_, room| house(room));
    api.later.connect(|_, room| match room {
        "never" => Err(HouseError::Closed),
        "failed" => Ok(Promise::failed(WireError::Cut(1).into())),
        _ => Ok(Promise::ready(5)),
    });
    api.store.connect(|_| Err::<u32, _>(DiskError { bytes: 5 }));
    api.words.connect(|_, text| {
        let number: i64 = text.parse()?;
        match number {
            // Of another call, and so no more than words.
            1 => Err(HouseError::Closed)?,
            2 => Err(CallError::from(HouseError::Closed))?,
            3 => Err(Error::from(WireError::Cut(3)))?,
            _ => quickrpc::ok(number),
        }
    });
    api.warmth.on_write(|_, warmth| match *warmth > 10.0 {
        true => Err(HouseError::Fuse {
            watts: *warmth,
            place: Some("cellar".into()),
        }),
        false => Ok(()),
    });
}

/// The house and one of its people, on this wire.
fn connected(codec: &str, server: &str, client: &str) -> (House, HouseInverse) {
    let api = House::bind(codec, server).unwrap();
    serve(&api);
    api.start().unwrap();
    let addr = api.local_addrs()[0];
    let transport = match server.strip_prefix("wsserv:127.0.0.1:0") {
        Some(path) => format!("ws:{addr}{path}"),
        None => format!("tcp:{addr}"),
    };
    let people = HouseInverse::bind(client, transport).unwrap();
    people.start().unwrap();
    (api, people)
}

#[track_caller]
fn told<T: Send + 'static>(promise: Promise<T>) -> Error {
    match settled(promise) {
        Err(error) => error,
        Ok(_) => panic!("no error"),
    }
}

fn errors_travel(people: &HouseInverse) {
    let all = people.all();
    assert!(settled(all.light(0)).unwrap());
    for number in [1, 2, 3, 9] {
        let error = told(all.light(number));
        let expected = lamp(number).unwrap_err();
        assert_eq!(error.call::<LampError>(), Some(expected.clone()));
        assert_eq!(error.to_string(), expected.to_string());
        assert_eq!(error.code(), Some(CallError::HANDLER_ERROR));
    }
    let rooms = [
        ("attic", 404),
        ("closed", CallError::FORBIDDEN),
        ("fuse", 500),
        ("several", 501),
        ("cut", 71),
        ("loose", CallError::HANDLER_ERROR),
        ("else", CallError::HANDLER_ERROR),
    ];
    for (room, code) in rooms {
        let expected = house(room).unwrap_err();
        let error = told(all.enter(room));
        assert_eq!(error.call::<HouseError>(), Some(expected.clone()), "{room}");
        assert_eq!(error.code(), Some(code));
        let CallError { message, .. } = call_error::<()>(Err(error));
        assert_eq!(message, expected.to_string());
        let typed = all.enter(room).typed::<HouseError>();
        let typed = bounded("a typed error", move || typed.result());
        assert_eq!(typed, Err(TypedError::Call(expected)));
    }
    let error = told(all.store());
    assert_eq!(error.call::<DiskError>(), Some(DiskError { bytes: 5 }));
    assert_eq!(error.code(), Some(9));

    // One that comes later.
    assert_eq!(settled(all.later("hall")).unwrap(), 5);
    let error = told(all.later("never"));
    assert_eq!(error.call::<HouseError>(), Some(HouseError::Closed));
    let error = told(all.later("failed"));
    assert_eq!(error.code(), Some(71));
    assert_eq!(error.call::<WireError>(), Some(WireError::Cut(1)));

    // Of properties.
    let error = told(all.set_warmth(11.0));
    assert_eq!(error.code(), Some(500));
    assert!(matches!(
        error.call(),
        Some(HouseError::Fuse { watts, place: Some(_) }) if watts == 11.0
    ));
    settled(all.set_warmth(9.0)).unwrap();

    // What is none of the declared type.
    let error = told(all.words("one"));
    assert_eq!(error.call::<HouseError>(), None);
    assert_eq!(error.code(), Some(CallError::HANDLER_ERROR));
    let error = told(all.words("1"));
    assert_eq!(error.to_string(), "the door is closed");
    let error = told(all.words("2"));
    assert_eq!(error.code(), Some(CallError::FORBIDDEN));
    assert_eq!(error.call::<HouseError>(), Some(HouseError::Closed));
    let error = told(all.words("3"));
    assert_eq!(error.call::<WireError>(), Some(WireError::Cut(3)));
    assert_eq!(settled(all.words("5")).unwrap(), 5);
}

#[test]
fn over_every_wire_of_this_library() {
    let (api, people) = House::pair();
    serve(&api);
    errors_travel(&people);
    for codec in ["jrpc", r"jrpc:\n", "jrpc:content-length", "terse"] {
        let (_api, people) = connected(codec, "tcpserv:127.0.0.1:0", codec);
        errors_travel(&people);
    }
    let (_api, people) = connected("jrpc", "wsserv:127.0.0.1:0", "jrpc");
    errors_travel(&people);
}

#[test]
fn in_the_other_direction() {
    let (api, people) = House::pair();
    people.ask.connect(|_, text| match text {
        "" => Err(HouseError::Closed),
        text => Ok(text.to_owned()),
    });
    let error = told(api.all().ask(""));
    assert_eq!(error.call::<HouseError>(), Some(HouseError::Closed));
    assert_eq!(settled(api.all().ask("why")).unwrap(), "why");
}

// Zonis and Juggler carry one text.
#[test]
fn over_foreign_wires_the_text_arrives() {
    for (server, client) in [("zonis", "zonis:ann"), ("juggler:0.5", "juggler:0.5")] {
        let (_api, people) = connected(server, "wsserv:127.0.0.1:0/ws", client);
        let error = told(people.all().enter("closed"));
        assert_eq!(error.to_string(), "the door is closed");
        assert_eq!(error.call::<HouseError>(), None, "{server}");
    }
}

#[test]
fn errors_of_others_are_read_by_their_codes() {
    // Known as declared.
    let (_house, people) = House::pair();
    let read = |code, message: &str, data: Option<Value>| {
        let mut error = CallError::new(code, message);
        error.data = data;
        error.call::<HouseError>()
    };
    let map = |name: &str, value: Value| Some(Value::from_iter([(name, value)]));
    assert_eq!(
        read(CallError::FORBIDDEN, "no", None),
        Some(HouseError::Closed)
    );
    // A traceback, as the original has it.
    assert_eq!(
        read(CallError::FORBIDDEN, "no", Some("Traceback".into())),
        Some(HouseError::Closed)
    );
    let no_room = |name: &str| Some(HouseError::NoRoom(name.into()));
    assert_eq!(read(404, "attic", None), no_room("attic"));
    assert_eq!(
        read(404, "not found", Some("attic".into())),
        no_room("attic")
    );
    assert_eq!(read(404, "attic", Some(5.into())), no_room("attic"));
    let fuse = |watts, place: Option<&str>| {
        Some(HouseError::Fuse {
            watts,
            place: place.map(Into::into),
        })
    };
    assert_eq!(read(500, "", map("watts", 3.5.into())), fuse(3.5, None));
    assert_eq!(read(500, "", map("volts", 3.5.into())), None);
    assert_eq!(read(500, "", None), None);
    let several = Some(Value::from(vec![Value::from(1), "x".into()]));
    assert_eq!(
        read(501, "", several),
        Some(HouseError::Several(1, "x".into()))
    );
    assert_eq!(read(501, "", Some(vec![Value::from(1)].into())), None);
    assert_eq!(
        read(71, "", Some(4.into())),
        Some(HouseError::Wire(WireError::Cut(4)))
    );
    assert_eq!(read(71, "far away", None), None);
    assert_eq!(read(12, "unknown", None), None);
    // Its own value, with another code.
    assert_eq!(read(12, "", Some("Else".into())), Some(HouseError::Else));
    assert_eq!(read(12, "", map("NoRoom", "hall".into())), no_room("hall"));
    // Without a declaration.
    let error = CallError::new(9, "").with_data(Value::from_iter([("bytes", 3)]));
    assert_eq!(DiskError::from_code(&error), Some(DiskError { bytes: 3 }));
    drop(people);
}

#[test]
fn without_a_trait() {
    let server = dynamic::Api::bind("jrpc", "tcpserv:127.0.0.1:0").unwrap();
    server.on("enter", |_, _| {
        Err::<Value, _>(CallError::from(HouseError::NoRoom("attic".into())))
    });
    server.on("light", |_, _| {
        Err::<Value, _>(CallError::of(&LampError::Broken))
    });
    server.on("unfinished", |_, _| todo!("later"));
    server.start().unwrap();
    let addr = server.local_addrs()[0];
    let people = HouseInverse::bind("jrpc", format!("tcp:{addr}")).unwrap();
    people.start().unwrap();
    let error = told(people.all().enter("attic"));
    assert_eq!(error.code(), Some(404));
    assert_eq!(error.call(), Some(HouseError::NoRoom("attic".into())));
    assert_eq!(told(people.all().light(1)).call(), Some(LampError::Broken));

    let client = dynamic::Api::bind("jrpc", format!("tcp:{addr}")).unwrap();
    client.start().unwrap();
    let error = told(client.call("light", ()));
    assert_eq!(error.call::<LampError>(), Some(LampError::Broken));
    let typed = client.call("enter", ()).typed::<HouseError>();
    let typed = bounded("a typed error", move || typed.result());
    assert!(matches!(
        typed,
        Err(TypedError::Call(HouseError::NoRoom(_)))
    ));
    let error = call_error(settled(client.call("unfinished", ())));
    assert_eq!(error.code, CallError::INTERNAL_ERROR);
}

#[test]
fn a_gateway_passes_them_on() {
    let (api, people) = House::pair();
    serve(&api);
    let (gate, visitors) = House::pair();
    let inner = people.all();
    gate.enter.connect(move |_, room| {
        // Waiting here is fine: the answer comes from another API.
        quickrpc::ok(inner.enter(room).typed::<HouseError>().result()?)
    });
    let inner = people.all();
    gate.later.connect(move |_, room| inner.later(room));
    let inner = people.all();
    gate.light.connect(move |_, number| inner.light(number));
    for (room, code) in [("closed", CallError::FORBIDDEN), ("cut", 71)] {
        let error = told(visitors.all().enter(room));
        assert_eq!(error.call::<HouseError>(), house(room).err());
        assert_eq!(error.code(), Some(code));
    }
    let error = told(visitors.all().later("never"));
    assert_eq!(error.call::<HouseError>(), Some(HouseError::Closed));
    let error = told(visitors.all().light(2));
    assert_eq!(error.call::<LampError>(), lamp(2).err());
}

#[test]
fn typed_promises_in_every_way() {
    let (api, people) = House::pair();
    serve(&api);
    let enter = || people.all().enter("closed").typed::<HouseError>();
    let closed = TypedError::Call(HouseError::Closed);
    assert_eq!(enter().result_timeout(SOON), Err(closed.clone()));
    let (errors, heard) = std::sync::mpsc::channel();
    enter().then(|_| (), move |error| errors.send(error).unwrap());
    assert_eq!(heard.recv_timeout(SOON).unwrap(), closed);
    let awaited = bounded("an awaited error", {
        let promise = enter();
        move || block_on(promise)
    });
    assert_eq!(awaited, Err(closed));

    // What is no answer.
    let timeout = people.all().timeout(Duration::from_millis(1));
    people.stop().unwrap();
    let typed = timeout.store().typed::<DiskError>();
    let error = bounded("the stop", move || typed.result()).unwrap_err();
    assert!(matches!(error, TypedError::Other(_)), "{error}");
    assert!(!error.to_string().is_empty() && TypedError::<DiskError>::Other(Error::Done) != error);
    let (promise, resolver) = Promise::<u8>::pair();
    let typed = promise.typed::<DiskError>();
    assert!(typed.try_result().is_none());
    resolver.set_error(DiskError { bytes: 1 }).unwrap();
    // A resolver knows of no declaration.
    assert!(matches!(
        typed.try_result(),
        Some(Err(TypedError::Other(Error::Call(_))))
    ));
}

fn block_on<F: Future>(future: F) -> F::Output {
    struct Thread(std::thread::Thread);
    impl std::task::Wake for Thread {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Thread(std::thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(output) => return output,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}

/// A type that answers later, or not.
struct Keeper;

impl HouseIncoming for Keeper {
    fn light(&self, _sender: &Sender, lamp: u8) -> Result<bool, LampError> {
        self::lamp(lamp)
    }

    fn enter(&self, _sender: &Sender, room: &str) -> Result<u32, HouseError> {
        house(room)
    }

    fn later(&self, _sender: &Sender, room: &str) -> Result<Promise<u32>, HouseError> {
        match room {
            "hall" => Ok(Promise::ready(5)),
            "failed" => Ok(Promise::failed(WireError::Cut(1).into())),
            _ => Err(HouseError::Closed),
        }
    }

    fn store(&self, _sender: &Sender) -> Result<u32, DiskError> {
        Err(DiskError { bytes: 5 })
    }

    fn words(&self, _sender: &Sender, text: &str) -> Result<i64, BoxError> {
        match text {
            "1" => Err(HouseError::Closed)?,
            "2" => Err(CallError::from(HouseError::Closed))?,
            "3" => Err(Error::from(WireError::Cut(3)))?,
            text => Ok(text.parse()?),
        }
    }

    fn slowly(&self, _sender: &Sender) -> Promise<u32> {
        let (promise, resolver) = Promise::pair();
        std::thread::spawn(move || resolver.set_result(7));
        promise
    }

    fn warmth(&self, _sender: &Sender) -> Result<f64, HouseError> {
        Err(HouseError::Closed)
    }

    fn set_warmth(&self, _sender: &Sender, value: &f64) -> Result<(), HouseError> {
        match *value > 10.0 {
            true => Err(HouseError::Fuse {
                watts: *value,
                place: Some("cellar".into()),
            }),
            false => Ok(()),
        }
    }
}

#[test]
fn a_shared_server_fails_with_them_and_answers_later() {
    let keeper = Arc::new(Keeper);
    let (api, people) = House::pair();
    api.serve(Arc::clone(&keeper));
    errors_travel(&people);
    assert_eq!(settled(people.all().slowly()).unwrap(), 7);
    let error = told(people.all().warmth());
    assert_eq!(error.call::<HouseError>(), Some(HouseError::Closed));
    let (api, people) = House::pair();
    api.serve(Keeper);
    errors_travel(&people);
}

#[test]
fn what_closures_may_return() {
    let (api, people) = House::pair();
    let all = people.all();
    api.slowly.connect(|_| todo!("in a test"));
    api.light.connect_local(|_, _| unimplemented!());
    let error = call_error(settled(all.slowly()));
    assert_eq!(error.code, CallError::INTERNAL_ERROR);

    // The compiler knows what these are results of.
    api.words.connect(|_, _| Err(CallError::new(7, "no")));
    assert_eq!(told(all.words("")).code(), Some(7));
    let (api, people) = House::pair();
    api.words.connect(|_, text| quickrpc::ok(text.parse()?));
    assert_eq!(settled(people.all().words("5")).unwrap(), 5);
    // Any error beside a promise.
    let resolvers: std::sync::Mutex<Vec<Resolver<u32>>> = std::sync::Mutex::default();
    api.later.connect(move |_, room| {
        Reply::from(match room {
            "boxed" => Err("not now".into()),
            "own" => Err(BoxError::from(HouseError::Closed)),
            _ => {
                let (promise, resolver) = Promise::pair();
                resolver.set_result(1).unwrap();
                resolvers.lock().unwrap().push(resolver);
                Ok(promise)
            }
        })
    });
    assert_eq!(told(people.all().later("boxed")).to_string(), "not now");
    let error = told(people.all().later("own"));
    assert_eq!(error.call::<HouseError>(), Some(HouseError::Closed));
    assert_eq!(settled(people.all().later("")).unwrap(), 1);
}

#[test]
fn errors_show_themselves_and_can_be_compared() {
    let wrong = House::bind("jrpc", "tcpserv::80x").unwrap_err();
    assert_eq!(format!("{wrong:?}"), wrong.to_string());
    assert!(format!("{wrong:?}").ends_with('^'));
    assert_eq!(format!("{:?}", Error::Stopped), "the API is stopped");
    assert_eq!(Error::Stopped, Error::Stopped);
    assert_ne!(Error::Stopped, Error::NotStarted);
    let call = |data: i64| Error::from(CallError::new(1, "a").with_data(data));
    assert_eq!(call(1), call(1));
    assert_ne!(call(1), call(2));
    let io = |kind: std::io::ErrorKind, text: &str| {
        Error::io("reading", std::io::Error::new(kind, text))
    };
    use std::io::ErrorKind::{InvalidData, Other};
    assert_eq!(io(Other, "x"), io(Other, "x"));
    assert_ne!(io(Other, "x"), io(Other, "y"));
    assert_ne!(io(Other, "x"), io(InvalidData, "x"));
    assert_eq!(wrong, House::bind("jrpc", "tcpserv::80x").unwrap_err());
    let free = |text: &str| Error::Config(text.into());
    assert_eq!(free("x"), free("x"));
    assert_ne!(free("the API is stopped"), Error::Stopped);
    assert_eq!(call(1).code(), Some(1));
    assert_eq!(Error::Done.code(), None);
}
