//! Runs a case in a copy, which writes its pid to this program's stdout, and never ends.
//!
//! It has an executable of its own because `run_in_copies!` starts a process before `main`.

use std::fs::OpenOptions;
use std::io::Write;
use std::thread;

use procpool_testkit::watch;

procpool_testkit::run_in_copies!();

fn main() {
    let program = std::process::id();
    watch::within(watch::HANG, move || {
        // A copy's own stdout is a file, which is read after it has exited.
        let path = format!("/proc/{program}/fd/1");
        let mut stdout = OpenOptions::new().write(true).open(path).expect("it is a pipe");
        writeln!(stdout, "{}", std::process::id()).expect("it is read");
        loop {
            thread::park();
        }
    });
}
