//! More than 16 arguments.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    fn say(&self, a: i8, b: i8, c: i8, d: i8, e: i8, f: i8, g: i8, h: i8, i: i8, j: i8, k: i8, l: i8,
        m: i8, n: i8, o: i8, p: i8, q: i8, r: i8);
}

fn main() {}
