//! What a handler returns, and what its caller gets.

use std::fmt;

use quickrpc::{BoxError, CallError, Error, Promise, Value, remote_api};
use quickrpc_tests::{Inbox, Lab, bounded, inbox, value};

use crate::{call_error, settled};

/// Kinds of results.
#[remote_api]
trait Results {
    #[incoming]
    fn parse(&self, text: &str) -> i64;

    #[incoming]
    fn check(&self, text: &str) -> Result<i64, CallError>;

    #[incoming]
    fn done(&self) -> ();

    #[incoming]
    fn bytes(&self, count: usize) -> Vec<u8>;

    #[incoming]
    fn maybe_bytes(&self, count: usize) -> Option<Vec<u8>>;

    #[incoming]
    fn both(&self) -> (i64, String);

    #[incoming]
    fn tell(&self, text: &str);
}

#[test]
fn a_plain_value() {
    let (api, caller) = Results::pair();
    api.parse.connect(|_sender, text| text.len() as i64);
    api.both.connect(|_sender| (1, String::from("one")));
    assert_eq!(settled(caller.all().parse("four")).unwrap(), 4);
    assert_eq!(settled(caller.all().both()).unwrap(), (1, "one".into()));
}

#[test]
fn an_error_of_any_type_sends_its_text() {
    let (api, caller) = Results::pair();
    api.parse.connect(|_sender, text| text.parse::<i64>());
    assert_eq!(settled(caller.all().parse("12")).unwrap(), 12);
    let error = call_error(settled(caller.all().parse("twelve")));
    assert_eq!(error.code, CallError::HANDLER_ERROR);
    assert_eq!(error.message, "invalid digit found in string");
}

#[test]
fn question_marks_in_a_closure() {
    let (api, caller) = Results::pair();
    api.parse.connect(|_sender, text| {
        let (left, right) = text.split_once('+').ok_or("no plus")?;
        quickrpc::ok(left.parse::<i64>()? + right.parse::<i64>()?)
    });
    assert_eq!(settled(caller.all().parse("1+2")).unwrap(), 3);
    let error = call_error(settled(caller.all().parse("12")));
    assert_eq!(error.message, "no plus");
}

#[test]
fn a_call_error_keeps_code_message_and_data() {
    let (api, caller) = Results::pair();
    let refusal = || CallError::new(7, "too steep").with_data(value(serde_json::json!([1, "a"])));
    api.parse
        .connect(move |_sender, _text| Err::<i64, _>(refusal()));
    api.check
        .connect(move |_sender, _text| -> Result<i64, BoxError> { Err(refusal().into()) });
    assert_eq!(call_error(settled(caller.all().parse(""))), refusal());
    assert_eq!(call_error(settled(caller.all().check(""))), refusal());
}

#[test]
fn the_errors_of_a_call_passed_on_keep_their_code() {
    let (api, caller) = Results::pair();
    api.parse.connect(|_sender, _text| {
        let passed_on = Error::Call(CallError::new(5, "from further back"));
        Err::<i64, Error>(passed_on)
    });
    let error = call_error(settled(caller.all().parse("")));
    assert_eq!((error.code, &*error.message), (5, "from further back"));
}

#[test]
fn a_promise_answers_later() {
    let (api, caller) = Results::pair();
    let (waiting, resolvers) = inbox();
    api.parse.connect(move |_sender, _text| {
        let (promise, resolver) = Promise::pair();
        waiting.send(resolver).unwrap();
        promise
    });
    let first = caller.all().parse("1");
    let second = caller.all().parse("2");
    let resolvers = resolvers.take(2);
    // The handler holds nothing up, and the order of answers is free.
    resolvers[1].set_result(2).unwrap();
    assert_eq!(settled(second).unwrap(), 2);
    resolvers[0].set_error("no luck").unwrap();
    assert_eq!(call_error(settled(first)).message, "no luck");
}

#[test]
fn a_promise_dropped_unanswered_is_an_internal_error() {
    let (api, caller) = Results::pair();
    api.parse.connect(|_sender, _text| Promise::<i64>::pair().0);
    let error = call_error(settled(caller.all().parse("")));
    assert_eq!(error.code, CallError::INTERNAL_ERROR);
}

