//! The rows: the measurements, each with its targets.
//!
//! A row is a function from the run to its result. Its module's header describes the measurement, the
//! turns of the contenders and the pitfalls.

mod article;
mod clients;
mod cold_start;
mod death;
mod echo;
mod given;
mod idle;
mod many_workers;
mod map;
pub(crate) mod map_chunks;
pub(crate) mod memory;
mod recycling;
mod round_trip;
mod skew;
pub(crate) mod submit_all;

use crate::bench::Measure;

/// All rows, in the order in which they are measured and shown.
pub(crate) const ROWS: [(&str, Measure); 16] = [
    ("round-trip-one-cpu", round_trip::one_cpu),
    ("round-trip-hot", round_trip::hot),
    ("round-trip-cold", round_trip::cold),
    ("clients", clients::clients),
    ("submit-all", submit_all::submit_all),
    ("map", map::map),
    ("echo", echo::echo),
    ("cold-start", cold_start::cold_start),
    ("workers-256", many_workers::many_workers),
    ("memory", memory::memory),
    ("death", death::death),
    ("skew", skew::skew),
    ("recycling", recycling::recycling),
    ("idle", idle::idle),
    ("given", given::given),
    ("article", article::article),
];
