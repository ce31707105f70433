//! A type that cannot be serialised.

use quickrpc::remote_api;

pub struct Mood;

#[remote_api]
pub trait Echo {
    #[incoming]
    fn say(&self, mood: Mood, text: &str);

    #[outgoing]
    fn echo(&self, text: &str);
}

fn main() {
    let _ = |api: Echo, hub: EchoInverse| {
        api.say.connect(|_, mood, text| drop((mood, text.len())));
        let _ = hub.all().say(Mood, "x");
    };
}
