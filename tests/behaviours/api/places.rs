//! The surroundings of workers: their environment, the targets of their output, and their oom_score_adj.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use nix::libc::{EISDIR, ENOENT};
use procpool::{Builder, Error, Output};
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::task::pid;
use procpool_testkit::{os, watch};

/// Returns the values of `name` in two workers, both at the crossing.
fn variable_in_both(builder: Builder, name: &str) -> [Option<String>; 2] {
    let look =
        |(places, name): ((String, String), String)| (cross(places), std::env::var(name).ok());
    let crossing = Crossing::new();
    let executor = builder.max_workers(2).build().unwrap();
    let futures = [(), ()].map(|()| executor.submit(look, (crossing.places(), name.to_owned())));
    crossing.wait_for(2);
    crossing.let_go(2);
    let [(one, first), (other, second)] = futures.map(|future| future.result().unwrap());
    assert_ne!(one, other);
    [first, second]
}

// Behaviours: CFG-11.
#[test]
fn a_variable_is_set_in_every_worker_and_nowhere_else() {
    watch::within(watch::HANG, || {
        let expected = [Some("yes".to_owned()), Some("yes".to_owned())];
        let builder = || crate::builder().env("PROCPOOL_TEST", "yes");
        assert_eq!(variable_in_both(builder(), "PROCPOOL_TEST"), expected);
        assert!(std::env::var("PROCPOOL_TEST").is_err());
        let other = crate::builder();
        assert_eq!(variable_in_both(other, "PROCPOOL_TEST"), [None, None]);
    });
}

// Behaviours: CFG-11.
#[test]
fn a_variable_overrides_the_inherited_value_and_the_last_one_counts() {
    watch::within(watch::HANG, || {
        let inherited = std::env::var("PATH").expect("cargo sets it");
        let builder = crate::builder().env("PATH", "/one").env("PATH", "/a=b");
        let expected = [Some("/a=b".to_owned()), Some("/a=b".to_owned())];
        assert_eq!(variable_in_both(builder, "PATH"), expected);
        assert_eq!(std::env::var("PATH"), Ok(inherited.clone()));
        let untouched = crate::builder().env("PATHS", "/one");
        assert_eq!(variable_in_both(untouched, "PATH"), [Some(inherited.clone()), Some(inherited)]);
    });
}

#[test]
fn an_invalid_environment_variable_is_refused() {
    watch::within(watch::HANG, || {
        for name in ["", "=", "a=b", "a\0b"] {
            let error = crate::builder().env(name, "value").build().unwrap_err();
            assert_eq!(
                error.to_string(),
                "invalid argument: the name of an environment variable must not be empty, nor contain \
                 `=` or NUL",
                "{name:?}"
            );
        }
        let error = crate::builder().env("name", "a\0b").build().unwrap_err();
        let expected = "the value of an environment variable must not contain NUL";
        assert_eq!(error, Error::InvalidArgument(expected.into()));
        let bytes = OsString::from_vec(vec![0xff, 0xfe]);
        assert!(crate::builder().env(bytes.clone(), bytes).build().is_ok());
    });
}

/// Stops at a crossing, then writes `text` and the worker's id, to stdout and stderr.
fn write((places, text): ((String, String), String)) -> u32 {
    let worker = cross(places);
    println!("{text} {worker}");
    // With one write, unlike eprintln.
    let line = format!("{text} {worker} failed\n");
    io::stderr().write_all(line.as_bytes()).expect("stderr is open");
    worker
}

/// Runs [`write`] in two workers at once; returns their ids.
fn write_in_two(builder: Builder, text: &str) -> [u32; 2] {
    let crossing = Crossing::new();
    let executor = builder.max_workers(2).build().unwrap();
    let futures = [(), ()].map(|()| executor.submit(write, (crossing.places(), text.to_owned())));
    crossing.wait_for(2);
    crossing.let_go(2);
    futures.map(|future| future.result().unwrap())
}

fn lines_of(path: &Path) -> HashSet<String> {
    fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn a_path_with_a_placeholder_gives_each_worker_its_own_file() {
    watch::within(watch::HANG, || {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        let builder = crate::builder()
            .stdout(Output::File(file("out-{worker}")))
            .stderr(Output::File(file("{worker}-errors")));
        let workers = write_in_two(builder, "hello from");
        let written = [0, 1].map(|worker| {
            let text = fs::read_to_string(file(&format!("out-{worker}"))).unwrap();
            let errors = fs::read_to_string(file(&format!("{worker}-errors"))).unwrap();
            assert_eq!(errors, format!("{} failed\n", text.trim_end()));
            text
        });
        let expected = workers.map(|worker| format!("hello from {worker}\n"));
        assert_eq!(HashSet::from(written), HashSet::from(expected));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4, "one per worker and stream");
    });
}

#[test]
fn workers_share_a_file_and_append_to_it() {
    watch::within(watch::HANG, || {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("workers.log");
        fs::write(&path, "from before\n").unwrap();
        let output = Output::File(path.clone());
        let builder = crate::builder().stdout(output.clone()).stderr(output);
        let workers = write_in_two(builder, "hello from");
        let mut expected = HashSet::from(["from before".to_owned()]);
        for worker in workers {
            expected.insert(format!("hello from {worker}"));
            expected.insert(format!("hello from {worker} failed"));
        }
        assert_eq!(lines_of(&path), expected);
    });
}

