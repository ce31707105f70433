//! Nobody answered: null where the type of the result can be read from it, else an error.

use std::fmt;

use quickrpc::{CallError, Value, remote_api};
use serde::{Deserialize, Deserializer, Serialize};

use crate::{call_error, settled};

/// Begins like `Option`, and is none.
#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Options {
    verbose: bool,
}

type Maybe = Option<i64>;

/// Looks like nothing of the kind.
#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Found(Option<String>);

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Done;

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(untagged)]
enum Shape {
    Round(f64),
    None,
}

/// Null is its default, as other languages have it.
#[derive(Serialize, PartialEq, Debug, Default)]
struct Count(u64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let count = Option::<u64>::deserialize(deserializer)?;
        Ok(count.map_or_else(Count::default, Count))
    }
}

/// Refuses to be read by a panic.
#[derive(Serialize, PartialEq, Debug)]
struct Rude;

impl<'de> Deserialize<'de> for Rude {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("not like this")
    }
}

/// Is called `Option`, and is none.
mod own {
    #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
    pub(super) struct Option(i64);
}

#[remote_api]
trait Results {
    #[incoming]
    fn option(&self) -> Option<i64>;
    #[incoming]
    #[expect(unused_qualifications, reason = "it is what is tested")]
    fn option_by_path(&self) -> std::option::Option<i64>;
    #[incoming]
    fn option_alias(&self) -> Maybe;
    #[incoming]
    fn option_of_bytes(&self) -> Option<Vec<u8>>;
    #[incoming]
    fn option_that_may_fail(&self) -> Result<Option<i64>, fmt::Error>;
    #[incoming]
    fn value(&self) -> Value;
    #[incoming]
    fn unit(&self) -> ();
    #[incoming]
    fn boxed(&self) -> Box<Option<i64>>;
    #[incoming]
    fn newtype(&self) -> Found;
    #[incoming]
    fn unit_struct(&self) -> Done;
    #[incoming]
    fn untagged(&self) -> Shape;
    #[incoming]
    fn own_reading(&self) -> Count;

    #[incoming]
    fn options(&self) -> Options;
    #[incoming]
    fn own_option(&self) -> own::Option;
    #[incoming]
    fn integer(&self) -> i64;
    #[incoming]
    fn float(&self) -> f64;
    #[incoming]
    fn text(&self) -> String;
    #[incoming]
    fn bytes(&self) -> Vec<u8>;
    #[incoming]
    fn list(&self) -> Vec<Option<i64>>;
    #[incoming]
    fn pair(&self) -> (Option<i64>, Option<i64>);
    #[incoming]
    fn rude(&self) -> Rude;
}

/// Each call that takes null gives it, in both states: with nobody there, and with somebody
/// to whom it is not.
fn connected(passes: bool) -> (Results, ResultsInverse) {
    let (api, caller) = Results::pair();
    if passes {
        api.option.connect(|_sender| None::<Option<i64>>);
        api.option_by_path.connect(|_sender| None::<Option<i64>>);
        api.option_alias.connect(|_sender| None::<Maybe>);
        api.value.connect(|_sender| None::<Value>);
        api.unit.connect(|_sender| None::<()>);
        api.options.connect(|_sender| None::<Options>);
        api.own_option.connect(|_sender| None::<own::Option>);
        api.integer.connect(|_sender| None::<i64>);
        api.rude.connect(|_sender| None::<Rude>);
    }
    (api, caller)
}

#[test]
fn null_where_the_type_can_be_read_from_it() {
    for passes in [false, true] {
        let (_api, caller) = connected(passes);
        let all = caller.all();
        assert_eq!(settled(all.option()).unwrap(), None);
        assert_eq!(settled(all.option_by_path()).unwrap(), None);
        assert_eq!(settled(all.option_alias()).unwrap(), None);
        assert_eq!(settled(all.option_of_bytes()).unwrap(), None);
        assert_eq!(settled(all.option_that_may_fail()).unwrap(), None);
        assert_eq!(settled(all.value()).unwrap(), Value::Null);
        settled(all.unit()).unwrap();
        assert_eq!(settled(all.boxed()).unwrap(), Box::new(None));
        assert_eq!(settled(all.newtype()).unwrap(), Found(None));
        assert_eq!(settled(all.unit_struct()).unwrap(), Done);
        assert_eq!(settled(all.untagged()).unwrap(), Shape::None);
        assert_eq!(settled(all.own_reading()).unwrap(), Count(0));
    }
}

#[test]
fn an_error_where_it_cannot() {
    for (passes, why) in [
        (false, "nobody is connected to"),
        (true, "no handler answered"),
    ] {
        let (_api, caller) = connected(passes);
        let all = caller.all();
        let errors = [
            ("options", call_error(settled(all.options()))),
            ("own_option", call_error(settled(all.own_option()))),
            ("integer", call_error(settled(all.integer()))),
            ("rude", call_error(settled(all.rude()))),
        ];
        for (name, error) in errors {
            assert_eq!(error.code, CallError::INTERNAL_ERROR, "{name}");
            assert_eq!(error.message, format!("{why} `{name}`"));
        }
    }
    let (_api, caller) = Results::pair();
    let all = caller.all();
    for error in [
        call_error(settled(all.float())),
        call_error(settled(all.text())),
        call_error(settled(all.bytes())),
        call_error(settled(all.list())),
        call_error(settled(all.pair())),
    ] {
        assert_eq!(error.code, CallError::INTERNAL_ERROR, "{error}");
    }
}
