//! Handlers that change what they own, though several may run at once. The compiler has no words of ours
//! for it: the documentation of `connect` and the tutorial say what to use.

#![allow(unused, reason = "what the compiler says beside its errors is no matter here")]

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    fn say(&self, text: &str);

    #[incoming]
    fn ping(&self);
}

fn main() {
    let _ = |api: Echo| {
        let mut heard = Vec::new();
        api.say.connect(move |_, text| heard.push(text.to_owned()));
        let mut n = 0;
        api.ping.connect(move |_| n += 1);
        let mut local = 0;
        api.ping.connect_local(move |_| local += 1);
    };
}
