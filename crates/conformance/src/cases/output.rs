//! The output and input of tasks, and output of a pool that was not requested.
//!
//! Covers the standard streams of workers. The suite sees the standard output of workers and everything
//! written to standard error as one text, since an adapter keeps its own lines separate.

use procpool_contract::{Body, Call, Capability as Has, ErrorClass, EventKind, Place, policy};

use crate::case::{CASE, Case, Level, Only};
use crate::history::{Finding, History, require};
use crate::plan::{
    begun, call, die, echo, fail, gated, marked, returned, squared, squares, tasks_begun, workers,
};

const PRINTED: &str =
    "CPython: test_concurrent_futures/test_shutdown.py, test_interpreter_shutdown";
const STREAMS: &str = "loky: test_no_crash_on_stdin_access_in_child_subprocess_run (loky#420)";
const QUIET: &str = "CPython: test_interpreter_shutdown, assertFalse(err); loky: _assert_no_error";

/// Text that looks like a message of many protocols: an adapter's line, a frame's header, a
/// Content-Length.
const LIKE_A_MESSAGE: &str = "{\"client\": \"main\", \"step\": 0, \"at\": 1, \"is\": \"end\"}\n\
     \u{0}\u{0}\u{0}\u{8}\u{1}ok\nContent-Length: 9999999\r\n\r\n[]\n";

/// Text that a pool which reads the output of its workers may change.
const UNUSUAL: &str = "a quince\r\n\r\ta sloe \u{e9} \u{1f980} \u{1b}[0m\r\n";

const DRAINS: Option<Only> = Some(Only {
    words: "program_end is drain",
    holds: |policies| policies.program_end == Some(policy::ProgramEnd::Drain),
});

/// Prints a text `count` times. The language decides whether a line feed follows each.
fn print(tag: &str, text: &str, count: u64) -> Call {
    Call { text: Some(text.to_owned()), count: Some(count), ..call(Body::Print, tag) }
}

fn pears() -> String {
    // Five bytes: no power of two is a multiple of that.
    format!("a pear: {}\n", "ä水".repeat(20_000))
}

fn printed(history: &History, word: &str, expected: usize) -> Finding {
    let times = history.stderr.matches(word).count();
    require(times == expected, || {
        let word: String = word.trim().chars().take(40).collect();
        format!("\"{word}\" was printed {times} times, not {expected}")
    })
}

fn nothing_said(history: &History) -> Finding {
    let said = history.stderr.trim();
    require(said.is_empty(), || {
        let shown: String = said.chars().take(200).collect();
        format!("{} bytes were printed: {shown}", said.len())
    })
}

