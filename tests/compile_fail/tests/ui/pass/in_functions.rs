//! Traits inside of functions, several with the same name, and made by a macro.
#![deny(warnings)]

use quickrpc::remote_api;

fn one() {
    #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
    struct Point {
        x: i64,
    }

    #[remote_api]
    trait Local {
        #[incoming]
        fn mirror(&self, point: Point) -> Point;
    }

    let _ = |api: Local| api.mirror.connect(|_, point| Point { x: -point.x });
}

fn two() {
    #[remote_api]
    trait Local {
        #[outgoing]
        fn tell(&self, what: &str);
    }

    let _ = |api: Local| {
        let _ = api.to("somebody").tell("x");
    };
}

macro_rules! declare {
    ($vis:vis $name:ident, $method:ident, $ty:ty, $result:ty) => {
        #[remote_api]
        $vis trait $name {
            #[incoming]
            fn $method(&self, argument: $ty, bytes: &[u8]) -> $result;
            #[outgoing]
            fn out(&self, argument: $ty) -> Option<$result>;
        }
    };
}

declare!(pub(crate) Made, made, &str, Vec<u8>);
declare!(Numbers, numbers, i64, i64);

fn main() {
    one();
    two();
    let _ = |api: Made, numbers: Numbers| {
        api.made.connect(|_, text, _| text.as_bytes().to_vec());
        let _ = api.all().out("x");
        numbers.numbers.connect(|_, a, _| a + 1);
        let _ = numbers.all().out(1);
    };
}
