//! The results of many made-up workers: the data, and its parts of a page of the book.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::Outcome;
use crate::machine::Machine;

/// The results of a run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Scale {
    pub(crate) machine: Machine,
    pub(crate) command: String,
    pub(crate) limits: Limits,
    /// Why no larger pool was measured.
    pub(crate) ended_by: String,
    pub(crate) stars: Vec<Star>,
    pub(crate) networks: Vec<Network>,
    pub(crate) nested: Nested,
}

/// What one process may have.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Limits {
    pub(crate) descriptors: u64,
    /// The most descriptors that the kernel would permit.
    pub(crate) most_descriptors: u64,
    pub(crate) mappings: u64,
}

/// A pool on made-up hosts.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Star {
    pub(crate) workers: usize,
    /// Until all workers have started, in seconds: by the clock, and the CPU time of the manager.
    pub(crate) start: f64,
    pub(crate) start_cpu: f64,
    /// For each worker; memory in bytes.
    pub(crate) descriptors: f64,
    pub(crate) mappings: f64,
    pub(crate) resident: f64,
    /// The same after all tasks.
    pub(crate) resident_after: f64,
    pub(crate) address_space: f64,
    pub(crate) paced: Loaded,
    pub(crate) saturated: Loaded,
}

/// A closed loop of tasks.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Loaded {
    pub(crate) tasks: usize,
    /// By the clock.
    pub(crate) seconds: f64,
    /// CPU time of the threads for each task, in µs.
    pub(crate) manager: f64,
    pub(crate) submitting: f64,
    pub(crate) network: f64,
}

/// A pool on real relays of this machine.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Network {
    pub(crate) workers: usize,
    /// For each worker.
    pub(crate) descriptors: f64,
    pub(crate) rounds: Vec<Program>,
}

/// A flat pool, and a pool of pools.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Nested {
    pub(crate) nodes: usize,
    /// How many workers the pool of a node has.
    pub(crate) below: usize,
    /// How many in a round, and how many a node gets at once.
    pub(crate) tasks: u64,
    pub(crate) share: u64,
    pub(crate) flat: Vec<Program>,
    pub(crate) nested: Vec<Program>,
}

/// The threads of a program with a pool on hosts.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Program {
    /// Tasks in a second, by the clock.
    pub(crate) rate: f64,
    /// CPU time for each task, in µs.
    pub(crate) manager: f64,
    pub(crate) submitting: f64,
    pub(crate) server: f64,
}

impl Scale {
    /// Writes `scale.json` into `folder` and returns its path.
    pub(crate) fn write(&self, folder: &Path) -> Outcome<PathBuf> {
        fs::create_dir_all(folder)?;
        let path = folder.join("scale.json");
        fs::write(&path, serde_json::to_string_pretty(self)? + "\n")?;
        Ok(path)
    }
}
