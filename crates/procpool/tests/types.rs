//! The traits of every public type: it may be sent to and shared by threads, it is
//! shown by `{:?}`, it need not be pinned, and errors are errors.
//!
//! None of that is written down where the types are; a new field could take it away unnoticed.

use std::cell::Cell;
use std::error::Error as Plain;
use std::fmt::Debug;
use std::hash::Hash;
use std::rc::Rc;

use procpool::{
    Activity, AsCompleted, AsCompletedTimeout, Awaiting, BrokenCause, BrokenProcessPool,
    BufferedMap, Builder, CodecError, CodecStep, DeathPolicy, DoneAndNotDone, Errno, Error, Event,
    EventKind, Events, ExitReason, Future, HostName, KillOutcome, Map, MapOptions, Output,
    ProcessPoolExecutor, RemotePanic, Report, ResourceUsage, ReturnWhen, SelfDescribing,
    ShutdownOptions, StartMethod, Stats, SubmitOptions, TrySubmitError, WorkerDeath, WorkerExit,
    WorkerInfo, WorkerResult, WorkerState,
};

/// A state, which never leaves its worker, or a result that is still bytes: neither keeps a handle from
/// being sent or shared.
type Local = Rc<Cell<u8>>;

fn is_handle<T: Send + Sync + Debug + Unpin>() {}

/// A stream of its one reader's.
fn is_reader<T: Send + Debug + Unpin>() {}

fn is_value<T: Clone + PartialEq + Send + Sync + Debug + Unpin + 'static>() {}

/// So that exits can be counted by their reason, for example.
fn is_key<T: Copy + Eq + Hash>() {}

fn is_error<T: Plain + Clone + PartialEq + Send + Sync + Unpin + 'static>() {}

#[test]
fn handles_are_send_and_sync_for_any_state_and_result() {
    is_handle::<Builder<Local>>();
    is_handle::<ProcessPoolExecutor<Local>>();
    is_handle::<SubmitOptions<'_, Local>>();
    is_handle::<MapOptions<'_, Local>>();
    is_handle::<Future<Local>>();
    is_handle::<Awaiting<Local>>();
    is_handle::<Map<Local>>();
    is_handle::<BufferedMap<Local, std::ops::Range<u8>>>();
    is_handle::<AsCompleted<'_, Local>>();
    is_handle::<AsCompletedTimeout<'_, Local>>();
    is_handle::<DoneAndNotDone<'_, Local>>();
    is_reader::<Events>();
}

#[test]
#[cfg(feature = "stream")]
fn streams_are_send_and_sync_and_unpin() {
    use procpool::IntoStream;
    is_handle::<IntoStream<Map<u8>>>();
    is_handle::<IntoStream<BufferedMap<u8, std::ops::Range<u8>>>>();
    is_handle::<IntoStream<AsCompleted<'_, Local>>>();
}

#[test]
fn values_implement_the_common_traits() {
    is_value::<Activity>();
    is_value::<CodecStep>();
    is_value::<DeathPolicy>();
    is_value::<Event>();
    is_value::<EventKind>();
    is_value::<ExitReason>();
    is_value::<HostName>();
    is_value::<KillOutcome>();
    is_value::<Output>();
    is_value::<Report<u8>>();
    is_value::<ResourceUsage>();
    is_value::<ReturnWhen>();
    is_value::<SelfDescribing<u8>>();
    is_value::<ShutdownOptions>();
    is_value::<StartMethod>();
    is_value::<Stats>();
    is_value::<WorkerExit>();
    is_value::<WorkerInfo>();
    is_value::<WorkerResult<u8>>();
}

#[test]
fn values_that_name_a_choice_or_a_kind_can_be_keys() {
    is_key::<Activity>();
    is_key::<CodecStep>();
    is_key::<DeathPolicy>();
    is_key::<ExitReason>();
    is_key::<HostName>();
    is_key::<KillOutcome>();
    is_key::<ReturnWhen>();
    is_key::<ShutdownOptions>();
    is_key::<StartMethod>();
    is_key::<WorkerExit>();
    is_key::<WorkerInfo>();
    is_key::<WorkerState>();
}

#[test]
fn errors_implement_the_error_trait() {
    is_error::<Error>();
    is_error::<BrokenCause>();
    is_error::<BrokenProcessPool>();
    is_error::<CodecError>();
    is_error::<Errno>();
    is_error::<RemotePanic>();
    is_error::<TrySubmitError<u8>>();
    is_error::<WorkerDeath>();
}

/// The names of types that `source` makes public, in its lines `pub use …;`.
fn public_types(source: &str) -> Vec<&str> {
    let uses = source.split("\npub use ").skip(1).filter_map(|rest| rest.split(';').next());
    uses.flat_map(|list| list.split(|c: char| !c.is_alphanumeric() && c != '_'))
        .filter(|name| name.starts_with(char::is_uppercase))
        .collect()
}

/// Those of `types` that no line of `source` like `is_value::<Name…` is about.
fn unpinned<'a>(types: &[&'a str], source: &str) -> Vec<&'a str> {
    let pins = |name: &&str| {
        source.lines().any(|line| {
            let about = line.trim().strip_prefix("is_").and_then(|line| line.split_once("::<"));
            let about = about.and_then(|(_, rest)| rest.strip_prefix(*name));
            about.is_some_and(|rest| rest.starts_with(['<', '>']))
        })
    };
    types.iter().filter(|name| !pins(name)).copied().collect()
}

#[test]
fn no_public_type_is_forgotten() {
    let types = public_types(include_str!("../src/lib.rs"));
    // Traits have no values.
    assert_eq!(unpinned(&types, include_str!("types.rs")), ["Payload", "InitializerOutput"]);
}

#[test]
fn a_forgotten_type_is_found() {
    let types = public_types("\nmod a;\npub use a::{First, second};\npub use b::Third;\n");
    assert_eq!(types, ["First", "Third"]);
    assert_eq!(
        unpinned(&types, "    is_value::<Firstling>();\n    is_value::<Third<u8>>();"),
        ["First"]
    );
}
