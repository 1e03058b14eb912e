//! The unsafe fence: processes, signals, sockets, polling, shared memory, and functions as
//! addresses.
//!
//! Everything `unsafe` in this crate is in this folder, behind safe functions. It knows the
//! operating system and nothing of pools, tasks or frames. System calls go through `nix` wherever
//! nix has them; what is left is `libc`, as nix re-exports it.

pub(crate) mod barrier;
pub(crate) mod clock;
pub(crate) mod code;
pub(crate) mod descriptor;
pub(crate) mod filling;
pub(crate) mod fork;
#[cfg(not(loom))]
pub(crate) mod futex;
pub(crate) mod image;
pub(crate) mod lifeline;
pub(crate) mod lineage;
pub(crate) mod memory;
pub(crate) mod packet;
pub(crate) mod pipe;
pub(crate) mod poller;
pub(crate) mod privileges;
pub(crate) mod process;
pub(crate) mod refused;
#[cfg(not(loom))]
pub(crate) mod segment;
#[cfg(loom)]
pub(crate) mod segment_model;
pub(crate) mod signal;
pub(crate) mod socket;
#[cfg(not(loom))]
pub(crate) mod word;
#[cfg(loom)]
pub(crate) mod word_model;
