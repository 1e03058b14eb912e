//! The speed of the machine without any pool: the figures with which ours are compared.
//!
//! - [`ping_pong`]: 64 bytes there and back over a socket pair, blocking or spinning;
//! - [`child`]: this program as the other process of a limit;
//! - [`codec`]: encoding and decoding in one thread;
//! - [`memcpy`]: copies between warm buffers;
//! - [`rings`]: the same copies, by two threads, from one CPU to the other and back.
//!
//! Nothing here uses the pool.

pub(crate) mod child;
pub(crate) mod codec;
pub(crate) mod memcpy;
pub(crate) mod ping_pong;
pub(crate) mod rings;
