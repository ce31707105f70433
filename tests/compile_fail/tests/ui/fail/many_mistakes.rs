//! Everything wrong is reported in one build, and its uses add nothing.

use quickrpc::remote_api;

#[remote_api(rename_all = "camel", colour = "red")]
pub trait Echo: Send {
    const VERSION: i64;

    #[incoming]
    #[outgoing]
    async fn say(&self, text: &str);

    #[incoming]
    fn add<T>(&self, a: T, b: T) -> T;

    fn hello(&self);

    #[incoming]
    fn point(&mut self, #[defualt] p: &mut Point, (a, b): (i64, i64)) -> &Point;

    #[outgoing]
    #[name = "a\n"]
    fn into(&self, sender: &str) {}

    /// This one is right.
    #[incoming]
    fn right(&self, a: i64) -> i64;
}

#[derive(serde::Serialize, serde::Deserialize)]
pub struct Point {
    x: i64,
}

struct Server;

impl EchoIncoming for Server {
    fn say(&self, _: &quickrpc::Sender, text: &str) {
        println!("{text}");
    }
    fn add(&self, _: &quickrpc::Sender, a: i64, b: i64) -> i64 {
        a + b
    }
    fn hello(&self, _: &quickrpc::Sender) {}
    fn point(&self, _: &quickrpc::Sender, _: &mut Point, _: (i64, i64)) -> &Point {
        unimplemented!()
    }
    fn right(&self, _: &quickrpc::Sender, a: i64) -> i64 {
        a
    }
}

fn main() {
    let _ = |api: Echo, hub: EchoInverse| {
        api.say.connect(|_, text| println!("{text}"));
        api.add.connect(|_, a, b| a + b);
        api.hello.connect(|_| ());
        api.point.connect(|_, p, (a, b)| p.x + a + b);
        api.right.connect(|_, a| a + 1);
        let sum: i64 = hub.all().add(1, 2).result().unwrap();
        let _ = hub.all().right(sum);
        api.all().say("x").ok();
        api.serve(Server);
    };
}
