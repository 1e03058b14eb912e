//! What a pool promises when nothing fails: one module per part of the interface.
//!
//! - [`awaiting`]: `.await`, under two kinds of tokio and a bare executor;
//! - [`builder`]: how many workers there may be, and when they are started;
//! - [`submit`]: which functions and values travel;
//! - [`future`]: a task from pending to its result;
//! - [`callbacks`]: what runs when a future has settled, and what it may do;
//! - [`cancel`]: what cancelling affects, and what it does not;
//! - [`map`]: many items, results in their order;
//! - [`chunks`]: how many items travel together;
//! - [`inputs`]: what a map takes;
//! - [`queue`]: what waits for a worker;
//! - [`readings`]: what a future says of itself;
//! - [`reentry`]: user code that the pool calls, and that calls the pool;
//! - [`several`]: several pools at once;
//! - [`values`]: arguments and results on their way;
//! - [`buffersize`], [`unordered`], [`timeout`]: the other options of a map;
//! - [`places`]: the workers' environment and output;
//! - [`state`]: the initializer's value, for every task of its worker;
//! - [`threads`]: one pool, many threads;
//! - [`unfit`]: types and functions that cannot travel as they are, and the remedy;
//! - [`wait`]: waiting for many futures.

mod awaiting;
mod buffersize;
mod builder;
mod callbacks;
mod cancel;
mod chunks;
mod future;
mod inputs;
mod map;
mod places;
mod queue;
mod readings;
mod reentry;
mod several;
mod state;
mod submit;
mod threads;
mod timeout;
mod unfit;
mod unordered;
mod values;
mod wait;
