//! What a figure depends on besides the code: the machine and the versions.

use std::fs;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::{Outcome, cpus};

/// The head of the results.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// In UTC, as in `2026-01-31T12:00:00Z`.
    pub(crate) date: String,
    pub(crate) cpu: String,
    /// How many CPUs this process may use.
    pub(crate) cpus: usize,
    pub(crate) kernel: String,
    pub(crate) memory_mib: u64,
    pub(crate) rustc: String,
    pub(crate) procpool: String,
}

impl Machine {
    /// Looks at this machine. What cannot be found out is "unknown".
    pub(crate) fn here() -> Outcome<Self> {
        let unknown = || "unknown".to_owned();
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease");
        let rustc = Command::new("rustc").arg("--version").output().ok();
        let rustc = rustc.and_then(|output| String::from_utf8(output.stdout).ok());
        let memory = field("/proc/meminfo", "MemTotal").unwrap_or_default();
        let memory = memory.trim_end_matches(" kB").parse::<u64>().unwrap_or_default();
        Ok(Self {
            date: date(now),
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

/// Writes seconds since 1970 as a date and a time.
fn date(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Years that start in March have their leap day at the end: Howard Hinnant's civil_from_days.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(date(0), "1970-01-01T00:00:00Z");
        assert_eq!(date(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(date(1_709_251_199), "2024-02-29T23:59:59Z");
        assert_eq!(date(1_798_761_600), "2027-01-01T00:00:00Z");
    }

    #[test]
    fn this_machine_has_a_name_and_processors() {
        let machine = Machine::here().unwrap();
        assert!(machine.cpus > 0 && machine.memory_mib > 0);
        assert!(machine.rustc.starts_with("rustc ") || machine.rustc == "unknown");
    }
}
