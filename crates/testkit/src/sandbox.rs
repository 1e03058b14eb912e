//! Sandboxes: filters that refuse one system call, as seccomp(2) does.

use nix::libc;

/// A system call, by name and number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call(pub &'static str, pub libc::c_long);

/// The calls that may be refused to a process that was already started: those of a worker, those of the C
/// library and Rust's for it, and a few more. Not `brk`: if it is refused, glibc takes the answer for an
/// address.
pub const CALLS: [Call; 37] = [
    Call("prctl", libc::SYS_prctl),
    Call("getppid", libc::SYS_getppid),
    Call("futex", libc::SYS_futex),
    Call("sendmsg", libc::SYS_sendmsg),
    Call("recvmsg", libc::SYS_recvmsg),
    Call("sched_yield", libc::SYS_sched_yield),
    Call("clock_gettime", libc::SYS_clock_gettime),
    Call("clock_nanosleep", libc::SYS_clock_nanosleep),
    Call("getrusage", libc::SYS_getrusage),
    Call("getcpu", libc::SYS_getcpu),
    Call("madvise", libc::SYS_madvise),
    Call("mmap", libc::SYS_mmap),
    Call("munmap", libc::SYS_munmap),
    Call("mremap", libc::SYS_mremap),
    Call("mprotect", libc::SYS_mprotect),
    Call("rt_sigaction", libc::SYS_rt_sigaction),
    Call("rt_sigprocmask", libc::SYS_rt_sigprocmask),
    Call("sigaltstack", libc::SYS_sigaltstack),
    Call("write", libc::SYS_write),
    Call("read", libc::SYS_read),
    Call("close", libc::SYS_close),
    Call("openat", libc::SYS_openat),
    Call("fcntl", libc::SYS_fcntl),
    Call("fstat", libc::SYS_fstat),
    Call("ppoll", libc::SYS_ppoll),
    Call("getpid", libc::SYS_getpid),
    Call("gettid", libc::SYS_gettid),
    Call("getrandom", libc::SYS_getrandom),
    Call("membarrier", libc::SYS_membarrier),
    Call("clone", libc::SYS_clone),
    Call("pidfd_open", libc::SYS_pidfd_open),
    Call("waitid", libc::SYS_waitid),
    Call("setpgid", libc::SYS_setpgid),
    Call("dup3", libc::SYS_dup3),
    Call("getdents64", libc::SYS_getdents64),
    Call("exit_group", libc::SYS_exit_group),
    Call("sched_getaffinity", libc::SYS_sched_getaffinity),
];

/// Calls that only this architecture has.
#[cfg(target_arch = "x86_64")]
pub const OLD_CALLS: [Call; 2] = [Call("poll", libc::SYS_poll), Call("dup2", libc::SYS_dup2)];
/// Calls that only other architectures have.
#[cfg(not(target_arch = "x86_64"))]
pub const OLD_CALLS: [Call; 0] = [];

/// The action of a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The call fails with this.
    Errno(i32),
    /// The process is killed by SIGSYS.
    Kill,
}

/// The usual action of filters.
pub const ANSWERS: [i32; 3] = [libc::EPERM, libc::ENOSYS, libc::EACCES];

/// Refuses one call to this process from now on.
///
/// # Panics
///
/// When there are no filters here.
pub fn refuse(number: libc::c_long, answer: Answer) {
    install(&mut [
        load(NUMBER),
        op(libc::BPF_JMP | libc::BPF_JEQ, 0, 1, number as u32),
        op(libc::BPF_RET, 0, 0, action(answer)),
        op(libc::BPF_RET, 0, 0, ALLOW),
    ]);
}

/// Refuses this process every new mapping of at least `bytes` bytes, and with it every large allocation.
///
/// # Panics
///
/// When there are no filters here.
pub fn refuse_mappings_from(bytes: u32, answer: Answer) {
    /// The lower half of a call's second argument, on machines whose numbers begin with it.
    const LENGTH: u32 = 24;
    install(&mut [
        load(NUMBER),
        op(libc::BPF_JMP | libc::BPF_JEQ, 0, 3, libc::SYS_mmap as u32),
        load(LENGTH),
        op(libc::BPF_JMP | libc::BPF_JGE, 0, 1, bytes),
        op(libc::BPF_RET, 0, 0, action(answer)),
        op(libc::BPF_RET, 0, 0, ALLOW),
    ]);
}

/// The offset of a call's number in a filter's input: its first word.
const NUMBER: u32 = 0;
const ALLOW: u32 = 0x7fff_0000;

fn action(answer: Answer) -> u32 {
    match answer {
        Answer::Errno(errno) => 0x0005_0000 | errno.unsigned_abs(),
        Answer::Kill => 0x8000_0000,
    }
}

fn load(offset: u32) -> libc::sock_filter {
    op(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, offset)
}

fn op(code: u32, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt, jf, k }
}

fn install(code: &mut [libc::sock_filter]) {
    let filter = libc::sock_fprog { len: code.len() as u16, filter: code.as_mut_ptr() };
    // SAFETY: it takes integers. A previous filter may refuse it, and then it is not needed.
    unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    let mode = libc::SECCOMP_SET_MODE_FILTER;
    // SAFETY: `filter` and its pointees are readable for the length of the call.
    let result = unsafe { libc::syscall(libc::SYS_seccomp, mode, 0, &raw const filter) };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
}
