//! The surroundings of processes, as /proc shows them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::{Arc, Once};

use nix::sys::signal::Signal;

use crate::history::Surroundings;

/// The signals by which programs are ended or told of something. A language's runtime may need others.
const SIGNALS: [Signal; 7] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGPIPE,
    Signal::SIGALRM,
    Signal::SIGTERM,
    Signal::SIGCHLD,
];

/// Makes the programs that this one starts begin without ignored signals: a shell's background command
/// ignores SIGINT and `nohup` SIGHUP, and what a pool does about a signal must not depend on that. An
/// ignored signal would remain so in a program that is started; one with a handler does not. So each gets
/// a handler that does nothing.
pub(super) fn inherit_no_ignored_signal() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        // The standard library ignores SIGPIPE, and no program that it starts does.
        let ignored = |it: &Signal| *it != Signal::SIGPIPE && is_in("SigIgn:", *it, &status);
        for signal in Signal::iterator().filter(ignored) {
            // Refused only for signals that nobody can ignore.
            let _ = signal_hook::flag::register(signal as i32, Arc::default());
        }
    });
}

/// Variables of a shell that starts another program: they are different in each of them.
const OF_SHELLS: [&str; 4] = ["_", "OLDPWD", "PWD", "SHLVL"];

/// Returns the surroundings of `owner` and of the processes in `alive`, without those that have exited in
/// the meantime.
pub(super) fn of_all(owner: u32, alive: &BTreeSet<u32>) -> BTreeMap<u32, Surroundings> {
    let due = variables(owner);
    let pids = alive.iter().copied().chain([owner]);
    pids.filter_map(|pid| Some((pid, of(pid, &due)?))).collect()
}

fn of(pid: u32, due: &BTreeMap<String, Vec<u8>>) -> Option<Surroundings> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let folder = fs::read_link(format!("/proc/{pid}/cwd")).ok()?;
    let own = variables(pid);
    let lacks = due.iter().filter(|(name, value)| own.get(*name) != Some(*value));
    Some(Surroundings {
        folder: folder.to_string_lossy().into_owned(),
        umask: field(&status, "Umask:")?.to_owned(),
        signals: SIGNALS.iter().map(|it| (it.as_str().to_owned(), does(*it, &status))).collect(),
        lacks: lacks.map(|(name, _)| name.clone()).collect(),
    })
}

/// The disposition of a signal in a process, by its /proc/PID/status.
fn does(signal: Signal, status: &str) -> String {
    match () {
        () if is_in("SigBlk:", signal, status) => "blocked",
        () if is_in("SigIgn:", signal, status) => "ignored",
        () if is_in("SigCgt:", signal, status) => "caught",
        () => "default",
    }
    .to_owned()
}

/// Whether a signal is in one of the sets of a /proc/PID/status.
fn is_in(set: &str, signal: Signal, status: &str) -> bool {
    let mask = field(status, set).and_then(|mask| u64::from_str_radix(mask, 16).ok());
    mask.is_some_and(|mask| mask >> (signal as i32 - 1) & 1 == 1)
}

fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

/// Returns the variables with which a process was started.
fn variables(pid: u32) -> BTreeMap<String, Vec<u8>> {
    let block = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let entries = block.split(|byte| *byte == 0).filter_map(|entry| {
        let equals = entry.iter().position(|byte| *byte == b'=')?;
        Some((String::from_utf8_lossy(&entry[..equals]).into_owned(), entry[equals + 1..].to_vec()))
    });
    entries.filter(|(name, _)| !OF_SHELLS.contains(&name.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::process::{Command, Stdio};

    use super::{super::process, of_all};

    #[test]
    fn surroundings_are_those_of_the_process() {
        let script = "trap '' PIPE; umask 027; cd /; exec sleep 1000";
        let mut command = Command::new("sh");
        command.args(["-c", script]).env("PATH", "/bin:/usr/bin:/nowhere").stdin(Stdio::null());
        let mut child = process::start(&mut command).expect("there is a shell");
        let (me, pid) = (std::process::id(), child.id());
        let seen = || of_all(me, &BTreeSet::from([pid]));
        // It is the shell for a moment.
        while seen().get(&pid).is_none_or(|its| its.folder != "/") {
            std::thread::yield_now();
        }
        let seen = seen();
        child.kill().and_then(|()| child.wait()).expect("it ends");
        let (mine, its) = (&seen[&me], &seen[&pid]);
        assert!(mine.lacks.is_empty(), "{mine:?}");
        assert!(its.lacks.contains("PATH"), "{its:?}");
        assert_eq!((its.umask.as_str(), its.signals["SIGPIPE"].as_str()), ("0027", "ignored"));
        assert_eq!(its.signals["SIGTERM"], "default");
    }
}
