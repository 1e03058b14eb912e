//! The requirements of a pool on the system: the error names a missing part, and the remedy.
//!
//! The same one task runs in each case, under each start method.

use assert_cmd::Command;
use procpool_testkit::{program, start, watch};

/// The ways in which the program is run, by a shell: `$0` is its path.
const LACKING_PROC: &str = r#"mount -t tmpfs none /proc && exec "$0""#;
const LACKING_DEV: &str = r#"mount -t tmpfs none /dev && exec "$0""#;

const METHODS: [&str; 3] = ["spawn", "forkserver", "fork"];

/// The output of the program when it is started by `command` under each of the methods.
fn printed(command: fn() -> Command, mode: &'static str) -> [String; 3] {
    METHODS.map(|method| {
        watch::within(watch::HANG, move || {
            let mut command = command();
            let run = command.env(start::VARIABLE, method).env("MODE", mode).assert().success();
            String::from_utf8(run.get_output().stdout.clone()).expect("it prints text")
        })
    })
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(program::path("fail_surroundings"));
    command
}

/// A shell with mounts and a root of its own.
fn apart(script: &str) -> Command {
    let mut command = Command::new("unshare");
    // As root even if root may not make user namespaces.
    let user = if nix::unistd::Uid::effective().is_root() { "--mount" } else { "--map-root-user" };
    command.args([user, "--mount", "sh", "-c", script]).arg(program::path("fail_surroundings"));
    command
}

#[track_caller]
fn assert_each(printed: [String; 3], expected: [&str; 3]) {
    for ((method, printed), expected) in METHODS.iter().zip(printed).zip(expected) {
        assert!(printed.contains(expected), "{method}: {printed}");
    }
}

#[test]
fn a_pool_works_in_complete_surroundings() {
    assert_each(printed(|| shell(r#"exec "$0""#), ""), ["2\n"; 3]);
}

#[test]
#[ignore = "needs the right to mount: .ci/run has it"]
fn a_missing_proc_is_distinguished_from_a_missing_null_device() {
    assert_each(printed(|| apart(LACKING_PROC), ""), ["there is no /proc: mount it"; 3]);
    assert_each(printed(|| apart(LACKING_DEV), ""), ["there is no /dev/null: create it"; 3]);
}

#[test]
#[ignore = "needs the right to change the root: .ci/run has it"]
fn after_a_chroot_a_forked_worker_is_still_accepted() {
    let no_proc = "there is no /proc: mount it";
    assert_each(printed(|| apart(r#"exec "$0""#), "chroot"), [no_proc, no_proc, "2\n"]);
}

#[test]
fn a_file_size_limit_is_named_in_the_error() {
    let limited = || shell(r#"ulimit -f 100; exec "$0""#);
    assert_each(printed(limited, ""), ["raise RLIMIT_FSIZE (`ulimit -f`)"; 3]);
}

#[test]
#[ignore = "needs the right to make namespaces: .ci/run has it"]
fn the_error_after_unshare_pid_advises_to_fork() {
    let run = || {
        let mut command = Command::new("unshare");
        let user =
            if nix::unistd::Uid::effective().is_root() { "--pid" } else { "--map-root-user" };
        command.args([user, "--pid"]).arg(program::path("fail_surroundings"));
        command
    };
    assert_each(printed(run, ""), ["unshare --pid --fork"; 3]);
}

#[test]
fn a_result_beyond_the_programs_memory_limit_is_named_in_the_error() {
    let expected = "did not fit into the memory of this process";
    assert_each(printed(|| shell(r#"exec "$0""#), "memory"), [expected; 3]);
}

#[test]
fn a_program_run_by_the_dynamic_loader_can_only_fork_workers() {
    // The loader's path is in the program.
    const BY_LOADER: &str = r#"exec "$(tr '\0' '\n' < "$0" | grep -m1 -a '^/lib.*/ld-')" "$0""#;
    let refused = "it cannot be: /proc/self/exe is the dynamic loader; run the program itself";
    assert_each(printed(|| shell(BY_LOADER), ""), [refused, refused, "2\n"]);
}

#[test]
fn a_thread_from_before_init_is_not_blamed_on_preload() {
    let forked = "had 2 threads when it came to procpool::init(), and only a process with one can";
    let copied = "copies a process of one thread, and this one has 2";
    assert_each(printed(|| shell(r#"exec "$0""#), "thread"), ["2\n", forked, copied]);
}
