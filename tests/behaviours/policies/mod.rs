//! How workers live and exit: one module per policy. The tests judge the records of the workers
//! themselves, the system's information on their processes, and the pool's reports.
//!
//! - [`replace`]: a worker that dies costs its own task, or not even that;
//! - [`culprits`]: a worker that dies in a chunk costs one item;
//! - [`moments`]: the same at each moment of its life;
//! - [`breaker`]: workers that never get ready are not replaced forever;
//! - [`backoff`]: delays between failing starts;
//! - [`capacity`]: a queue with a limit: what takes its room and what makes room;
//! - [`room`]: submissions that wait for room in a full queue;
//! - [`affinity`]: tasks with a key, and the workers that they prefer or wait for;
//! - [`limits`]: tasks that exceed their time limit;
//! - [`kill`]: ending one task;
//! - [`recycling`]: workers that have run their number of tasks;
//! - [`retirement`]: workers that retire by a rule of their own;
//! - [`replacements`]: two workers in one slot, one after the other;
//! - [`overlap`]: replacements that get ready beside the workers that they replace;
//! - [`idle`]: idle workers;
//! - [`finalizer`]: the last call of a worker;
//! - [`hooks`]: the calls in the parent, and their times;
//! - [`broadcast`]: functions that every worker runs;
//! - [`broadcast_order`]: their turn among tasks that wait for a worker, and in workers that retire;
//! - [`warm_up`]: workers before tasks;
//! - [`places`]: the ids of workers;
//! - [`numbers`]: the pool in numbers;
//! - [`events`]: the events of each worker;
//! - [`stages`]: how long each stage of a worker may take;
//! - [`nesting`]: pools inside tasks.

mod affinity;
mod backoff;
mod breaker;
mod broadcast;
mod broadcast_order;
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
mod overlap;
mod places;
mod recycling;
mod replace;
mod replacements;
mod retirement;
mod room;
mod stages;
mod warm_up;
