//! Values that end the worker that encodes or decodes them, by an exit or a crash.

use std::fmt::Debug;

use nix::libc;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{Signal, raise};
use procpool::{Activity, BrokenCause, Future, WorkerExit};
use procpool_testkit::watch;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::behaviours::causes::cause_for;
use crate::behaviours::errors::exit;
use crate::behaviours::pools::pool;

/// The end of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum End {
    Exit,
    Crash,
}

impl End {
    fn come(self) {
        match self {
            End::Exit => exit(0),
            End::Crash => {
                // Without a core dump for every run of a test.
                setrlimit(Resource::RLIMIT_CORE, 0, 0).expect("it may be lowered");
                raise(Signal::SIGSEGV).expect("a process can signal itself");
            }
        }
    }

    /// The exit that the pool must report.
    fn status(self) -> WorkerExit {
        match self {
            End::Exit => WorkerExit::Code(0),
            End::Crash => WorkerExit::Signal(libc::SIGSEGV),
        }
    }
}

/// Ends the process that decodes it.
#[derive(Debug, Serialize)]
struct EndsWhenDecoded(End);

impl<'de> Deserialize<'de> for EndsWhenDecoded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let end = End::deserialize(deserializer)?;
        end.come();
        Ok(Self(end))
    }
}

/// Ends the process that encodes it.
#[derive(Debug, Deserialize)]
struct EndsWhenEncoded(End);

impl Serialize for EndsWhenEncoded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.come();
        self.0.serialize(serializer)
    }
}

fn assert_ended<T: DeserializeOwned + Debug + 'static>(future: &Future<T>, end: End) {
    let cause = cause_for(future);
    let BrokenCause::WorkerDied(death) = &cause else { panic!("{cause}") };
    assert_eq!((death.exit, death.activity), (end.status(), Activity::Running(1)), "{cause}");
}

// Behaviours: SER-04, SER-05.
#[test]
fn a_worker_that_dies_while_decoding_arguments_breaks_the_pool() {
    watch::within(watch::HANG, || {
        for end in [End::Exit, End::Crash] {
            let executor = pool(1);
            assert_ended(&executor.submit(|_: EndsWhenDecoded| (), EndsWhenDecoded(end)), end);
        }
    });
}

// Behaviours: SER-07, SER-08.
#[test]
fn a_worker_that_dies_while_encoding_its_result_breaks_the_pool() {
    watch::within(watch::HANG, || {
        for end in [End::Exit, End::Crash] {
            let executor = pool(1);
            assert_ended(&executor.submit(EndsWhenEncoded, end), end);
        }
    });
}
