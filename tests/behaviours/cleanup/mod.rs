//! Nothing is left behind or disturbed: processes, descriptors, threads, streams and signals, seen from
//! outside the pool.
//!
//! - [`descriptors`]: their number, and their owners;
//! - [`signals`]: signals for the program, in workers and in the programs that tasks start;
//! - [`streams`]: stdin, stdout and stderr of workers;
//! - [`deaths`]: a worker's death is seen even if another process holds its socket or collects its status;
//! - [`groups`]: processes that a task started, when its worker exits;
//! - [`nested`]: programs and pools inside tasks.

mod deaths;
mod descriptors;
mod groups;
mod nested;
mod signals;
mod streams;
