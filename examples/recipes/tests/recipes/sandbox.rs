//! `sandbox`: what the kernel refuses, and what a worker cannot do without.

use std::fs;
use std::net::TcpListener;

use procpool_testkit::watch::{HANG, within};

use crate::support::{below, folder, recipe};

const DATA: &str = "the data that tasks may read";

fn folder_with_data() -> tempfile::TempDir {
    let folder = folder();
    fs::write(below(&folder, "data.txt"), DATA).expect("it is our folder");
    folder
}

#[test]
fn the_kernel_refuses_what_hostile_input_asks_for() {
    within(HANG, || {
        let folder = folder_with_data();
        let data = below(&folder, "data.txt");
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
        listener.set_nonblocking(true).expect("it is a socket");
        let port = listener.local_addr().expect("it is bound").port();
        let output = recipe!("sandbox", folder.path(), port.to_string()).succeed();
        let lines: Vec<&str> = output.lines().collect();
        assert_eq!(lines[0], "echo harmless: harmless");
        assert_eq!(lines[1], format!("read {data}: {} bytes", DATA.len()));
        assert_eq!(lines[2], "read /etc/passwd: refused: Permission denied (os error 13)");
        assert_eq!(lines[3], format!("write {data}: refused: Permission denied (os error 13)"));
        for (line, input) in lines[4..7].iter().zip(["connect 127.0.0.1", "run /bin", "thread of"])
        {
            assert!(line.starts_with(input), "{output}");
            assert!(line.contains(" was killed by SIGSYS while running work item"), "{output}");
        }
        assert!(lines[7].starts_with("panic over it: the task panicked at "), "{output}");
        assert!(lines[8].starts_with("echo much much "), "{output}");
        let ends = ["SIGSYS", "SIGSYS", "SIGSYS", "left: the pool was shut down"];
        assert_eq!(lines.len(), 13, "{output}");
        assert!(lines[9..].iter().zip(ends).all(|(line, end)| line.ends_with(end)), "{output}");
        assert_eq!(fs::read_to_string(&data).expect("it is ours"), DATA);
        assert!(listener.accept().is_err(), "nobody has connected");
    });
}

/// A run with a list that lacks `call`.
fn without(call: &str) -> String {
    let folder = folder_with_data();
    let (code, output, _) = recipe!("sandbox", folder.path(), "9", call).end();
    assert_eq!(code, Some(0), "{output}");
    output
}

#[test]
fn a_worker_cannot_do_without_the_calls_of_the_list() {
    within(HANG, || {
        // It never gets ready, and the pool gives up.
        let output = without("sendmsg");
        assert!(output.starts_with("echo harmless: "), "{output}");
        assert!(output.contains("SIGSYS while running the initializer"), "{output}");
        // It dies of its first task's file.
        for call in ["openat", "read", "statx"] {
            let read = without(call).lines().nth(1).map(str::to_owned).unwrap_or_default();
            assert!(read.contains(" was killed by SIGSYS while running work item 2"), "{read}");
        }
        // It dies of waiting or reporting, and at its end.
        for call in ["futex", "prctl", "getppid", "munmap", "exit_group"] {
            let output = without(call);
            let end = output.lines().last().unwrap_or_default();
            assert!(
                end.ends_with("was killed by SIGSYS") || output.contains("broken"),
                "{call}: {output}"
            );
        }
    });
}

#[test]
fn a_sandbox_that_cannot_be_made_breaks_the_pool() {
    within(HANG, || {
        let (_, output, _) = recipe!("sandbox", "/nonexistent").end();
        assert!(
            output.starts_with("echo harmless: the process pool is broken: the initializer failed"),
            "{output}"
        );
    });
}
