//! Calls that are sent from the side that receives them.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    fn say(&self, text: &str);

    #[incoming]
    fn add(&self, a: i64, b: i64) -> i64;

    #[outgoing]
    fn echo(&self, text: &str);

    /// What every type has is still that.
    #[incoming]
    fn clone(&self) -> i64;
}

fn main() {
    let _ = |api: Echo, hub: EchoInverse| {
        let _ = api.all().say("x");
        let _ = api.to("hub").add(1, 2).result();
        let _ = hub.all().echo("x");
        let _: EchoOutgoing = api.all().clone();
        let _ = hub.all().add(1, 2).result();
    };
}
