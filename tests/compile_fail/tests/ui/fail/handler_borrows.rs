//! A handler that borrows what does not live long enough.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    fn say(&self, text: &str);
}

fn main() {
    let _ = |api: Echo| {
        let prefix = String::from("> ");
        api.say.connect(|_, text| println!("{prefix}{text}"));
    };
}
