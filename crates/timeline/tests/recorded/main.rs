//! Recorded pools under each start method: what is written is whole, and in the documented formats.
//!
//! - [`format`]: the rules of the Trace Event Format, for any trace;
//! - [`runs`]: pools in which much goes wrong, and long ones.

mod format;
mod runs;

procpool_testkit::run_in_copies!();
