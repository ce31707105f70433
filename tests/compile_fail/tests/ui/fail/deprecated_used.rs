//! Whoever uses a deprecated call is told, on either side; whoever serves it is not.
#![deny(deprecated)]

use quickrpc::{Sender, remote_api};

#[remote_api]
pub trait Echo {
    #[incoming]
    #[deprecated = "use `tell`"]
    fn say(&self, text: &str);

    #[outgoing]
    #[deprecated(note = "nobody listens")]
    fn echo(&self, text: &str) -> i64;
}

struct Server;

impl EchoIncoming for Server {
    fn say(&self, _: &Sender, _text: &str) {}
}

fn call(server: &impl EchoIncoming, sender: &Sender) {
    server.say(sender, "x");
}

fn main() {
    let (api, caller) = Echo::pair();
    api.serve(Server);
    api.say.connect(|sender, _| call(&Server, sender));
    caller.echo.connect(|_, _| 5);
    caller.all().say("x").ok();
    let _ = api.all().echo("x");
    let _ = api.all().each().echo("x");
}