#[test]
fn an_acknowledgement() {
    let (api, caller) = Results::pair();
    let (seen, log) = inbox();
    api.done.connect(move |_sender| seen.send(()).unwrap());
    settled(caller.all().done()).unwrap();
    log.next();
}

#[test]
fn bytes() {
    let (api, caller) = Results::pair();
    api.bytes.connect(|_sender, count| vec![0xff; count]);
    api.maybe_bytes
        .connect(|_sender, count| (count > 0).then(|| vec![1; count]));
    assert_eq!(settled(caller.all().bytes(3)).unwrap(), [0xff; 3]);
    assert_eq!(settled(caller.all().maybe_bytes(0)).unwrap(), None);
    assert_eq!(
        settled(caller.all().maybe_bytes(2)).unwrap(),
        Some(vec![1; 2])
    );
}

#[test]
fn a_panic_is_an_error_and_the_next_call_works() {
    let (api, caller) = Results::pair();
    api.parse.connect(|_sender, text| {
        assert_ne!(text, "secret bad input");
        1_i64
    });
    let error = call_error(settled(caller.all().parse("secret bad input")));
    assert_eq!(error.code, CallError::INTERNAL_ERROR);
    // What a panic says is not for others.
    assert!(!error.message.contains("secret"), "{error:?}");
    assert!(!format!("{:?}", error.data).contains("secret"), "{error:?}");
    assert_eq!(settled(caller.all().parse("good")).unwrap(), 1);
}

#[test]
fn a_panic_in_a_notification_harms_nobody() {
    let (api, caller) = Results::pair();
    let (seen, log) = inbox();
    api.tell.connect(|_sender, text| assert_ne!(text, "bad"));
    api.parse.connect(|_sender, _text| 1_i64);
    api.tell.connect(move |_sender, text| {
        seen.send(text.to_owned()).unwrap();
    });
    caller.all().tell("bad").unwrap();
    caller.all().tell("good").unwrap();
    assert_eq!(settled(caller.all().parse("")).unwrap(), 1);
    assert!(log.so_far().contains(&String::from("good")));
}

#[test]
fn a_panicking_error_text_harms_nobody() {
    #[derive(Debug)]
    struct Rude;
    impl fmt::Display for Rude {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("no text for you")
        }
    }
    impl std::error::Error for Rude {}

    let (api, caller) = Results::pair();
    api.parse.connect(|_sender, text| match text {
        "rude" => Err(Rude),
        _ => Ok(1_i64),
    });
    call_error(settled(caller.all().parse("rude")));
    assert_eq!(settled(caller.all().parse("good")).unwrap(), 1);
}

#[test]
fn an_error_of_a_notification_goes_to_on_error() {
    let (api, caller) = Results::pair();
    let errors = errors_of(&api);
    api.tell.connect(|_sender, text| match text {
        "bad" => Err("did not like it"),
        _ => Ok(()),
    });
    caller.all().tell("bad").unwrap();
    assert!(errors.next().contains("did not like it"));
}

#[test]
fn a_result_of_another_type_is_a_bad_result() {
    #[remote_api]
    trait Liar {
        #[incoming]
        #[name = "parse"]
        fn wrong(&self, text: &str) -> Value;
    }
    let bus = format!("internal:{}:", quickrpc_tests::own_bus());
    let liar = Liar::bind("jrpc", bus.as_str()).unwrap();
    liar.wrong.connect(|_sender, _text| Value::from("text"));
    liar.start().unwrap();
    let caller = ResultsInverse::bind("jrpc", bus.as_str()).unwrap();
    caller.start().unwrap();
    let result = settled(caller.all().parse(""));
    assert!(matches!(result, Err(Error::BadResult { .. })), "{result:?}");
}

#[test]
fn closures_over_the_outgoing_half_make_no_cycle() {
    let (lab, caller) = Lab::pair();
    let _served = quickrpc_tests::serve(&lab);
    let (gone, ended) = inbox();
    caller.on_disconnect(move |_peer, _reason| {
        let _ = gone.send(());
    });
    assert_eq!(settled(caller.all().add(1, 1)).unwrap(), 2);
    bounded("dropping", move || drop(lab));
    ended.next();
}

fn errors_of(api: &Results) -> Inbox<String> {
    let (seen, errors) = inbox();
    api.on_error(move |_sender, error, _in_reply_to| {
        let _ = seen.send(error.to_string());
    });
    errors
}
