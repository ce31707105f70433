//! What comes through a macro and is no string is underlined where it was written.

use quickrpc::remote_api;

macro_rules! declare {
    ($prefix:literal, $name:expr, $role:tt, $krate:expr) => {
        #[remote_api(prefix = $prefix, crate = $krate, positional)]
        pub trait Echo {
            #[incoming]
            #[name = $name]
            #[require(role = $role)]
            fn say(&self, text: &str);
        }
    };
}

declare!(5, 1 + 2, 'a', f());

fn main() {}
