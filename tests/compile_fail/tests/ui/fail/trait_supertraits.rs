//! A trait with supertraits.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo: Send + Sync {
    #[incoming]
    fn say(&self, text: &str);

    #[outgoing]
    fn echo(&self, text: &str);
}

fn main() {
    let _ = |api: Echo, hub: EchoInverse| {
        api.say.connect(|_sender, text| drop(text.len()));
        let _ = hub.all().say("x");
        hub.echo.connect(|_sender, text| println!("{text}"));
        let _ = api.all().echo("y");
    };
}
