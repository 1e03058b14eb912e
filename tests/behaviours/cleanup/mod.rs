//! Nothing is left behind, and nothing is disturbed: processes, descriptors, threads, streams and
//! signals, seen from outside the pool.
//!
//! - [`descriptors`]: how many there are, and who has which;
//! - [`signals`]: what workers and the programs that tasks start do with SIGINT;
//! - [`streams`]: stdin, stdout and stderr of workers;
//! - [`deaths`]: a worker's death is seen, whoever holds its socket or collects its status;
//! - [`groups`]: what a task started, when its worker ends;
//! - [`nested`]: programs and pools inside tasks.

mod deaths;
mod descriptors;
mod groups;
mod nested;
mod signals;
mod streams;