pub(super) const CASES: &[Case] = &[
    Case {
        id: "output.reaches-the-programs",
        requirement: "The pool MUST pass on the output of a task once, by the end of the program.",
        source: PRINTED,
        rows: &["OUT-01"],
        needs: &[Has::Stdio],
        kills: &["prints-twice", "prints-unify-ends-of-lines"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", print("c", UNUSUAL, 1)).result("c");
            plan.submit("p", print("a", "an apple\n", 1)).submit("p", print("b", "a pear\n", 3));
            plan.result("a").result("b").shutdown("p");
        },
        judge: |history| {
            history.value("result a")?;
            history.value("result b")?;
            printed(history, UNUSUAL, 1)?;
            printed(history, "an apple", 1)?;
            printed(history, "a pear", 3)
        },
        ..CASE
    },
    Case {
        id: "output.without-an-end-of-line",
        requirement: "The pool MUST also pass on output that does not end with an end of line.",
        source: PRINTED,
        rows: &["OUT-01"],
        needs: &[Has::Stdio],
        kills: &["prints-lose-an-unfinished-line"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", print("a", "an apricot", 1));
            plan.result("a").shutdown("p");
        },
        judge: |history| {
            history.value("result a")?;
            printed(history, "an apricot", 1)
        },
        ..CASE
    },
    Case {
        id: "output.in-order",
        requirement: "The pool MUST pass on the output of one worker in the order in which it was written.",
        source: PRINTED,
        rows: &["OUT-01"],
        needs: &[Has::Stdio],
        kills: &["prints-last-line-first"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", print("a", "a cherry\na damson\n", 2));
            plan.submit("p", print("b", "a medlar\n", 1)).result("a").result("b").shutdown("p");
        },
        judge: |history| {
            history.value("result a")?;
            history.value("result b")?;
            let words = ["cherry", "damson", "medlar"];
            let mut seen: Vec<(usize, &str)> =
                words.iter().flat_map(|word| history.stderr.match_indices(*word)).collect();
            seen.sort_unstable();
            let seen: Vec<&str> = seen.into_iter().map(|(_, word)| word).collect();
            require(seen == ["cherry", "damson", "cherry", "damson", "medlar"], || {
                format!("the order was {seen:?}")
            })
        },
        ..CASE
    },
    Case {
        id: "output.of-a-worker-that-dies",
        requirement: "The pool MUST pass on the output of a task even if its worker dies in the next one.",
        source: PRINTED,
        rows: &["OUT-01"],
        needs: &[Has::Stdio, Has::WorkerDeath],
        kills: &["prints-at-the-exit-of-a-worker"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", print("a", "a quince\n", 1)).result("a");
            plan.submit("p", die("b", 1)).result("b").shutdown("p");
        },
        judge: |history| {
            history.value("result a")?;
            history.failure("result b", &[ErrorClass::Broken])?;
            printed(history, "a quince", 1)
        },
        ..CASE
    },
    Case {
        id: "output.of-a-task-with-a-bad-result",
        requirement: "The pool MUST pass on the output of a task once, also if its result cannot be encoded.",
        source: PRINTED,
        rows: &["OUT-01"],
        needs: &[Has::Stdio, Has::PoisonEncodeResult],
        kills: &["prints-nothing-with-a-bad-result"],
        plan: |plan| {
            let poison = Some(Place::EncodeResult);
            let call = Call { poison, ..print("a", "an apple\n", 1) };
            plan.new_pool("p", workers(1)).submit("p", call).result("a").shutdown("p");
        },
        judge: |history| {
            // Whether its worker survives is for the cases of codecs.
            let classes = [ErrorClass::Serialisation, ErrorClass::Task, ErrorClass::Broken];
            history.task_failure("a", &classes)?;
            printed(history, "an apple", 1)
        },
        ..CASE
    },
    Case {
        id: "output.of-a-map",
        requirement: "The pool MUST pass on the output of the items of a map once.",
        source: PRINTED,
        rows: &["OUT-01"],
        needs: &[Has::Stdio, Has::Map],
        kills: &["loses-the-output-of-maps"],
        plan: |plan| {
            let calls = ["a", "b", "c"].map(|tag| print(tag, "a sloe\n", 1));
            plan.new_pool("p", workers(2)).map("p", calls.into()).shutdown("p");
        },
        judge: |history| {
            history.values("map p")?;
            printed(history, "a sloe", 3)
        },
        ..CASE
    },
    Case {
        id: "output.printed-without-shutdown",
        requirement: "The pool MUST pass on, once, the output of a task that finishes after the program's last step.",
        source: PRINTED,
        rows: &["OUT-01", "SHUT-15"],
        needs: &[Has::Stdio],
        only: DRAINS,
        kills: &["prints-twice"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "go"));
            plan.submit("p", print("b", "an apple\n", 1)).hold("leave");
            plan.until(begun("a")).open("leave").quiet().open("go");
        },
        judge: |history| {
            history.event(EventKind::End, "b")?;
            printed(history, "an apple", 1)
        },
        ..CASE
    },
    Case {
        id: "output.all-of-it",
        requirement: "The pool MUST let a task print more than a pipe holds, and pass on all of it.",
        source: STREAMS,
        rows: &["OUT-01", "OUT-03"],
        needs: &[Has::Stdio],
        kills: &["prints-twice", "prints-letters-by-halves"],
        plan: |plan| {
            let line = format!("a plum {}\n", "-".repeat(120));
            plan.new_pool("p", workers(1)).submit("p", print("a", &line, 4096)).result("a");
            // Letters of several bytes: a block of them is not always a text.
            plan.submit("p", print("c", &pears(), 1)).result("c");
            plan.submit("p", echo("b", 2)).result("b").shutdown("p");
        },
        judge: |history| {
            history.value("result a")?;
            history.value("result c")?;
            history.returned("result b", 2)?;
            printed(history, "a plum", 4096)?;
            printed(history, &pears(), 1)
        },
        ..CASE
    },
    Case {
        id: "output.does-not-disturb-the-pool",
        requirement: "The pool MUST NOT be disturbed by the output of tasks, of any length.",
        source: STREAMS,
        rows: &["OUT-03"],
        needs: &[Has::Stdio],
        kills: &["exits-after-long-output"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            for number in 0..4 {
                plan.submit("p", print(&format!("t{number}"), "0123456789abcde\n", 1 << 14));
            }
            plan.submit("p", echo("a", 1));
            for tag in ["t0", "t1", "t2", "t3", "a"] {
                plan.result(tag);
            }
            plan.shutdown("p");
        },
        judge: |history| {
            for number in 0..4 {
                history.value(&format!("result t{number}"))?;
            }
            history.returned("result a", 1)
        },
        ..CASE
    },
    Case {
        id: "output.is-not-taken-for-messages",
        requirement: "The pool MUST NOT mistake the output of tasks for its own messages.",
        source: STREAMS,
        rows: &["OUT-03"],
        needs: &[Has::Stdio],
        kills: &["takes-output-for-the-next-result"],
        plan: |plan| {
            plan.new_pool("p", workers(2));
            for number in 0..10 {
                plan.submit("p", print(&format!("print{number}"), LIKE_A_MESSAGE, 200));
                plan.submit("p", echo(&format!("echo{number}"), number));
            }
            for number in 0..10 {
                plan.result(&format!("print{number}")).result(&format!("echo{number}"));
            }
            plan.shutdown("p");
        },
        judge: |history| {
            for number in 0..10 {
                history.value(&format!("result print{number}"))?;
                history.returned(&format!("result echo{number}"), number)?;
            }
            require(history.stderr.contains("9999999"), || "nothing was printed".to_owned())
        },
        ..CASE
    },
    Case {
        id: "output.of-an-initializer",
        requirement: "The pool MUST let an initializer print, once in every worker.",
        source: STREAMS,
        rows: &["OUT-01", "OUT-03"],
        needs: &[Has::Stdio],
        kills: &["initializes-twice"],
        plan: |plan| {
            let mut options = workers(2);
            options.initializer = Some(print("init", "a fig\n", 1));
            plan.new_pool("p", options);
            plan.submit("p", gated("a", "go")).submit("p", gated("b", "go"));
            plan.result("a").result("b").shutdown("p").until(tasks_begun(2)).open("go");
        },
        judge: |history| {
            history.returned("result a", "a")?;
            history.returned("result b", "b")?;
            let initialized = history.initialized().len();
            require(initialized == 2, || format!("{initialized} workers were initialized"))?;
            printed(history, "a fig", 2)
        },
        ..CASE
    },
    Case {
        id: "output.standard-input-has-an-end",
        requirement: "The pool MUST let a task read its standard input, which MUST NOT contain the pool's own messages.",
        source: STREAMS,
        rows: &["OUT-03"],
        needs: &[Has::Stdio],
        kills: &["fills-standard-input"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", call(Body::ReadStdin, "a"));
            plan.submit("p", echo("b", 2)).result("a").result("b").shutdown("p");
        },
        judge: |history| {
            history.returned("result a", 0)?;
            history.returned("result b", 2)
        },
        ..CASE
    },
    Case {
        id: "output.clean-run-is-silent",
        level: Level::Should,
        requirement: "The pool SHOULD print nothing on standard error when nothing went wrong.",
        source: QUIET,
        rows: &["OUT-02"],
        kills: &["announces-its-pools"],
        plan: |plan| {
            plan.new_pool("p", marked(2, ())).map("p", squares("t", 10)).shutdown("p");
        },
        judge: |history| {
            let values = history.values("map p")?;
            require(values == squared(10), || format!("the results were {values:?}"))?;
            nothing_said(history)
        },
        ..CASE
    },
    Case {
        id: "output.silent-without-shutdown",
        level: Level::Should,
        requirement: "The pool SHOULD print nothing on standard error when the program ends without a shutdown.",
        source: QUIET,
        rows: &["OUT-02"],
        needs: &[Has::Submit],
        kills: &["warns-without-a-shutdown"],
        plan: |plan| {
            plan.new_pool("p", workers(2)).submit("p", echo("a", 1)).result("a");
        },
        judge: |history| {
            history.returned("result a", 1)?;
            nothing_said(history)
        },
        ..CASE
    },
    Case {
        id: "output.silent-about-errors-of-tasks",
        level: Level::Should,
        requirement: "The pool SHOULD report a task's error by its future only.",
        source: QUIET,
        rows: &["OUT-02"],
        needs: &[Has::Submit],
        kills: &["prints-errors-of-tasks"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", fail("a", "oh")).result("a").shutdown("p");
        },
        judge: |history| {
            history.failure("result a", &[ErrorClass::Task])?;
            nothing_said(history)
        },
        ..CASE
    },
    Case {
        id: "output.silent-about-cancelled-tasks",
        level: Level::Should,
        requirement: "The pool SHOULD print nothing on standard error when its shutdown cancels tasks.",
        source: QUIET,
        rows: &["OUT-02"],
        needs: &[Has::Submit, Has::ShutdownCancel, Has::Threads],
        kills: &["prints-cancellations"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", gated("a", "go"));
            for number in 0..6 {
                plan.submit("p", echo(&format!("t{number}"), number));
            }
            plan.hold("full").shutdown_with("p", true, true);
            plan.client("second").hold("full").result("t5");
            plan.until(begun("a")).open("full").until(returned("result t5")).open("go");
        },
        judge: |history| {
            history.failure("result t5", &[ErrorClass::Cancelled])?;
            nothing_said(history)
        },
        ..CASE
    },
    Case {
        id: "output.failing-task-does-not-end-the-program",
        requirement: "The pool MUST NOT end its program when a task fails whose future is never read.",
        source: "CPython: test_concurrent_futures/executor.py, test_no_stale_references",
        rows: &["SUB-24"],
        kills: &["ends-with-a-failing-task"],
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", fail("a", "oh")).submit("p", echo("b", 2));
            plan.result("b").shutdown("p");
        },
        judge: |history| {
            history.event(EventKind::Failed, "a")?;
            history.returned("result b", 2)
        },
        ..CASE
    },
];

/// Behaviours that no case here covers.
pub(super) const NOT_TESTED: &[(&str, &str)] =
    &[("OUT-04", "Warnings about an exiting worker depend on the library.")];
