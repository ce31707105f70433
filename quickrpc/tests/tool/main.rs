//! The program `quickrpc`, run against real servers.

#![allow(unreachable_pub, missing_docs, reason = "a test exports nothing")]

mod bench;
mod calls;
mod generated;
mod listening;
mod run;
mod taps;
mod transcripts;
