//! Start methods: the common behaviour, and that of the methods with a forkserver.
//!
//! - [`alike`]: behaviours under every start method, each in a program of one thread;
//! - [`preload`]: its data is every worker's, and in memory once; its failures;
//! - [`forkserver`]: a forkserver that exits, stops or is refused;
//! - [`replaced`]: a forkserver that dies in a pool that replaces dead workers;
//! - [`sandbox`]: filters that refuse system calls to a forkserver;
//! - [`early`]: programs that are early or late at `init()`, and forkservers with them;
//! - [`streams`]: standard streams that are closed, full or broken;
//! - [`surroundings`]: missing parts of the surroundings are named;
//! - [`orphans`]: the program is killed, and no process stays.
//!
//! The promises of every pool are in `behaviours`, which run under each method.

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
