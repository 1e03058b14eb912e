//! A program that may be given privileges, and an attacker who wants them.
//!
//! - without an argument: makes a pool, if it may, and prints a task's result, or the error;
//! - `drops`: the same after it has given up the privileges of its file;
//! - `half`: the same when only its effective user is another one, before the pool is made or after
//!   (`late`);
//! - `attack PROGRAM ROLE [USER]`: starts `PROGRAM` in the given role, and plays the pool, with a socket
//!   that `USER` made. Prints whether it was served, and the exit code.
//!
//! It has an executable of its own because root gives privileges to copies of it.

use std::ffi::CString;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::parent_id;

use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{
    ForkResult, Uid, execv, fork, ftruncate, getgid, getuid, pipe, seteuid, setresgid, setresuid,
};
use procpool_testkit::start;

/// The memory of a link: two rings, and a page of words.
const SEGMENT: i64 = 4096 + (2 << 20);

/// Makes the handover for a worker or a forkserver: our socket, theirs, and the memory.
fn make_link(role: &str) -> (OwnedFd, OwnedFd, OwnedFd) {
    let kind = if role == "server" { SockType::SeqPacket } else { SockType::Stream };
    let pair = socketpair(AddressFamily::Unix, kind, None, SockFlag::empty());
    let (ours, theirs) = pair.expect("there is room");
    let memory = memfd_create(c"procpool", MFdFlags::MFD_ALLOW_SEALING).expect("there is room");
    ftruncate(&memory, SEGMENT).expect("there is room");
    let seals = SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL;
    fcntl(&memory, FcntlArg::F_ADD_SEALS(seals)).expect("it can be sealed");
    (ours, theirs, memory)
}

fn attack(program: &str, role: &str, user: Option<&String>) {
    let me = getuid();
    if let Some(user) = user {
        let user = Uid::from_raw(user.parse().expect("a number"));
        seteuid(user).expect("root may");
    }
    let (ours, theirs, memory) = make_link(role);
    seteuid(me).expect("it was that");
    let (held, lifeline) = pipe().expect("there is room");
    let (socket, parent) = (theirs.as_raw_fd(), std::process::id());
    let place = match role {
        "server" => format!("{socket}:{}:{parent}:0", held.as_raw_fd()),
        _ => format!("{socket}:{}:{}:{parent}:0", memory.as_raw_fd(), held.as_raw_fd()),
    };
    let arguments = [program.to_owned(), format!("--procpool-{role}"), place];
    let arguments = arguments.map(|text| CString::new(text).expect("no NUL"));
    // SAFETY: this process has one thread.
    match unsafe { fork() }.expect("there is room") {
        ForkResult::Child => {
            drop((ours, lifeline));
            let error = execv(&arguments[0], &arguments).expect_err("it has not returned");
            panic!("{program} does not start: {error}");
        }
        ForkResult::Parent { child } => {
            drop((theirs, memory, held));
            let served = File::from(ours).read(&mut [0; 64]).unwrap_or(0) > 0;
            if served {
                kill(child, Signal::SIGKILL).expect("its real user is this one");
            }
            let ended = waitpid(child, None).expect("it is our child");
            let code = if let WaitStatus::Exited(_, code) = ended { code } else { -1 };
            println!("served: {served}, code {code}");
        }
    }
}

fn try_pool(late: bool) {
    let executor = start::builder_of_program().max_workers(1).build();
    if late {
        seteuid(Uid::from_raw(65534)).expect("root may");
    }
    let who = |()| (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw(), parent_id());
    match executor.and_then(|executor| executor.submit(who, ()).result()) {
        Ok((user, group, _)) => println!("user {user}, group {group}"),
        Err(error) => println!("{error}"),
    }
}

fn main() {
    procpool::init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("attack") => attack(&arguments[1], &arguments[2], arguments.get(3)),
        Some("drops") => {
            let (user, group) = (getuid(), getgid());
            setresgid(group, group, group).expect("it was that");
            setresuid(user, user, user).expect("it was that");
            try_pool(false);
        }
        Some("half") => {
            seteuid(Uid::from_raw(65534)).expect("root may");
            try_pool(false);
        }
        other => try_pool(other == Some("late")),
    }
}
