//! Properties of every error: its text, its source, and that it can be sent.

use std::error::Error as Plain;
use std::os::unix::ffi::OsStringExt;

use nix::libc;
use procpool_launch::{ResourceUsage, WorkerExit};

use super::*;

fn panic() -> RemotePanic {
    let (message, location) = ("told to".to_owned(), Some("a.rs:1:2".to_owned()));
    RemotePanic { message, location, backtrace: Some("0: frame".to_owned()) }
}

fn codec() -> CodecError {
    let (type_name, message) = ("Secret".to_owned(), "it stays here".to_owned());
    CodecError { step: CodecStep::DecodeResult, type_name, message }
}

fn death() -> WorkerDeath {
    let time = Duration::from_millis(5);
    let usage = Some(
        serde_json::from_value::<ResourceUsage>(serde_json::json!({
            "user_time": time, "system_time": time, "max_rss": 6
        }))
        .unwrap(),
    );
    let (exit, activity) = (WorkerExit::Signal(9), Activity::Starting);
    WorkerDeath {
        pid: 7,
        exit,
        host: None,
        oom_killed: false,
        activity,
        usage,
        refused: None,
        stderr: Some("last words".into()),
    }
}

fn causes() -> Vec<BrokenCause> {
    let (pid, timeout, threads) = (7, Duration::from_secs(8), 2);
    let (exit, activity) = (WorkerExit::Code(1), Activity::Starting);
    let errno = Errno::from_raw(libc::EAGAIN);
    vec![
        BrokenCause::InitializerFailed { pid, message: "no licence".to_owned() },
        BrokenCause::InitializerPanicked { pid, panic: panic() },
        BrokenCause::InitargsLost { pid, error: codec() },
        BrokenCause::WorkerDied(death()),
        BrokenCause::StartTimeout { pid, timeout },
        BrokenCause::StartFailed { what: "a process".into(), errno },
        BrokenCause::Protocol { pid, what: "sent nonsense".to_owned() },
        BrokenCause::ForkserverDied { pid, exit, activity, refused: None, copy: false },
        BrokenCause::ForkserverDied {
            pid,
            exit,
            activity,
            refused: Some("it is".to_owned()),
            copy: true,
        },
        BrokenCause::DescriptorLost { errno },
        BrokenCause::ForkserverTimeout { pid, timeout, activity },
        BrokenCause::PreloadPanicked { pid, panic: panic() },
        BrokenCause::ThreadsBeforeInit { pid, threads },
        BrokenCause::PreloadLeftThreads { pid, threads },
        BrokenCause::Killed,
        BrokenCause::Terminated,
        BrokenCause::Internal("a bug".to_owned()),
    ]
}

/// Every error, with the name of its variant.
fn errors() -> Vec<(&'static str, Error)> {
    let (work_item, limit) = (5, Duration::from_secs(8));
    let path = PathBuf::from(std::ffi::OsString::from_vec(vec![b'/', 0xff]));
    let errno = Errno::from_raw(libc::EACCES);
    let mut errors = vec![
        ("InvalidArgument", Error::InvalidArgument("chunksize must be greater than 0".into())),
        ("NotInitialized", Error::NotInitialized),
        ("Setup", Error::setup("an epoll descriptor")(Known::EMFILE)),
        ("NotRestartable", Error::NotRestartable("it is gone".into())),
        ("OutputFile", Error::OutputFile { path, errno }),
        ("Shutdown", Error::Shutdown),
        ("QueueFull", Error::QueueFull),
        ("Cancelled", Error::Cancelled),
        ("TimedOut", Error::TimedOut(limit)),
        ("Panicked", Error::Panicked(panic())),
        ("Codec", Error::Codec(codec())),
        ("ForeignFunction", Error::ForeignFunction("fn()".into())),
        ("TimeLimitExceeded", Error::TimeLimitExceeded { work_item, limit }),
        ("TaskKilled", Error::TaskKilled { work_item }),
        ("WorkerDied", Error::WorkerDied(death())),
        ("Protocol", Error::Protocol { pid: 7, what: "sent nonsense".to_owned() }),
        ("ForkWithThreads", Error::ForkWithThreads { threads: 2 }),
        (
            "WorkersNotStarted",
            Error::WorkersNotStarted(Box::new(BrokenCause::StartFailed {
                what: "a pipe".into(),
                errno,
            })),
        ),
        ("OutOfMemory", Error::OutOfMemory { step: CodecStep::DecodeResult, bytes: 9 }),
        ("ForkedCopy", Error::ForkedCopy),
    ];
    let broken = |cause: BrokenCause| ("BrokenProcessPool", Error::BrokenProcessPool(cause.into()));
    errors.extend(causes().into_iter().map(broken));
    errors
}

