//! The command that starts all relays, and how it ends.
//!
//! Owns the template, the presets, and the command's process, whose stderr is passed on and of which the last
//! lines are kept. Knows no engine: a preset is a template and a default for the number of workers.

use std::ffi::{OsStr, OsString};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal, killpg};
use nix::unistd::Pid;
use procpool_capture::{Captured, Stderr};
use procpool_launch::OpenOutput;
use procpool_os::signal::{block_all, set_mask};

use crate::address::towards;
use crate::handshake::Secret;
use crate::relay::{ADDRESS, RELAY_ARGUMENT, SECRET, host_name};
use crate::sys::end_with_this_thread;

/// How long a host may be silent. Shorter loses hosts to a stalled network; longer delays the failure of the
/// calls that a lost host ran, and leaves its workers running for longer. Every process notices within one
/// second more.
const SILENCE: Duration = Duration::from_secs(4);

/// How many lines of the command's stderr an error has.
const LINES: usize = 10;

/// How long the command may take to end: once its relays have, and once it was asked to.
pub(crate) const END: Duration = Duration::from_secs(2);

/// Starts the workers of a pool on other hosts. Set by [`OnHosts::launcher`](crate::OnHosts::launcher).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// let launcher = procpool_hosts::srun().arg("--partition=short").workers(64);
/// let launcher = launcher.silence(Duration::from_secs(2));
/// ```
#[derive(Debug, Clone)]
pub struct Launcher {
    template: Vec<OsString>,
    workers: Option<usize>,
    /// The variables with the number of workers that an allocation has, and with its nodes.
    allocation: Option<[&'static str; 2]>,
    address: Option<IpAddr>,
    silence: Duration,
}

/// Starts the workers with `srun`, as many as the allocation has tasks (`SLURM_NTASKS`).
///
/// One command starts all of them; inside an allocation that takes some 0.1 s. `srun` takes the environment
/// along, and with it the secret of the run, unless `--export` says otherwise. To outlive the death of a host, the
/// allocation needs `--no-kill`, too.
///
/// # Examples
///
/// ```
/// let launcher = procpool_hosts::srun().arg("--bcast=/tmp/program");
/// ```
pub fn srun() -> Launcher {
    // The death of a worker or of a host is not the others'. srun would read the program's stdin.
    let alone = ["--kill-on-bad-exit=0", "--no-kill"];
    // On fewer workers than the allocation has nodes, srun would remark.
    let size = ["--ntasks={n}", "--nodes=1-{n}"];
    let template = ["srun", size[0], size[1], "--input=none", alone[0], alone[1], "{relay}"];
    Launcher { allocation: Some(["SLURM_NTASKS", "SLURM_JOB_NODELIST"]), ..command(template) }
}

/// Starts the workers with `mpiexec`, which needs no program that is linked to MPI.
///
/// # Examples
///
/// ```
/// let launcher = procpool_hosts::mpiexec().workers(8);
/// ```
pub fn mpiexec() -> Launcher {
    command(["mpiexec", "-n", "{n}", "{relay}"])
}

/// Starts the workers with this command, given as its arguments.
///
/// `{n}` stands for the number of workers. `{relay}` stands for what each of them is: as an argument of its own, for this
/// executable and its argument; as a part of one, for the same as text that a shell understands.
///
/// # Examples
///
/// ```
/// let launcher = procpool_hosts::command(["chrt", "--batch", "0", "{relay}"]).workers(1);
/// ```
pub fn command<A: Into<OsString>>(arguments: impl IntoIterator<Item = A>) -> Launcher {
    Launcher {
        template: arguments.into_iter().map(Into::into).collect(),
        workers: None,
        allocation: None,
        address: None,
        silence: SILENCE,
    }
}

/// Starts the workers with a line for `sh`; see [`command`] for what its placeholders stand for.
///
/// # Examples
///
/// ```
/// let line = "for i in $(seq {n}); do {relay} & done; wait";
/// let launcher = procpool_hosts::shell(line).workers(2);
/// ```
pub fn shell(line: &str) -> Launcher {
    command(["/bin/sh", "-c", line])
}

impl Launcher {
    /// Sets how many workers the command starts.
    ///
    /// The default is what the allocation has, for [`srun`], or else the number of CPUs that this program
    /// may use.
    ///
    /// # Examples
    ///
    /// See [`Launcher`].
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// Adds an argument, before `{relay}`.
    ///
    /// # Examples
    ///
    /// See [`Launcher`].
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        let before = self.template.iter().position(|argument| argument == "{relay}");
        let before = before.unwrap_or(self.template.len());
        self.template.insert(before, argument.into());
        self
    }

