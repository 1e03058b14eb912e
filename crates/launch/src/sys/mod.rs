//! The unsafe fence: spawning, forking, signalling and reaping processes, and inherited descriptors.
//!
//! Everything `unsafe` in this crate is in this folder, behind safe functions. It knows the operating
//! system and nothing of pools. System calls go through `nix`; the few that nix lacks go through the `libc`
//! that nix re-exports.

pub(crate) mod fork;
pub(crate) mod function;
pub(crate) mod inherit;
pub(crate) mod privileges;
pub(crate) mod process;
