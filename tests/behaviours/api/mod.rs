//! The promises of a pool when nothing fails: one module per part of the interface.
//!
//! - [`awaiting`] and [`stream`]: asynchronous code, under each of the [`executors`];
//! - [`builder`]: the number of workers, and the times at which they are started;
//! - [`submit`]: the functions and values that can be sent;
//! - [`future`]: a task from pending to its result;
//! - [`callbacks`]: callbacks of settled futures, and the calls that they may make;
//! - [`cancel`]: the effects of cancelling, and their limits;
//! - [`map`]: many items, results in their order;
//! - [`chunks`]: the number of items in a chunk;
//! - [`inputs`]: the input of a map;
//! - [`queue`]: pending tasks;
//! - [`progress`]: reports of running tasks;
//! - [`readings`]: the state and results of a future;
//! - [`reentry`]: user code that the pool calls, and that calls the pool;
//! - [`several`]: several pools at once;
//! - [`values`]: encoding, decoding and dropping of arguments and results;
//! - [`buffersize`], [`unordered`], [`timeout`]: the other options of a map;
//! - [`places`]: the workers' environment and output;
//! - [`state`]: the initializer's value, for every task of its worker;
//! - [`threads`]: one pool, many threads;
//! - [`unfit`]: types and functions that cannot be sent as they are, and the remedy;
//! - [`wait`]: waiting for many futures.

mod awaiting;
mod buffersize;
mod builder;
mod callbacks;
mod cancel;
mod chunks;
mod executors;
mod future;
mod inputs;
mod map;
mod places;
mod progress;
mod queue;
mod readings;
mod reentry;
mod several;
mod state;
mod stream;
mod submit;
mod threads;
mod timeout;
mod unfit;
mod unordered;
mod values;
mod wait;
