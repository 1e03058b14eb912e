//! Start methods: what is the same under each, and what only those with a server have.
//!
//! - [`alike`]: behaviours under every start method, each in a program of one thread;
//! - [`preload`]: what it leaves is every worker's, and in memory once; how it can fail;
//! - [`server`]: a server that ends, stops or is refused;
//! - [`replaced`]: a server that dies where dead workers are replaced;
//! - [`sandbox`]: filters that refuse a server system calls;
//! - [`early`]: programs that are early or late at `init()`, and servers with them;
//! - [`streams`]: standard streams that are closed, full or broken;
//! - [`surroundings`]: what is missing around the program is named;
//! - [`orphans`]: the program is killed, and nobody stays.
//!
//! What is promised of every pool is in `behaviours`, which are run under each method.

mod alike;
mod early;
mod forkserver;
mod orphans;
mod preload;
mod replaced;
mod sandbox;
mod streams;
mod surroundings;

procpool::init_tests!();
