//! Programs with more privileges than their caller: a caller that starts one as a worker or a forkserver
//! is not served, and it has no workers that could be started in that way.
//!
//! The programs are copies of one to which root gives privileges, and the callers are the user nobody, so
//! all of it needs root; elsewhere the trials are shown as ignored.

use std::ffi::CString;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use libtest_mimic::{Arguments, Failed, Trial};
use nix::libc;
use nix::sys::signal::Signal;
use nix::unistd::geteuid;
use procpool_testkit::gate::Gate;
use procpool_testkit::{os, program, start, watch};
use tempfile::TempDir;

/// A user and a group with no privileges.
const NOBODY: u32 = 65534;

/// The privileges that a program's file gives to its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gift {
    User,
    Group,
    Capability,
    Nothing,
}

const GIFTS: [(&str, Gift); 3] =
    [("set-user-id", Gift::User), ("set-group-id", Gift::Group), ("capability", Gift::Capability)];

/// A copy of the program with privileges, executable by everybody.
struct Gifted {
    path: PathBuf,
    _folder: TempDir,
}

impl Gifted {
    fn new(gift: Gift) -> Self {
        // Beside the program: other folders may be mounted so that such privileges are ignored.
        let original = program::path("fail_privileges");
        let place = original.parent().expect("a file is in a folder");
        let folder = tempfile::tempdir_in(place).expect("a folder can be made");
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("it is ours");
        let path = folder.path().join("gifted");
        // Not by this process: a child that another thread starts at this time would have the file open
        // for writing, and it could not be run.
        let copied = Command::new("cp").arg(&original).arg(&path).status().expect("there is cp");
        assert!(copied.success());
        chown(&path, Some(0), Some(0)).expect("root may");
        let mode = match gift {
            Gift::User => 0o4755,
            Gift::Group => 0o2755,
            Gift::Capability | Gift::Nothing => 0o755,
        };
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("root may");
        if gift == Gift::Capability {
            give_capability(&path);
        }
        Self { path, _folder: folder }
    }
}

/// As `setcap cap_net_bind_service+ep` does.
fn give_capability(path: &Path) {
    const REVISION_2_EFFECTIVE: u32 = 0x0200_0001;
    const NET_BIND_SERVICE: u32 = 1 << 10;
    let words = [REVISION_2_EFFECTIVE, NET_BIND_SERVICE, 0, 0, 0];
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let path = CString::new(path.to_str().expect("a plain name")).expect("no NUL");
    let name = c"security.capability".as_ptr();
    // SAFETY: both strings end with NUL, and the pointer and the length are those of `bytes`.
    let result =
        unsafe { libc::setxattr(path.as_ptr(), name, bytes.as_ptr().cast(), bytes.len(), 0) };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
}

/// Runs a program as nobody, or as root; returns its output and its complaints.
fn run(path: &Path, arguments: &[&str], method: &str, as_root: bool) -> (String, String) {
    let mut command = Command::new(path);
    command.args(arguments).env(start::VARIABLE, method).stdin(Stdio::null());
    if !as_root {
        command.uid(NOBODY).gid(NOBODY);
    }
    let output = command.output().expect("it starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it is text");
    (text(output.stdout), text(output.stderr))
}

fn expect(found: &str, expected: &str) -> Result<(), Failed> {
    if found.contains(expected) { Ok(()) } else { Err(format!("{found}\nnot {expected}").into()) }
}

/// The user nobody plays the pool.
fn attack(target: &Path, role: &str, complaint: &str) -> Result<(), Failed> {
    let attacker = program::path("fail_privileges");
    let target = target.to_str().expect("a plain name");
    let (printed, complained) = run(&attacker, &["attack", target, role], "spawn", false);
    expect(&printed, "served: false, code 2")?;
    expect(&complained, complaint)
}

fn attacks_are_refused(gift: Gift) -> Result<(), Failed> {
    let gifted = Gifted::new(gift);
    for role in ["worker", "server"] {
        attack(&gifted.path, role, "is not believed: this program has other privileges")?;
    }
    Ok(())
}

fn a_pool_is_refused(gift: Gift) -> Result<(), Failed> {
    let gifted = Gifted::new(gift);
    for method in ["spawn", "forkserver"] {
        for arguments in [&[][..], &["drops"]] {
            let (printed, _) = run(&gifted.path, arguments, method, false);
            expect(&printed, "this program has other privileges than its caller")?;
            expect(&printed, "use StartMethod::Fork")?;
        }
    }
    Ok(())
}

/// The workers of a copy have the privileges of their process.
fn a_copy_is_not_refused(gift: Gift) -> Result<(), Failed> {
    let gifted = Gifted::new(gift);
    let (printed, _) = run(&gifted.path, &[], "fork", false);
    let user = if gift == Gift::User { 0 } else { NOBODY };
    let group = if gift == Gift::Group { 0 } else { NOBODY };
    expect(&printed, &format!("user {user}, group {group}\n"))?;
    let (printed, _) = run(&gifted.path, &["drops"], "fork", false);
    expect(&printed, &format!("user {NOBODY}, group {NOBODY}\n"))
}