    /// Sets the address to which the workers dial back. It is one of this machine's, and the program listens there.
    ///
    /// The default for [`srun`] is the address of the interface through which this machine reaches the other nodes
    /// of its allocation, or else that of this machine's name. For every other launcher, and if that is all this
    /// machine's own, the default is the loopback interface, which only processes of this machine reach.
    ///
    /// # Examples
    ///
    /// ```
    /// let launcher = procpool_hosts::srun().address([10, 0, 0, 1].into());
    /// ```
    pub fn address(mut self, address: IpAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// Sets how long a host may be silent; 4 seconds by default. Each side notices within one second more that it was longer.
    ///
    /// # Examples
    ///
    /// See [`Launcher`].
    pub fn silence(mut self, silence: Duration) -> Self {
        self.silence = silence;
        self
    }

    pub(crate) fn longest_silence(&self) -> Duration {
        self.silence
    }

    pub(crate) fn listen_address(&self) -> SocketAddr {
        let of_allocation = || {
            let [_, nodes] = self.allocation?;
            std::env::var(nodes)
                .ok()
                .and_then(|nodes| towards(&nodes))
                .or_else(|| towards(&host_name()))
        };
        let address = self.address.or_else(of_allocation);
        SocketAddr::new(address.unwrap_or(Ipv4Addr::LOCALHOST.into()), 0)
    }

    /// How many workers the command starts.
    pub(crate) fn count(&self) -> usize {
        let of_allocation = || std::env::var(self.allocation?[0]).ok()?.parse().ok();
        let of_machine = || std::thread::available_parallelism().map_or(1, usize::from);
        self.workers.or_else(of_allocation).unwrap_or_else(of_machine)
    }

    /// The arguments of the command that starts `workers` relays.
    fn arguments(&self, program: &OsStr, workers: usize) -> Vec<OsString> {
        let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
        let text = format!("{} {RELAY_ARGUMENT}", quoted(&program.to_string_lossy()));
        let replace = |argument: &OsString| match argument.to_str() {
            Some("{relay}") => vec![program.to_owned(), RELAY_ARGUMENT.into()],
            Some(other) => {
                let other = other.replace("{n}", &workers.to_string());
                vec![other.replace("{relay}", &text).into()]
            }
            None => vec![argument.clone()],
        };
        self.template.iter().flat_map(replace).collect()
    }

    /// Starts the command, with this signal mask. Its relays dial `address`.
    pub(crate) fn start(
        &self,
        workers: usize,
        address: SocketAddr,
        secret: &Secret,
        mask: &SigSet,
    ) -> io::Result<Running> {
        let program = std::env::current_exe()?;
        let arguments = self.arguments(program.as_os_str(), workers);
        let Some((name, rest)) = arguments.split_first() else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is empty"));
        };
        let system = |error: procpool_launch::StartError| io::Error::from(error.errno);
        let stderr = Stderr::start(LINES, OpenOutput::Inherit).map_err(system)?;
        let (captured, theirs) = stderr.capture(0).map_err(system)?;
        let mut command = Command::new(name);
        command
            .args(rest)
            .env(ADDRESS, address.to_string())
            .env(SECRET, secret.to_text())
            .stdin(Stdio::null())
            .stderr(theirs)
            // Signals for the program, such as that of Ctrl-C, are the program's to pass on.
            .process_group(0);
        // A command that waits in a queue would start relays for nobody.
        end_with_this_thread(&mut command);
        // A shell, for one, learns of its children by a signal. This thread has them all blocked, and the command
        // inherits that.
        set_mask(mask);
        let child = command.spawn();
        block_all();
        let child = child?;
        Ok(Running { child, ended: None, stderr, captured })
    }
}

/// A command that was started. Dropping it ends the command.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    ended: Option<ExitStatus>,
    stderr: Stderr,
    captured: Captured,
}

impl Running {
    /// Returns how the command has ended, with its last lines, or `None` while it runs.
    pub(crate) fn ended(&mut self) -> Option<(ExitStatus, String)> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().ok()?;
        }
        self.ended.map(|status| (status, self.captured.last_lines()))
    }

    fn wait_until(&mut self, deadline: Instant) {
        while self.ended().is_none() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let group = Pid::from_raw(self.child.id().cast_signed());
        for signal in [Signal::SIGTERM, Signal::SIGKILL] {
            if self.ended().is_some() {
                break;
            }
            // The leader is not reaped, so the number is still the group's.
            let _ = killpg(group, signal);
            self.wait_until(Instant::now() + END);
        }
        self.stderr.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(launcher: &Launcher, program: &str) -> Vec<String> {
        let arguments = launcher.arguments(OsStr::new(program), 3);
        arguments.into_iter().map(|argument| argument.into_string().unwrap()).collect()
    }

    #[test]
    fn placeholders_become_arguments_or_text_for_a_shell() {
        let srun = srun().arg("--partition=short");
        let expected = [
            "srun",
            "--ntasks=3",
            "--nodes=1-3",
            "--input=none",
            "--kill-on-bad-exit=0",
            "--no-kill",
            "--partition=short",
            "/a b",
            "--procpool-relay",
        ];
        assert_eq!(arguments(&srun, "/a b"), expected);
        let line = shell("seq {n}; {relay}");
        let expected = ["/bin/sh", "-c", r"seq 3; '/a'\''b' --procpool-relay"];
        assert_eq!(arguments(&line, "/a'b"), expected);
    }

    #[test]
    fn the_number_of_workers_is_the_callers_or_the_machines() {
        assert_eq!(shell("").workers(7).count(), 7);
        assert!(shell("").count() >= 1);
    }
}
