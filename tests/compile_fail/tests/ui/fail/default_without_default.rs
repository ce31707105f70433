//! `#[default]` on a type without `Default`.

use quickrpc::remote_api;

#[derive(serde::Serialize, serde::Deserialize)]
pub struct Mood;

#[remote_api]
pub trait Echo {
    #[incoming]
    fn say(&self, #[default] mood: Mood);
}

fn main() {}