#[test]
fn a_replacement_worker_appends_to_the_file_of_the_one_before() {
    watch::within(watch::HANG, || {
        let folder = tempfile::tempdir().unwrap();
        let builder = crate::builder()
            .max_workers(2)
            .death_policy(procpool::DeathPolicy::Replace { retries: 0 })
            .stdout(Output::File(folder.path().join("{worker}")));
        let executor = builder.build().unwrap();
        let print_and_stop = |(places, dies): ((String, String), bool)| {
            println!("{}", std::process::id());
            cross(places);
            if dies {
                std::process::exit(1);
            }
        };
        let [first, second] = [Crossing::new(), Crossing::new()];
        let dying = executor.submit(print_and_stop, (first.places(), true));
        first.wait_for(1);
        let staying = executor.submit(print_and_stop, (second.places(), false));
        second.wait_for(1);
        first.let_go(1);
        assert!(dying.error().is_some());
        let next = executor.submit(print_and_stop, (second.places(), false));
        second.wait_for(1);
        second.let_go(2);
        assert!(next.result().is_ok() && staying.result().is_ok());
        drop(executor);
        assert_eq!(lines_of(&folder.path().join("0")).len(), 2);
        assert_eq!(lines_of(&folder.path().join("1")).len(), 1);
    });
}

#[test]
fn output_can_be_discarded() {
    watch::within(watch::HANG, || {
        let builder = crate::builder().stdout(Output::Null).stderr(Output::Null);
        let executor = builder.max_workers(1).build().unwrap();
        let worker = executor.submit(pid, ()).result().unwrap();
        for (number, target) in os::descriptors_of(worker).into_iter().take(3) {
            assert_eq!(target, "/dev/null", "{number}");
        }
        let write = |()| print!("{}", "nobody reads this\n".repeat(1 << 16));
        assert_eq!(executor.submit(write, ()).result(), Ok(()));
    });
}

#[test]
fn a_file_that_cannot_be_opened_is_an_error_of_build() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("1")).unwrap();
    let cases = [("missing/log", "missing/log", ENOENT), ("{worker}", "1", EISDIR)];
    for (path, refused, errno) in cases {
        let output = Output::File(folder.path().join(path));
        for builder in [
            crate::builder().max_workers(2).stdout(output.clone()),
            crate::builder().max_workers(2).stderr(output.clone()),
        ] {
            let error = builder.build().unwrap_err();
            let path = folder.path().join(refused);
            let text = format!("{path:?} cannot be opened for the output of workers: ");
            assert!(error.to_string().starts_with(&text), "{error}");
            let errno = procpool::Errno::from_raw(errno);
            assert_eq!(error, Error::OutputFile { path, errno });
        }
    }
}

#[test]
fn an_error_in_a_path_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let missing = folder.path().join("missing");
    let cases = [
        (missing.join("log"), format!("there is no folder {missing:?}: create it")),
        (file.join("log"), format!("there is no folder {file:?}: create it")),
        ("".into(), "\"\" cannot be opened for the output of workers: name a file".to_owned()),
        ("a\0b".into(), "\"a\\0b\" cannot be".to_owned()),
        ("/proc/self/comm".into(), "/proc and /sys keep nothing: name a file".to_owned()),
        ("/proc/self/oom_score_adj".into(), "/proc and /sys keep nothing".to_owned()),
    ];
    for (path, expected) in cases {
        let output = Output::File(path);
        for builder in [crate::builder().stdout(output.clone()), crate::builder().stderr(output)] {
            let error = builder.build().unwrap_err().to_string();
            assert!(error.contains(&expected), "{error}");
        }
    }
}

#[test]
fn capturing_zero_lines_of_stderr_captures_nothing() {
    let error = crate::builder().capture_stderr(0).build().unwrap_err();
    assert_eq!(error, Error::InvalidArgument("capture_stderr must keep at least one line".into()));
}

fn oom_score_adj(_: ()) -> i16 {
    let text = fs::read_to_string("/proc/self/oom_score_adj").expect("Linux has it");
    text.trim().parse().expect("a number")
}

#[test]
fn a_worker_has_the_oom_score_adj_that_is_set_and_otherwise_the_programs() {
    watch::within(watch::HANG, || {
        let own = oom_score_adj(());
        let of = |builder: Builder| {
            let executor = builder.max_workers(1).max_tasks_per_child(1).build().unwrap();
            [(); 2].map(|()| executor.submit(oom_score_adj, ()).result().unwrap())
        };
        assert_eq!(of(crate::builder()), [own; 2]);
        for higher in [own + 1, 1000] {
            assert_eq!(of(crate::builder().oom_score_adj(higher)), [higher; 2]);
        }
        assert_eq!(oom_score_adj(()), own);
    });
}

#[test]
fn an_initializer_runs_with_the_oom_score_adj_that_is_set() {
    watch::within(watch::HANG, || {
        let builder = crate::builder().max_workers(1).oom_score_adj(1000);
        let executor = builder.initializer(|| Ok::<i16, String>(oom_score_adj(()))).build();
        let seen = executor.unwrap().submit_with(|seen, ()| *seen, ()).result();
        assert_eq!(seen, Ok(1000));
    });
}

#[test]
fn an_oom_score_adj_that_the_system_does_not_know_is_refused() {
    for score in [-1001, 1001] {
        let error = crate::builder().oom_score_adj(score).build().unwrap_err();
        assert_eq!(error, Error::InvalidArgument("oom_score_adj is from -1000 to 1000".into()));
    }
}
