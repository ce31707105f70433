//! Mistakes in a trait with conditions are reported once, and only those that are there.

use quickrpc::remote_api;

#[remote_api(prefixed = "x")]
pub trait Echo {
    #[incoming]
    #[cfg(all())]
    fn say(&self, text: &mut String);

    #[cfg(any())]
    #[nonsense]
    fn lost(&self, text: &mut String);
}

fn main() {}
