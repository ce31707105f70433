//! Where a stream cannot stand.

use quickrpc::{Stream, remote_api};

#[remote_api]
trait Places {
    #[incoming]
    fn told(&self, data: Stream<u8>);

    #[incoming]
    fn several(&self, data: Vec<Stream<u8>>) -> ();

    #[incoming]
    fn lent(&self, data: &Stream<u8>) -> ();

    #[incoming]
    fn alone(&self, #[whole] data: Stream<u8>) -> ();

    #[incoming]
    fn defaulted(&self, #[default] data: Stream<u8>) -> ();

    #[incoming]
    fn deep(&self, data: Stream<Stream<u8>>) -> ();

    #[incoming]
    fn perhaps(&self) -> Option<Stream<u8>>;

    #[incoming(property)]
    fn value(&self) -> Stream<u8>;

    #[incoming]
    fn fine(&self, data: Option<Stream<u8, String>>) -> Result<Stream<u8>, quickrpc::CallError>;
}

fn main() {}
