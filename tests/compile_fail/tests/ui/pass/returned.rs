//! What handlers may return without saying its type.

use quickrpc::{BoxError, CallError, Promise, Reply, Value, dynamic, remote_api};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
pub struct Full;

impl std::fmt::Display for Full {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("full")
    }
}

impl std::error::Error for Full {}

#[remote_api]
pub trait Store {
    #[incoming]
    fn put(&self, text: &str) -> Result<i64, Full>;
    #[incoming]
    fn tell(&self, text: &str);
    #[incoming(property, writable)]
    fn level(&self) -> f64;
}

fn closures(store: &Store) {
    store.put.connect(|_, _| todo!());
    store.put.connect(|_, _| panic!("never"));
    store.put.connect_local(|_, _| loop {});
    store.put.connect(|_, _| Err(CallError::new(1, "no")));
    store.put.connect(|_, _| Err("no"));
    store.put.connect(|_, _| Err(BoxError::from("no")));
    store.put.connect(|_, text| quickrpc::ok(text.parse()?));
    store.put.connect(|_, text| match text {
        "" => Err(Full),
        text => Ok(text.len() as i64),
    });
    store.put.connect(|_, text| match text {
        "" => Err(Full),
        _ => Ok(Promise::ready(1)),
    });
    store.put.connect(|_, text| match text {
        "" => Reply::Failed("no".into()),
        _ => Reply::Value(1),
    });
    store.put.connect(|_, _| Reply::from(Err("no")));
    store.tell.connect(|_, _| todo!());
    store.level.on_read(|_| todo!());
    store.level.on_write(|_, _| todo!());
}

fn other_side(store: &StoreInverse) {
    store.level.connect(|_, _| todo!());
}

fn without_a_trait(api: &dynamic::Api) {
    api.on("a", |_, _| todo!());
    api.on("b", |_, _| Err::<Value, _>("no"));
}

fn main() {
    let _ = (closures, other_side, without_a_trait);
}
