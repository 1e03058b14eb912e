//! The context of the figures: the machine and the versions.

use std::fs;
use std::process::Command;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::{Outcome, cpus};

/// The head of the results.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// In UTC, as in `2026-01-31T12:00:00Z`.
    pub(crate) date: String,
    pub(crate) cpu: String,
    /// The number of CPUs that this process may use.
    pub(crate) cpus: usize,
    pub(crate) kernel: String,
    pub(crate) memory_mib: u64,
    pub(crate) rustc: String,
    pub(crate) procpool: String,
}

impl Machine {
    /// Describes this machine. Unavailable facts are "unknown".
    pub(crate) fn here() -> Outcome<Self> {
        let unknown = || "unknown".to_owned();
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease");
        let rustc = Command::new("rustc").arg("--version").output().ok();
        let rustc = rustc.and_then(|output| String::from_utf8(output.stdout).ok());
        let memory = field("/proc/meminfo", "MemTotal").unwrap_or_default();
        let memory = memory.trim_end_matches(" kB").parse::<u64>().unwrap_or_default();
        Ok(Self {
            date: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            cpu: field("/proc/cpuinfo", "model name").unwrap_or_else(unknown),
            cpus: cpus::count()?,
            kernel: kernel.map_or_else(|_| unknown(), |text| text.trim().to_owned()),
            memory_mib: memory / 1024,
            rustc: rustc.map_or_else(unknown, |text| text.trim().to_owned()),
            // All packages of the workspace have one version.
            procpool: env!("CARGO_PKG_VERSION").to_owned(),
        })
    }
}

/// The value of the first `name: value` in a file of /proc.
fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let (_, value) =
        text.lines().filter_map(|line| line.split_once(':')).find(|(key, _)| key.trim() == name)?;
    Some(value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_a_name_and_processors() {
        let machine = Machine::here().unwrap();
        assert!(machine.cpus > 0 && machine.memory_mib > 0);
        assert!(machine.rustc.starts_with("rustc ") || machine.rustc == "unknown");
    }
}
