// Made by `quickrpc codegen rust` from Lab 0.1.0. Do not edit.
// `Lab` is the side that serves, `LabInverse` the one that calls.

use quickrpc::remote_api;

/// A laboratory.
#[remote_api]
pub trait Lab {
    /// Adds two numbers.
    #[incoming]
    fn add(&self, a: i64, b: Option<i64>) -> i64;

    /// Measures a voltage.
    #[incoming]
    fn measure(&self, channel: i64) -> f64;

    /// Said to everybody.
    #[incoming]
    fn say(&self, text: &str);

    /// Somebody said something.
    #[outgoing]
    fn said(&self, text: &str);

    /// Volts to be held.
    #[incoming(property, writable)]
    fn voltage(&self) -> f64;
}
