//! What the tests of procpool share.
//!
//! - [`program`]: the programs in `src/bin` and `examples`, built before they are run;
//! - [`gate`]: how a test and a task wait for each other, by events and never by time;
//! - [`crossing`]: a place where tasks stop until the test lets them go on;
//! - [`task`]: tasks that many tests run;
//! - [`pool`]: what many tests ask of a pool;
//! - [`start`]: how the workers of a test's pools are started;
//! - [`trace`]: what workers write down themselves, so that nobody has to take the pool's word;
//! - [`os`]: who is alive, with which descriptors and threads;
//! - [`fault`]: what can go wrong, and values that go wrong on their way;
//! - [`running`], [`bystander`]: a program that a test talks to, and a process that lives on;
//! - [`left`]: what a pool leaves behind in its program;
//! - [`sandbox`]: filters that refuse a system call;
//! - [`limits`]: limits on descriptors and processes, for programs that run into them;
//! - [`watch`]: turns a hang into a failure with evidence;
//! - [`circles`]: modules that use each other in a circle;
//! - [`copies`]: where cases run that need a process of one thread;
//! - [`forked`]: copies of a running process, which are themselves what is tested.
//!
//! What a pool is expected to do is in the tests.

pub mod bystander;
pub mod circles;
pub mod copies;
pub mod crossing;
pub mod fault;
pub mod forked;
pub mod gate;
pub mod left;
pub mod limits;
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
