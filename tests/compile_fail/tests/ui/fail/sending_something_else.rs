//! Sending with other arguments than declared.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[outgoing]
    fn echo(&self, text: &str, times: i64);

    #[incoming]
    fn say(&self, text: &str);
}

fn main() {
    let _ = |api: Echo| {
        let _ = api.all().echo(5, "x");
        let _ = api.all().echo("x");
        let _ = api.all().say("x");
        let _ = api.echo.connect(|_, _, _| ());
    };
}
