//! Calls that run beside each other: those of methods that are declared `concurrent`, where handlers
//! run on workers.
//!
//! Such a call has its turn in the lane of its peer like any other, so that it begins after those
//! that were sent before; but it only begins there, and goes on as an item of a mailbox of its own,
//! in a lane of its own. What depends on a lane is told here by other means: a cancel finds the call
//! in the table of those that are answered later, and its peer owes an answer meanwhile.

mod run;
pub(crate) mod table;
