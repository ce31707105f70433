//! Two calls of one direction with the same name on the wire.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    fn say(&self, text: &str);

    #[incoming]
    #[name = "say"]
    fn tell(&self, text: &str);

    #[outgoing]
    #[name = "say"]
    fn echo(&self, text: &str);

    #[outgoing]
    #[name = "say"]
    fn call(&self, text: &str);
}

fn main() {
    let _ = |api: Echo, hub: EchoInverse| {
        api.say.connect(|_sender, text| drop(text));
        let _ = hub.all().say("x");
        hub.echo.connect(|_sender, text| println!("{text}"));
        let _ = api.all().echo("y");
    };
}