/// If the file gives no more than the caller has, the program works.
fn root_gets_nothing_by_it(gift: Gift) -> Result<(), Failed> {
    let gifted = Gifted::new(gift);
    for method in ["spawn", "forkserver", "fork"] {
        expect(&run(&gifted.path, &[], method, true).0, "user 0, group 0\n")?;
    }
    Ok(())
}

fn another_program_is_not_served() -> Result<(), Failed> {
    let plain = Gifted::new(Gift::Nothing);
    for role in ["worker", "server"] {
        attack(&plain.path, role, "it is of no use on a command line")?;
    }
    Ok(())
}

fn a_socket_of_another_user_is_not_served() -> Result<(), Failed> {
    let path = program::path("fail_privileges");
    let target = path.to_str().expect("a plain name");
    for role in ["worker", "server"] {
        let (printed, _) = run(&path, &["attack", target, role, "65534"], "spawn", true);
        expect(&printed, "served: false, code 2")?;
        // So that only the user matters.
        let (printed, _) = run(&path, &["attack", target, role, "0"], "spawn", true);
        expect(&printed, "served: true")?;
    }
    Ok(())
}

fn a_program_that_has_changed_half_of_its_user_is_told_why() -> Result<(), Failed> {
    let path = program::path("fail_privileges");
    for method in ["spawn", "forkserver"] {
        let (printed, _) = run(&path, &["half"], method, true);
        expect(&printed, "this program has other privileges than its caller")?;
        let (printed, _) = run(&path, &["late"], method, true);
        expect(&printed, "whose effective user or group is not its real one failed")?;
    }
    Ok(())
}

/// The action on the worker of a program that may not signal it.
const UNKILLABLE: [&str; 8] = [
    "drop",
    "kill-workers",
    "terminate-workers",
    "kill-task",
    "limit",
    "stopped",
    "die",
    "unlinked",
];

/// The program exits, and so does its worker, unless that has closed the descriptor by which it notices.
fn ends_all_the_same(why: &str, what: &str, method: &str) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
    let arrived = Gate::new(folder.path(), "arrived");
    fs::set_permissions(arrived.path(), Permissions::from_mode(0o666))?;
    // Not a pipe: a worker that is left behind holds the program's output.
    let output = folder.path().join("output");
    let mut program = program::command("fail_unkillable");
    program.args([why, what, &arrived.path()]).env(start::VARIABLE, method).stdin(Stdio::null());
    program.stdout(fs::File::create(&output)?).status()?;
    let printed = fs::read_to_string(output)?;
    let worker = printed.lines().next().ok_or("no worker")?.parse()?;
    let worker = os::Watched::new(worker);
    if what == "unlinked" {
        expect(&printed, "1 left behind\ndropped\n")?;
        worker.signal(Signal::SIGKILL);
    } else if what != "die" {
        let left = if matches!(what, "drop" | "stopped") { "" } else { "0 left behind\n" };
        expect(&printed, &format!("{left}dropped\n"))?;
    }
    if what == "limit" {
        expect(&printed, "ran for longer than 20ms")?;
        expect(&printed, "a result")?;
    }
    if worker.ended_within(watch::HANG) { Ok(()) } else { Err("the worker continues".into()) }
}

fn main() {
    let mut arguments = Arguments::from_args();
    // Most wait.
    arguments.test_threads.get_or_insert(12);
    // It may have to be built, which takes longer than any trial.
    program::path("fail_privileges");
    let mut trials = Vec::new();
    let mut add = |name: &str, test: fn(Gift) -> Result<(), Failed>, gift| {
        let run = move || watch::within(watch::HANG, move || test(gift));
        let trial = Trial::test(name, run).with_kind("takes root");
        trials.push(trial.with_ignored_flag(!geteuid().is_root()));
    };
    for (name, gift) in GIFTS {
        add(&format!("attacks-are-refused-{name}"), attacks_are_refused, gift);
        add(&format!("a-pool-is-refused-{name}"), a_pool_is_refused, gift);
        add(&format!("a-copy-is-not-refused-{name}"), a_copy_is_not_refused, gift);
        add(&format!("root-gets-nothing-by-it-{name}"), root_gets_nothing_by_it, gift);
    }
    add("another-program-is-not-served", |_| another_program_is_not_served(), Gift::Nothing);
    let test = |_| a_socket_of_another_user_is_not_served();
    add("a-socket-of-another-user-is-not-served", test, Gift::Nothing);
    let test = |_| a_program_that_has_changed_half_of_its_user_is_told_why();
    add("a-program-with-another-effective-user-gets-an-error", test, Gift::Nothing);
    for what in UNKILLABLE {
        for method in ["spawn", "forkserver", "fork"] {
            for why in ["user", "EPERM", "ENOSYS"] {
                let run = move || {
                    watch::within(watch::HANG, move || ends_all_the_same(why, what, method))
                };
                let name = format!("a-worker-that-may-not-be-signalled-{why}-{what}-{method}");
                let ignored = why == "user" && !geteuid().is_root();
                let kind = if why == "user" { "takes root" } else { "" };
                trials.push(Trial::test(name, run).with_kind(kind).with_ignored_flag(ignored));
            }
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}
