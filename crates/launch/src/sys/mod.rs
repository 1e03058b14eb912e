//! The unsafe fence: spawning, copying, signalling and reaping processes, and what they inherit.
//!
//! Everything `unsafe` in this crate is in this folder, behind safe functions. It knows the operating
//! system and nothing of pools. System calls go through `nix` wherever nix has them; what is left is
//! `libc`, as nix re-exports it.

pub(crate) mod fork;
pub(crate) mod function;
pub(crate) mod inherit;
pub(crate) mod lifeline;
pub(crate) mod packet;
pub(crate) mod privileges;
pub(crate) mod process;
