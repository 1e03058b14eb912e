//! The ends of a pool: by request, by force, and with its program.
//!
//! - [`shutdown`]: the ends of a pool, in all combinations;
//! - [`asked_again`]: ends that are requested more than once;
//! - [`after_drop`]: leftovers after an executor was dropped;
//! - [`terminate`]: ends by force;
//! - [`kill_workers`][]: workers that are killed at once;
//! - [`deaths`]: workers that are killed while their pool ends;
//! - [`parent_ended`]: workers whose parent was killed or interrupted.

mod after_drop;
mod asked_again;
mod deaths;
mod kill_workers;
mod parent_ended;
mod shutdown;
mod terminate;
