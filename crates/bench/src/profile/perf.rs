//! perf(1): recording a load, and reading the samples.
//!
//! Owns the command lines and the format of their output. Knows no steps.

use std::process::{Command, Output, Stdio};

use super::loads::{Done, Load};
use crate::Outcome;

/// The argument that makes this program a load.
pub(super) const PART: &str = "profiled-load";

/// Samples per second and CPU. More disturb more; fewer make small steps uncertain. A prime, so that it
/// does not beat with the kernel's own clock.
pub(super) const HERTZ: u32 = 4_999;

/// The position of a thread at a sample.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) thread: String,
    pub(super) process: u32,
    pub(super) symbol: String,
    pub(super) in_kernel: bool,
}

/// Runs a load under perf.
pub(super) fn record(load: &Load) -> Outcome<(Done, Vec<Sample>)> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("perf.data");
    let mut record = Command::new("perf");
    record.args(["record", "--quiet", "--event", "cpu-clock", "--freq", &HERTZ.to_string()]);
    record.arg("--output").arg(&data).arg("--").arg(std::env::current_exe()?);
    let output = ask(record.args([PART, load.name]))?;
    let done = serde_json::from_slice(&output.stdout)?;
    let mut script = Command::new("perf");
    script.arg("script").arg("--input").arg(&data).args(["--fields", "comm,pid,tid,ip,sym,dso"]);
    let output = ask(&mut script)?;
    let samples = String::from_utf8(output.stdout)?.lines().filter_map(sample).collect();
    Ok((done, samples))
}

fn ask(command: &mut Command) -> Outcome<Output> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("perf cannot be run ({error}); Debian has it in linux-perf"))?;
    if output.status.success() {
        return Ok(output);
    }
    Err(format!("perf failed: {}", String::from_utf8_lossy(&output.stderr).trim()).into())
}

/// Reads `thread pid/tid address symbol (file)`.
fn sample(line: &str) -> Option<Sample> {
    let line = line.trim();
    let (rest, file) = line.strip_suffix(')')?.rsplit_once(" (")?;
    let mut words = rest.splitn(2, '/');
    let (thread, process) = words.next()?.rsplit_once(' ')?;
    let (_tid, place) = words.next()?.split_once(' ')?;
    let (_address, symbol) = place.trim().split_once(' ')?;
    Some(Sample {
        thread: thread.trim().to_owned(),
        process: process.parse().ok()?,
        symbol: symbol.to_owned(),
        in_kernel: file.starts_with("[kernel") || file.starts_with("[guest.kernel"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_perf_are_read() {
        let line = " procpool-manage 7/9   55d0 procpool_link::ring::RingWriter::put (/a/b (c))";
        let expected = Sample {
            thread: "procpool-manage".into(),
            process: 7,
            symbol: "procpool_link::ring::RingWriter::put".into(),
            in_kernel: false,
        };
        assert_eq!(
            sample("exe 7/7 ffff do_syscall_64 ([kernel.kallsyms])").unwrap().symbol,
            "do_syscall_64"
        );
        assert!(sample("exe 7/7 ffff do_syscall_64 ([kernel.kallsyms])").unwrap().in_kernel);
        assert_eq!(sample(&line.replace(" (c)", "")), Some(expected));
        assert_eq!(sample(""), None);
    }
}
