//! A forkserver in a sandbox that `preload` entered, and its workers with it: they work, or the error
//! names the refused call.

use procpool::{ProcessPoolExecutor, StartMethod};
use procpool_testkit::sandbox::{ANSWERS, Answer, CALLS, Call, OLD_CALLS, refuse};
use procpool_testkit::watch;

/// The call and the answer, which the forkserver finds in its environment.
const VARIABLES: [&str; 2] = ["REFUSED_CALL", "REFUSED_WITH"];

fn enter() {
    let [call, errno] = VARIABLES.map(|name| std::env::var(name).expect("the test sets it"));
    let number = |text: String| text.parse::<i32>().expect("it is a number");
    refuse(number(call).into(), Answer::Errno(number(errno)));
}

/// Other names for a refused call: the files that need it.
fn names(text: &str, call: &str) -> bool {
    let words = match call {
        "openat" | "read" | "close" => "/proc/self/status",
        "clone" => "a copy of the forkserver",
        "pidfd_open" => "a process descriptor in the forkserver",
        // By the C library, with another number.
        "rt_sigaction" => "sigaction(2)",
        "rt_sigprocmask" => "sigprocmask(2)",
        other => return text.contains(&format!("{other}(2)")),
    };
    text.contains(words)
}

#[test]
fn a_syscall_refused_by_preload_is_named_in_the_error() {
    watch::within(5 * watch::HANG, || {
        let mut wrong = String::new();
        for Call(name, number) in CALLS.into_iter().chain(OLD_CALLS) {
            for errno in ANSWERS {
                println!("{name} {errno}");
                let builder = ProcessPoolExecutor::builder().start_method(StartMethod::Forkserver);
                let builder = builder.env(VARIABLES[0], number.to_string());
                let builder = builder.env(VARIABLES[1], errno.to_string());
                let builder = builder.process_groups(true).capture_stderr(5).preload(enter);
                let executor = builder.max_workers(1).build().unwrap();
                match executor.submit(|x: u32| x + 1, 1).result_timeout(watch::HANG) {
                    Ok(2) => {}
                    Err(error) if names(&error.to_string(), name) => {}
                    other => wrong += &format!("{name}, {errno}: {other:?}\n"),
                }
            }
        }
        assert_eq!(wrong, "");
    });
}
