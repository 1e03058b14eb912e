//! How workers live and end: one module per policy. What is judged is what workers write down
//! themselves, what the system says of their processes, and what the pool tells of them.
//!
//! - [`replace`]: a worker that dies costs its own task, or not even that;
//! - [`culprits`]: a worker that dies in a chunk costs one item;
//! - [`moments`]: the same at each moment of its life;
//! - [`breaker`]: workers that never get ready are not replaced for ever;
//! - [`limits`]: tasks that run for too long;
//! - [`kill`]: ending one task;
//! - [`recycling`]: workers that have run enough;
//! - [`retirement`]: workers that retire by a rule of their own;
//! - [`replacements`]: two workers in one place, one after the other;
//! - [`idle`]: workers that have nothing to do;
//! - [`finalizer`]: what a worker does last;
//! - [`hooks`]: what the parent is told, and when;
//! - [`warm_up`]: workers before tasks;
//! - [`places`]: which worker is which;
//! - [`numbers`]: the pool in numbers;
//! - [`events`]: the story of each worker;
//! - [`stages`]: how long each stage of a worker may take;
//! - [`nesting`]: pools inside tasks.

mod breaker;
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
