//! How workers live and exit: one module per policy. The tests judge the records of the workers
//! themselves, the system's information on their processes, and the pool's reports.
//!
//! - [`replace`]: a worker that dies costs its own task, or not even that;
//! - [`culprits`]: a worker that dies in a chunk costs one item;
//! - [`moments`]: the same at each moment of its life;
//! - [`breaker`]: workers that never get ready are not replaced forever;
//! - [`backoff`]: delays between failing starts;
//! - [`capacity`]: a queue with a limit, and those that wait for room in it;
//! - [`limits`]: tasks that exceed their time limit;
//! - [`kill`]: ending one task;
//! - [`recycling`]: workers that have run their number of tasks;
//! - [`retirement`]: workers that retire by a rule of their own;
//! - [`replacements`]: two workers in one slot, one after the other;
//! - [`idle`]: idle workers;
//! - [`finalizer`]: the last call of a worker;
//! - [`hooks`]: the calls in the parent, and their times;
//! - [`broadcast`]: functions that every worker runs;
//! - [`warm_up`]: workers before tasks;
//! - [`places`]: the ids of workers;
//! - [`numbers`]: the pool in numbers;
//! - [`events`]: the events of each worker;
//! - [`stages`]: how long each stage of a worker may take;
//! - [`nesting`]: pools inside tasks.

mod backoff;
mod breaker;
mod broadcast;
mod capacity;
mod culprits;
mod events;
mod finalizer;
mod hooks;
mod idle;
mod kill;
mod limits;
mod moments;
pub(super) mod nesting;
mod numbers;
mod places;
mod recycling;
mod replace;
mod replacements;
mod retirement;
mod stages;
mod warm_up;
