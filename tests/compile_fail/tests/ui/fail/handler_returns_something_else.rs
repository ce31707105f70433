//! Handlers that return another type than declared.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    fn add(&self, a: i64, b: i64) -> i64;

    #[incoming]
    fn say(&self, text: &str);

    #[incoming]
    fn find(&self, name: &str) -> Option<i64>;
}

fn main() {
    let _ = |api: Echo| {
        api.add.connect(|_, a, b| format!("{}", a + b));
        api.say.connect(|_, text| text.len());
        api.find.connect(|_, name| name.len());
    };
}
