//! A type that can be sent and not received.

use quickrpc::remote_api;

#[derive(serde::Serialize)]
pub struct Mood;

#[remote_api]
pub trait Echo {
    #[incoming]
    fn say(&self, moods: Option<&[Mood]>);
}

fn main() {}
