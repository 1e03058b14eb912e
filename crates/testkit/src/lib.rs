//! Shared helpers of procpool's tests.
//!
//! - [`program`]: the programs in `src/bin` and `examples`, built before they are run;
//! - [`gate`]: how a test and a task wait for each other, by events and never by time;
//! - [`crossing`]: a place where tasks stop until the test releases them;
//! - [`task`]: tasks that many tests run;
//! - [`pool`]: assertions about pools that many tests need;
//! - [`start`]: the start method of a test's pools;
//! - [`trace`]: records of the workers themselves, which do not depend on the pool's reports;
//! - [`os`]: processes, with their descriptors and threads;
//! - [`fault`]: faults, and values that fail to be encoded or decoded;
//! - [`running`], [`bystander`]: a program that a test talks to, and a process that lives on;
//! - [`left`]: leftovers of a pool in its program;
//! - [`sandbox`]: filters that refuse a system call;
//! - [`limits`]: limits on descriptors and processes, for programs that reach them;
//! - [`watch`]: turns a hang into a failure with evidence;
//! - [`circles`]: modules that use each other in a circle;
//! - [`copies`]: processes of one thread, for cases that need one;
//! - [`forked`]: copies of a running process as the subject of a test.
//!
//! The expected behaviour of a pool is in the tests.

pub mod bystander;
pub mod circles;
pub mod copies;
pub mod crossing;
pub mod fault;
pub mod forked;
pub mod gate;
pub mod left;
pub mod limits;
pub mod methods;
pub mod os;
pub mod pool;
pub mod program;
pub mod running;
pub mod sandbox;
pub mod start;
pub mod task;
pub mod trace;
pub mod watch;

/// The README's code, compiled and run as a documentation test.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
