//! Cases that run in copies of their test program: their resources, and the reports of failing ones.

use std::any::Any;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, raise};
use procpool::{ProcessPoolExecutor, StartMethod};
use procpool_testkit::os::{self, Watched};
use procpool_testkit::watch;

procpool_testkit::run_in_copies!();

/// The report of a case that fails.
fn failure_of(limit: Duration, case: impl FnOnce() + Send + 'static) -> String {
    let outcome = catch_unwind(AssertUnwindSafe(|| watch::within(limit, case)));
    let payload: Box<dyn Any + Send> = outcome.expect_err("it fails");
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).expect("a panic has a text")
}

#[test]
fn a_case_has_a_process_of_one_thread_to_itself() {
    let program = std::process::id();
    watch::within(watch::HANG, move || {
        let this = std::process::id();
        assert_ne!(this, program);
        assert_eq!(os::threads_of(this).len(), 1);
        assert_eq!(os::descendants_of(this), []);
        // Inherited descriptors are shared by all.
        let everybodys = os::descriptors_of(program);
        let mut own = os::descriptors_of(this);
        own.retain(|one| one.0 > 2 && !everybodys.contains(one));
        assert_eq!(own, []);
    });
}

#[test]
fn a_case_can_have_a_pool_that_is_forked() {
    watch::within(watch::HANG, || {
        let builder = ProcessPoolExecutor::builder().start_method(StartMethod::Fork);
        let executor = builder.max_workers(2).build().unwrap();
        assert_eq!(executor.submit(|x: u32| 2 * x, 21).result(), Ok(42));
    });
}

#[test]
fn captured_values_of_a_case_arrive() {
    let (small, text, large, function): (u8, &str, u64, fn(u64) -> u64) =
        (7, "text", u64::MAX - 1, |x| x + 1);
    watch::within(watch::HANG, move || {
        assert_eq!((small, text, function(large)), (7, "text", u64::MAX));
    });
}

#[test]
fn a_case_captures_no_owning_value() {
    let owned = "owned".to_owned();
    let failure = failure_of(watch::HANG, move || assert_eq!(owned, "owned"));
    assert!(failure.contains("can capture only what owns nothing"), "{failure}");
}

#[test]
fn a_case_that_panics_fails() {
    let failure = failure_of(watch::HANG, || panic!("no"));
    assert!(failure.ends_with("failed in a copy of this program: it panicked"), "{failure}");
}

#[test]
fn a_case_that_exits_fails_with_any_code() {
    for code in [0, 3] {
        let failure = failure_of(watch::HANG, move || std::process::exit(code));
        assert!(failure.ends_with(&format!("its process exited with code {code}")), "{failure}");
    }
}

#[test]
fn a_case_whose_process_is_killed_fails() {
    let failure = failure_of(watch::HANG, || raise(Signal::SIGKILL).expect("it is alive"));
    assert!(failure.ends_with("its process was ended by signal 9"), "{failure}");
}

/// Starts a program that ends when its stdin does.
#[expect(clippy::zombie_processes, reason = "that it is left is what is tested")]
fn leave_a_child() {
    let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().expect("there is a cat");
    // Must not be closed with the child's other half: it is closed with the process.
    std::mem::forget(child.stdin.take());
}

#[test]
fn a_case_that_leaves_something_behind_fails() {
    let leave: [fn(); 3] = [
        leave_a_child,
        || drop(thread::spawn(thread::park)),
        || std::mem::forget(std::fs::File::open("/dev/null").expect("it is there")),
    ];
    for leave in leave {
        let failure = failure_of(watch::HANG, leave);
        assert!(failure.ends_with("it panicked"), "{failure}");
    }
}

#[test]
#[expect(
    clippy::zombie_processes,
    reason = "it is killed with its case, so somebody else reaps it"
)]
fn a_case_that_hangs_is_shown_and_killed_with_its_children() {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let place = (std::process::id(), writer.as_raw_fd());
    let failure = failure_of(Duration::from_secs(1), move || {
        let (program, descriptor) = place;
        let mut tell = OpenOptions::new()
            .write(true)
            .open(format!("/proc/{program}/fd/{descriptor}"))
            .expect("the test has it open");
        println!("a word before it hangs");
        let child = Command::new("sleep").arg("infinity").spawn().expect("there is a sleep");
        let pids = [std::process::id(), child.id()].map(u32::to_ne_bytes);
        tell.write_all(pids.as_flattened()).expect("the test has the other end");
        loop {
            thread::park();
        }
    });
    assert!(failure.contains("hangs: not over after 1s"), "{failure}");
    assert!(failure.contains("a word before it hangs"), "{failure}");
    let mut pids = [[0; 4]; 2];
    drop(writer);
    reader.read_exact(pids.as_flattened_mut()).expect("the case got this far");
    let [case, child] = pids.map(u32::from_ne_bytes);
    assert!(failure.contains(&format!("process {child}: sleep")), "{failure}");
    for process in [case, child].map(Watched::new) {
        assert!(process.ended_within(watch::HANG), "{} is killed", process.pid);
    }
}

#[test]
fn a_case_does_not_outlive_its_test_program() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_hung_case"))
        .stdout(Stdio::piped())
        .spawn()
        .expect("it was built");
    let mut line = String::new();
    let stdout = program.stdout.take().expect("it is a pipe");
    BufReader::new(stdout).read_line(&mut line).expect("it is text");
    let case = Watched::new(line.trim().parse().expect("the case says its number"));
    assert!(!case.ended_within(Duration::ZERO), "it hangs");
    program.kill().expect("it is our child");
    program.wait().expect("it is our child");
    assert!(case.ended_within(watch::HANG));
}
