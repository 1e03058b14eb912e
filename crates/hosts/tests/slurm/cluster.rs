//! The made-up hosts, and the programs that run there.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::HANG;
use crate::program::{FOLDER, PROGRAM};

/// The tools that the machine needs beside Rust.
const TOOLS: [&str; 8] =
    ["slurmctld", "slurmd", "srun", "salloc", "munged", "ip", "nsenter", "unshare"];

/// Whether hosts can be made here.
pub(crate) fn is_possible() -> bool {
    let exists = |folder: &str, tool: &str| PathBuf::from(folder).join(tool).exists();
    let folders = ["/usr/bin", "/usr/sbin", "/bin", "/sbin"];
    nix::unistd::geteuid().is_root()
        && TOOLS.iter().all(|tool| folders.iter().any(|folder| exists(folder, tool)))
}

/// Five hosts, with Slurm. Dropping it ends everything that runs there.
pub(crate) struct Cluster {
    folder: TempDir,
    script: Child,
    /// The first process of each.
    hosts: BTreeMap<String, u32>,
}

impl Cluster {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/slurm/cluster");
        let mut script = Command::new(script)
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it is executable");
        let mut hosts = BTreeMap::new();
        for line in BufReader::new(script.stdout.take().expect("it is piped")).lines() {
            let line = line.expect("it is text");
            let Some((host, pid)) = line.split_once(' ') else { break };
            hosts.insert(host.to_owned(), pid.parse().expect("it is a number"));
        }
        assert_eq!(hosts.len(), 5, "the hosts did not start");
        Self { folder, script, hosts }
    }

    /// A command on a host.
    fn on(&self, host: &str, name: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--all", "--target", &self.hosts[host].to_string(), "--", name]);
        command.env("SLURM_CONF", self.folder.path().join("slurm.conf"));
        command.env(FOLDER, self.folder.path());
        command
    }

    fn output(&self, host: &str, command: &[&str]) -> String {
        let output = self.on(host, command[0]).args(&command[1..]).output().expect("it runs");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Runs a program of this file on n0, with an allocation of all other hosts.
    pub(crate) fn allocate(&self, program: &str) -> Program<'_> {
        let mut command = self.on("n0", "salloc");
        command.args(["--quiet", "--nodes=4", "--ntasks=8", "--no-kill", "--exclusive"]);
        self.program(command.arg("--"), program)
    }

    /// Runs it without an allocation: `srun` waits for one.
    pub(crate) fn submit(&self, program: &str) -> Program<'_> {
        self.program(&mut self.on("n0", "env"), program)
    }

    fn program(&self, command: &mut Command, program: &str) -> Program<'_> {
        let exe = std::env::current_exe().expect("it is a file");
        command.arg(exe).args([PROGRAM, program]);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("nsenter is there");
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut program = Program { cluster: self, child, output, pid: String::new() };
        let pid = program.line();
        program.pid = pid.strip_prefix("pid ").expect("its first line").to_owned();
        program
    }

    /// Sets the link of a host `up` or `down`.
    pub(crate) fn link(&self, host: &str, how: &str) {
        let status = self.on("n0", "ip").args(["link", "set", &format!("to-{host}"), how]).status();
        assert!(status.is_ok_and(|status| status.success()));
    }

    /// How many bytes have arrived on n0 through the link of a host.
    pub(crate) fn received_from(&self, host: &str) -> u64 {
        let counters = self.output("n0", &["cat", "/proc/net/dev"]);
        let name = format!("to-{host}:");
        let mut words = counters.split_whitespace().skip_while(|word| *word != name);
        words.nth(1).and_then(|bytes| bytes.parse().ok()).expect("the link is there")
    }

    /// Kills the processes with this name on a host; there are some.
    pub(crate) fn kill_on(&self, host: &str, name: &str) {
        let status = self.on(host, "pkill").args(["-KILL", "--exact", name]).status();
        assert!(status.is_ok_and(|status| status.success()), "{host} runs no {name}");
    }

    pub(crate) fn has_file(&self, name: &str) -> bool {
        self.folder.path().join(name).exists()
    }

    /// Makes a file in the folder that all hosts have.
    pub(crate) fn make_file(&self, name: &str) {
        std::fs::write(self.folder.path().join(name), "").expect("the folder is writable");
    }

    /// Ends everything on a host.
    pub(crate) fn kill_host(&self, host: &str) {
        let pid = nix::unistd::Pid::from_raw(self.hosts[host].cast_signed());
        nix::sys::signal::kill(pid, nix::sys::signal::SIGKILL).expect("it runs");
    }

    /// Relays and workers on a host.
    pub(crate) fn processes(&self, host: &str) -> String {
        let exe = std::env::current_exe().expect("it is a file");
        self.output(host, &["pgrep", "--full", "--list-full", &format!("^{}", exe.display())])
    }

    /// The states of Slurm's jobs.
    pub(crate) fn jobs(&self) -> String {
        self.output("n0", &["squeue", "--noheader", "--format=%i %T"])
    }

    pub(crate) fn cancel(&self) {
        self.output("n0", &["scancel", "--user=root"]);
    }

    pub(crate) fn has_no_job(&self) {
        self.until("there is no job", || self.jobs().is_empty());
    }

    pub(crate) fn until(&self, what: &str, holds: impl Fn() -> bool) {
        self.within(HANG, what, holds);
    }

    fn within(&self, bound: Duration, what: &str, holds: impl Fn() -> bool) {
        let start = Instant::now();
        while !holds() {
            assert!(start.elapsed() < bound, "within {bound:?}: {what}; jobs: {}", self.jobs());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until no host runs a process of a pool.
    pub(crate) fn is_left_empty(&self, bound: Duration) {
        let is_empty = || self.hosts.keys().all(|host| self.processes(host).is_empty());
        self.within(bound, "every host is empty", is_empty);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        let _ = self.script.wait();
    }
}

/// A program that runs on n0. Dropping it kills it.
pub(crate) struct Program<'a> {
    cluster: &'a Cluster,
    child: Child,
    output: BufReader<ChildStdout>,
    pid: String,
}

impl Program<'_> {
    /// Its next line.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("it is text");
        line.trim_end().to_owned()
    }

    /// Everything that it still writes.
    pub(crate) fn rest(&mut self) -> String {
        let mut text = String::new();
        self.output.read_to_string(&mut text).expect("it is text");
        text
    }

    pub(crate) fn tell(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().expect("it is piped"), "{line}").expect("it reads");
    }

    /// Waits until it has ended well.
    pub(crate) fn ends(&mut self) {
        assert_eq!(self.rest(), "");
        assert!(self.child.wait().expect("it is a child").success());
    }

    /// Sends it a signal.
    pub(crate) fn kill(&mut self, signal: &str) {
        self.cluster.output("n0", &["kill", &format!("-{signal}"), &self.pid]);
    }
}

impl Drop for Program<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
