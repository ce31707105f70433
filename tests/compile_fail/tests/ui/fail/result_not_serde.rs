//! A result that cannot be serialised.

use quickrpc::remote_api;

pub struct Mood;

#[remote_api]
pub trait Echo {
    #[incoming]
    fn mood(&self) -> Result<Mood, String>;
}

fn main() {
    let _ = |api: Echo, hub: EchoInverse| {
        api.mood.connect(|_| Mood);
        let _ = hub.all().mood().result();
    };
}
