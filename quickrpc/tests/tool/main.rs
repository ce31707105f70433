//! The program `quickrpc`, run against real servers.

#![allow(unreachable_pub, missing_docs, reason = "a test exports nothing")]

mod bench;
mod bridges;
mod calls;
mod generated;
mod listening;
mod mistakes;
mod run;
mod streams;
mod taps;
mod transcripts;
