//! A recipe as its user has it: its input, its lines, its processes; and servers for it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use procpool_testkit::os;

/// Python with Debian's packages, not one that the PATH puts before it.
pub(crate) const PYTHON: &str = "/usr/bin/python3";

/// A running program in a process group of its own. Dropping it kills all its processes.
pub(crate) struct Program {
    child: Child,
    /// In the environment of all its processes, whatever group they are in.
    mark: String,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// Reads what it writes to stderr, so that it never waits for a reader; ends with it.
    complaint: Option<JoinHandle<String>>,
}

/// Starts the recipe `name`, a literal.
macro_rules! recipe {
    ($name:literal $(, $argument:expr)* $(,)?) => {
        $crate::support::Program::start(
            std::process::Command::new(env!(concat!("CARGO_BIN_EXE_", $name)))
                .current_dir("/")
                $(.arg($argument))*,
        )
    };
}
pub(crate) use recipe;

impl Program {
    /// Starts `command` with pipes.
    pub(crate) fn start(command: &mut Command) -> Self {
        static STARTED: AtomicU64 = AtomicU64::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let mark = format!("PROCPOOL_RECIPE={}-{number}", std::process::id());
        command.envs(mark.split_once('='));
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn().expect("the program starts");
        let output = BufReader::new(child.stdout.take().expect("it is a pipe"));
        let mut stderr = child.stderr.take().expect("it is a pipe");
        let complaint = Some(std::thread::spawn(move || {
            let mut text = Vec::new();
            // Lines before an error are shown.
            let _ = stderr.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        }));
        Self { input: child.stdin.take(), output, complaint, mark, child }
    }

    /// Starts the Python twin of `name`.
    pub(crate) fn twin(name: &str, arguments: &[&str]) -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("python/{name}.py"));
        let mut command = Command::new(PYTHON);
        Self::start(command.arg(file).args(arguments))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns the numbers of its workers, in order.
    pub(crate) fn workers(&self) -> Vec<u32> {
        let mut pids: Vec<u32> = os::workers_of(self.pid()).into_iter().map(|it| it.pid).collect();
        pids.sort_unstable();
        pids
    }

    /// Sends `signal` to its process group, as a terminal does.
    pub(crate) fn signal_group(&self, signal: Signal) {
        killpg(Pid::from_raw(self.pid() as i32), signal).expect("the group exists");
    }

    /// Returns its processes that have not ended, whoever is their parent.
    fn alive(&self) -> Vec<u32> {
        let numbers = fs::read_dir("/proc").expect("/proc is mounted").flatten();
        let numbers = numbers.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let is_ours = |pid: &u32| {
            // That of a zombie is empty.
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|variable| variable == self.mark.as_bytes())
        };
        numbers.filter(is_ours).collect()
    }

    /// Writes a line to its stdin.
    pub(crate) fn say(&mut self, line: &str) {
        let input = self.input.as_mut().expect("stdin is open");
        writeln!(input, "{line}").expect("the program reads");
    }

    /// Waits for its next line.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("stdout is text");
        if line.is_empty() {
            panic!("the program printed no more lines; on stderr: {}", self.complaint());
        }
        line.trim_end().to_owned()
    }

    /// Waits until nobody has its stderr, and returns what came.
    fn complaint(&mut self) -> String {
        self.complaint.take().and_then(|reader| reader.join().ok()).unwrap_or_default()
    }

    /// Closes its stdin and waits for its end. Returns the exit code, the rest of its lines, and what it
    /// wrote to stderr. Asserts that none of its processes is left.
    pub(crate) fn end(mut self) -> (Option<i32>, String, String) {
        drop(self.input.take());
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).expect("stdout is text");
        let complaint = self.complaint();
        let status = self.child.wait().expect("it is our child");
        assert_eq!(self.alive(), [0; 0], "a process is left");
        (status.code(), rest, complaint)
    }

    /// As [`end`](Self::end), of a program that succeeds: returns the rest of its lines.
    pub(crate) fn succeed(self) -> String {
        let (code, rest, complaint) = self.end();
        assert_eq!(code, Some(0), "{complaint}");
        rest
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        for pid in self.alive() {
            // It fails when the process has ended meanwhile.
            let _ = kill(Pid::from_raw(pid as i32), Signal::SIGKILL);
        }
        let _ = self.child.wait();
    }
}

/// A server. Dropping it ends it.
pub(crate) struct Server {
    child: Child,
    stop: Signal,
    /// Reads what it writes, so that it never waits for a reader; ends with it.
    log: Option<JoinHandle<String>>,
}

impl Server {
    /// Starts it and waits for a line with `ready` on the stream that it logs to.
    pub(crate) fn start(command: &mut Command, ready: &'static str, stop: Signal) -> Self {
        let (log, both) = nix::unistd::pipe().expect("a pipe can be made");
        let log = BufReader::new(fs::File::from(log));
        let second = both.try_clone().expect("a descriptor can be copied");
        command.stdin(Stdio::null()).stdout(both).stderr(second);
        let child = command.spawn().expect("the server is installed");
        // The command keeps the ends for writing until it is used for the next process.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let (sender, receiver) = std::sync::mpsc::channel();
        let log = std::thread::spawn(move || {
            let mut text = String::new();
            for line in log.lines().map_while(Result::ok) {
                text += &(line + "\n");
                if text.contains(ready) {
                    // Nobody waits for the second such line.
                    let _ = sender.send(());
                }
            }
            text
        });
        let mut server = Self { child, stop, log: Some(log) };
        if receiver.recv().is_err() {
            panic!("the server ended:\n{}", server.stop());
        }
        server
    }

    /// Stops or continues it, or asks it for something else.
    pub(crate) fn signal(&self, signal: Signal) {
        os::signal(self.child.id(), signal);
    }

    /// Ends it and returns its log.
    pub(crate) fn stop(&mut self) -> String {
        if let Ok(None) = self.child.try_wait() {
            self.signal(Signal::SIGCONT);
            self.signal(self.stop);
        }
        let _ = self.child.wait();
        self.log.take().and_then(|log| log.join().ok()).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Returns a port of the loopback interface that nobody listens at.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    listener.local_addr().expect("it is bound").port()
}

/// Makes a folder that is removed with the value.
pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder can be made")
}

/// Returns a path below `folder` as text.
pub(crate) fn below(folder: &tempfile::TempDir, name: &str) -> String {
    let path: PathBuf = folder.path().join(name);
    path.to_str().expect("temporary folders have plain names").to_owned()
}
