//! Failure, typed and immediate: the affected futures fail at once with the cause, and the others do not.
//!
//! - [`panics`]: a task that panics, also where panics abort;
//! - [`initializer`]: an initializer that fails in every way, or never returns;
//! - [`deaths`]: a worker that is killed or exits;
//! - [`codecs`]: values that cannot be encoded or decoded;
//! - [`hostile`]: tasks that tamper with their worker's link;
//! - [`reports`]: the contents of the report of a panic;
//! - [`mismatched`]: types that are read back other than they are written;
//! - [`unlinked`]: tasks that close the descriptors of their worker;
//! - [`waiting`]: tasks that wait for an initializer;
//! - [`moments`]: a worker ends at each moment of its life;
//! - [`links`]: links that end unexpectedly, or carry partly valid frames;
//! - [`deliveries`]: arguments that a worker cannot receive;
//! - [`last_words`]: the last lines of a dead worker's stderr;
//! - [`crowds`]: many failures at once;
//! - [`fatal_codecs`]: values that end the worker that encodes or decodes them;
//! - [`forked`]: copies of the program and of workers, made by fork;
//! - [`loggers`]: loggers that use the pool;
//! - [`sandbox`]: filters that refuse system calls to a worker;
//! - [`thread_locals`]: pools in the destructors of thread-locals;
//! - [`scribbling`]: tasks that write to the memory that their worker shares with the parent.
//!
//! Some of these tests share [`memory`].

mod codecs;
mod crowds;
mod deaths;
mod deliveries;
mod fatal_codecs;
mod forked;
mod hostile;
mod initializer;
mod last_words;
mod links;
mod loggers;
mod memory;
mod mismatched;
mod moments;
mod panics;
mod reports;
mod sandbox;
mod scribbling;
mod thread_locals;
mod unlinked;
mod waiting;
