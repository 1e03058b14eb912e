//! Workers in a sandbox: hostile input gets what the kernel allows, which is next to nothing.
//!
//! `sandbox FOLDER [PORT [WITHOUT]]` stands for a program whose parser has a hole: its tasks do whatever the
//! input says. The initializer shuts each worker in. Landlock allows it to read below FOLDER;
//! seccomp allows the system calls of `ALLOWED`, and any other one kills it. The program prints what
//! each input achieved. Nobody can connect to PORT of this machine. WITHOUT names a call that is left
//! off the list, to see who needs it.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::process::Command;
use std::{fs, thread};

use landlock::{
    ABI, Access, AccessFs, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr,
};
use nix::libc;
use procpool::{DeathPolicy, EventKind, ProcessPoolExecutor};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

/// Every system call that a worker needs from its initializer on; and what its tasks need.
const ALLOWED: &[(&str, i64)] = &[
    // The pool's: a worker waits for tasks and reports results, asks for its parent and for its own
    // use of the processor, says that it is ready, and exits. SIGINT interrupts it.
    ("futex", libc::SYS_futex),
    ("sched_yield", libc::SYS_sched_yield),
    ("prctl", libc::SYS_prctl),
    ("getppid", libc::SYS_getppid),
    ("getrusage", libc::SYS_getrusage),
    ("sendmsg", libc::SYS_sendmsg),
    ("sigaltstack", libc::SYS_sigaltstack),
    ("exit_group", libc::SYS_exit_group),
    ("rt_sigreturn", libc::SYS_rt_sigreturn),
    // Memory; and the clock, where the kernel does not answer without a call.
    ("brk", libc::SYS_brk),
    ("mmap", libc::SYS_mmap),
    ("mremap", libc::SYS_mremap),
    ("munmap", libc::SYS_munmap),
    ("madvise", libc::SYS_madvise),
    ("clock_gettime", libc::SYS_clock_gettime),
    // A file that a task reads. Without optimization, Rust asks whether it is open (fcntl).
    ("openat", libc::SYS_openat),
    ("statx", libc::SYS_statx),
    ("read", libc::SYS_read),
    ("fcntl", libc::SYS_fcntl),
    ("close", libc::SYS_close),
];

fn shut_in((folder, without): (PathBuf, Option<String>)) -> Result<(), Box<dyn Error>> {
    Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(ABI::V1))?
        .create()?
        .add_rule(PathBeneath::new(PathFd::new(folder)?, AccessFs::from_read(ABI::V1)))?
        .restrict_self()?;
    let allowed = ALLOWED.iter().filter(|(name, _)| without.as_deref() != Some(name));
    let rules: BTreeMap<i64, _> = allowed.map(|(_, number)| (*number, Vec::new())).collect();
    let (kill, allow) = (SeccompAction::KillProcess, SeccompAction::Allow);
    let filter = SeccompFilter::new(rules, kill, allow, std::env::consts::ARCH.try_into()?)?;
    Ok(apply_filter(&BpfProgram::try_from(filter)?)?)
}

/// Obeys its input, as a parser with a hole would.
fn parse((verb, object): (String, String)) -> Result<String, String> {
    let obey = || -> Result<String, Box<dyn Error>> {
        Ok(match &*verb {
            "read" => format!("{} bytes", fs::read(object)?.len()),
            "write" => format!("{:?}", fs::write(object, "hostile")?),
            "connect" => format!("{:?}", std::net::TcpStream::connect(object)?),
            "run" => Command::new(object).status()?.to_string(),
            "panic" => panic!("{object}"),
            "thread" => format!("{:?}", thread::Builder::new().spawn(|| ())?.join()),
            _ => object,
        })
    };
    obey().map_err(|error| error.to_string())
}

fn main() -> Result<(), Box<dyn Error>> {
    procpool::init();
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("usage: sandbox FOLDER [PORT [WITHOUT]]")?);
    let server = format!("127.0.0.1:{}", arguments.next().unwrap_or("9".to_owned()));
    let data = folder.join("data.txt").display().to_string();
    let executor = ProcessPoolExecutor::builder()
        .max_workers(1)
        .env("RUST_BACKTRACE", "0") // It would read the executable.
        .death_policy(DeathPolicy::Replace { retries: 0 })
        .initializer_with_args(shut_in, (folder, arguments.next()))
        .build()?;
    let events = executor.events();
    for (verb, object) in [
        ("echo", "harmless"),
        ("read", &data),
        ("read", "/etc/passwd"),
        ("write", &data),
        ("connect", &server),
        ("run", "/bin/true"),
        ("thread", "of its own"),
        ("panic", "over it"),
        ("echo", &"much ".repeat(2_000_000)),
    ] {
        let future = executor.submit(parse, (verb.to_owned(), object.to_owned()));
        match future.result() {
            Ok(Ok(what)) => println!("{verb} {object:.40}: {what:.40}"),
            Ok(Err(error)) => println!("{verb} {object:.40}: refused: {error}"),
            Err(error) => println!("{verb} {object:.40}: {error}"),
        }
    }
    drop(executor);
    for event in events {
        if let EventKind::WorkerExited(worker, reason) = event.kind {
            println!("worker {}: {reason}", worker.id);
        }
    }
    Ok(())
}
