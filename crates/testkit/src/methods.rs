//! Test programs whose tests are compiled once, and run once for each start method.
//!
//! One program has the tests, and asks [`of_tests`] how the workers of its pools are started. The others
//! have none: they [`run_tests_of`] that program, with a start method and with their own arguments.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Command};

use crate::{copies, program};

/// The environment variable with the start method, set by a program that runs the tests of another one.
const VARIABLE: &str = "PROCPOOL_TESTS_START_METHOD";

/// Returns the name of the start method of the tests in this program: spawn, unless another program runs
/// them.
pub fn of_tests() -> &'static str {
    match env::var(VARIABLE).as_deref() {
        Ok("fork") => "fork",
        Ok("forkserver") => "forkserver",
        _ => "spawn",
    }
}

/// Prepares a test program for any start method: if workers are forked, its cases
/// [run in copies](crate::run_in_copies).
#[macro_export]
macro_rules! run_by_start_method {
    () => {
        const _: () = {
            #[used]
            #[unsafe(link_section = ".init_array")]
            static INIT: extern "C" fn() = $crate::methods::start_before_main;
        };
    };
}

/// The function that [`run_by_start_method!`](crate::run_by_start_method) runs before `main`.
pub extern "C" fn start_before_main() {
    if of_tests() == "fork" {
        copies::start_before_main()
    } else {
        procpool::__private::init_before_main()
    }
}

/// Tests with hundreds of pools each, about the memory of a running worker and the system calls that it may
/// use. The way in which it was started has no part in either.
const ONCE: [&str; 2] = ["failures::scribbling", "failures::sandbox"];

/// Runs the tests of the program `name` with pools of the start method `method`, but for those whose name
/// contains one of `left_out`. The tests that are the same with every start method run if ignored ones
/// do. Does not return.
pub fn run_tests_of(name: &str, method: &str, left_out: &[&str]) -> ! {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    let mut tests = Command::new(path(name));
    tests.env(VARIABLE, method).args(&arguments);
    tests.args(left_out.iter().flat_map(|part| ["--skip", part]));
    if !arguments.iter().any(|argument| argument == "--include-ignored" || argument == "--ignored")
    {
        let once = ONCE.join(" and ");
        program::say(&format!("{once} run with {name}, and here with `--include-ignored`"));
        tests.args(ONCE.iter().flat_map(|part| ["--skip", part]));
    }
    let error = tests.exec();
    eprintln!("{tests:?} cannot be run: {error}");
    process::exit(2)
}

/// Returns the executable of the test program `name`. Cargo finds it, which takes a fraction of a second.
/// Where a process runs each test, it was found when the tests were listed.
fn path(name: &str) -> PathBuf {
    let this = env::current_exe().expect("/proc is mounted");
    let link = this.with_file_name(format!("tests-of-{name}"));
    if env::var_os("NEXTEST_EXECUTION_MODE").is_some() && link.exists() {
        return link;
    }
    let path = program::test(name);
    replace_link(&link, &path).expect("the folder of a test program can be written to");
    path
}

fn replace_link(link: &Path, target: &Path) -> io::Result<()> {
    let mut fresh = OsString::from(link);
    fresh.push(format!(".{}", process::id()));
    symlink(target, &fresh)?;
    fs::rename(&fresh, link)
}
