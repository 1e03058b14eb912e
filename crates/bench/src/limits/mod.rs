//! What the machine can do without any pool: the figures that ours are held against.
//!
//! - [`ping_pong`]: 64 bytes there and back over a socket pair, blocking or spinning;
//! - [`child`]: what this program is when a limit needs another process;
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