#[test]
fn each_error_survives_both_formats() {
    for (name, error) in errors() {
        let bytes = postcard::to_allocvec(&error).unwrap();
        assert_eq!(postcard::from_bytes::<Error>(&bytes).as_ref(), Ok(&error), "{name}");
        let bytes = rmp_serde::to_vec_named(&error).unwrap();
        assert_eq!(rmp_serde::from_slice::<Error>(&bytes).unwrap(), error, "{name}");
    }
}

#[test]
fn an_error_from_main_prints_its_text_and_its_structure_on_demand() {
    for (name, error) in errors() {
        assert_eq!(format!("{error:?}"), error.to_string(), "{name}");
        let structure = format!("{error:#?}");
        let rest = structure.strip_prefix(name).expect(name);
        assert!(rest.is_empty() || rest.starts_with(['(', ' ']), "{structure}");
    }
    let structure = format!("{:#?}", Error::TaskKilled { work_item: 5 });
    assert_eq!(structure, "TaskKilled {\n    work_item: 5,\n}");
    let structure = format!("{:#?}", Error::TimedOut(Duration::from_secs(8)));
    assert_eq!(structure, "TimedOut(\n    8s,\n)");
}

#[test]
fn a_chain_of_causes_repeats_nothing() {
    for (name, error) in errors() {
        let mut said = error.to_string();
        assert!(!said.contains('\n') || said.ends_with("\n  last words"), "one line: {said}");
        let mut cause = error.source();
        while let Some(error) = cause {
            assert!(!said.contains(&error.to_string()), "{name}: {error} is in {said}");
            said += &error.to_string();
            cause = error.source();
        }
    }
    let number = |error: &Error| error.source()?.downcast_ref().map(|errno: &Errno| errno.raw());
    let refused = BrokenCause::StartFailed { what: "a process".into(), errno: Errno::from_raw(11) };
    assert_eq!(number(&Error::BrokenProcessPool(refused.into())), Some(11));
    assert_eq!(number(&Error::setup("a pipe")(Known::ENOMEM)), Some(libc::ENOMEM));
}

#[test]
fn a_death_by_the_out_of_memory_killer_is_called_that() {
    let mut death = death();
    assert!(death.to_string().starts_with("worker 7 was killed by SIGKILL while "), "{death}");
    death.oom_killed = true;
    let text = "worker 7 was killed by SIGKILL, probably from the kernel's out-of-memory killer, while starting; ";
    assert!(death.to_string().starts_with(text), "{death}");
}

#[test]
fn the_parts_of_an_error_are_errors() {
    let parts: [Box<dyn Plain + Send + Sync>; 4] =
        [Box::new(panic()), Box::new(codec()), Box::new(death()), Box::new(BrokenCause::Killed)];
    for part in parts {
        assert!(part.source().is_none() && !part.to_string().is_empty());
    }
}

#[test]
fn a_refusal_of_the_system_is_explained() {
    let cases = [
        ("a process", Known::EAGAIN, "`ulimit -u`"),
        ("the manager thread", Known::EAGAIN, "pids.max"),
        ("a socket pair", Known::EMFILE, "`ulimit -n`"),
        ("a socket pair", Known::ENFILE, "fs.file-max"),
        ("shared memory", Known::ENOMEM, "memory.max"),
        ("shared memory", Known::EFBIG, "`ulimit -f`"),
        ("a copy of the forkserver", Known::ENOENT, "no /proc"),
        ("a process that reads /dev/null", Known::ENOENT, "no /dev/null"),
        ("a process", Known::ENOENT, "dynamic loader"),
        ("a process", Known::EACCES, "execve"),
        ("the oom_score_adj of a worker", Known::EACCES, "CAP_SYS_RESOURCE"),
        ("a process", Known::E2BIG, "`ulimit -s`"),
        ("the manager thread", Known::EINVAL, "unshare --pid --fork"),
        ("a process descriptor", Known::ENOSYS, "allow pidfd_open"),
        ("shared memory", Known::EPERM, "allow memfd_create"),
        ("a socket pair", Known::EPERM, "allow socketpair"),
        ("an epoll registration", Known::EPERM, "epoll_ctl"),
        ("a request to the forkserver", Known::EPERM, "allow sendmsg"),
        ("a pipe for stderr", Known::EPERM, "allow pipe2"),
        ("the thread for stderr", Known::EPERM, "allow clone"),
        ("a process", Known::EIO, "I/O error"),
    ];
    for (what, errno, remedy) in cases {
        let text = Error::setup(what)(errno).to_string();
        assert!(text.starts_with(&format!("the pool could not create {what}: ")), "{text}");
        assert!(text.contains(remedy), "{text}");
    }
}
