//! Says much on stdout and stops at once.

use quickrpc::Result;
use quickrpc_tests::Lab;

fn main() -> Result<()> {
    let api = Lab::bind("terse", "stdio:")?;
    api.start()?;
    let text = "x".repeat(1 << 10);
    for _ in 0..500 {
        api.all().notified(&text)?;
    }
    api.all().notified("goodbye")?;
    api.stop()
}
