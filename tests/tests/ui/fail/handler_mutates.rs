//! A handler that changes what it owns, though several may run at once.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    fn say(&self, text: &str);
}

fn main() {
    let _ = |api: Echo| {
        let mut heard = Vec::new();
        api.say.connect(move |_, text| heard.push(text.to_owned()));
    };
}
