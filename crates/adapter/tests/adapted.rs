//! The runtime's use of an adapter's table, on a library without processes whose behaviour is defined
//! here.

use std::sync::Arc;
use std::time::Duration;

use procpool_adapter::library::{Future, Library, Pool};
use procpool_adapter::{Adapted, Adapter, Classified, ErrorClass, Stop, Until, Wire};
use procpool_contract::{Body, Call, PoolOptions};

/// Its functions. A pool with 9 workers is refused; a task fails by its name.
const TOY: Adapter<(), usize, Toy, ToyError> = Adapter {
    description: "{}",
    start_methods: &[("spawn", ())],
    init: || {},
    new: |(), settings, _| Ok(settings.max_workers.unwrap_or(1)),
    submit: |pool, _, argument| {
        Ok(match argument.call().run {
            _ if *pool == 9 => Toy { state: "done", result: Err(ToyError::Closed) },
            Body::Fail => Toy { state: "done", result: Err(ToyError::Failed(argument.call().tag)) },
            Body::Gate => Toy { state: "running", result: Ok(argument) },
            Body::Sleep => Toy { state: "pending", result: Ok(argument) },
            Body::Die => Toy { state: "cancelled", result: Ok(argument) },
            _ => Toy { state: "done", result: Ok(argument) },
        })
    },
    refused: Some(|toy| matches!(toy.result, Err(ToyError::Closed))),
    map: None,
    shutdown: |_, _, _| {},
    kill_workers: None,
    result: |toy| toy.result.clone(),
    result_timeout: None,
    cancel: None,
    states: Some([
        |toy| toy.state == "running",
        |toy| matches!(toy.state, "done" | "cancelled"),
        |toy| toy.state == "cancelled",
    ]),
    add_callback: None,
    wait: Some(|futures, _, _| futures.into_iter().filter(|toy| toy.state == "done").collect()),
    as_completed: Some(|futures, timeout| {
        let late = timeout.map(|_| Err(ToyError::Late));
        Box::new(futures.into_iter().take(1).map(Ok).chain(late))
    }),
    classify: |error| match error {
        ToyError::Closed => ErrorClass::Rejected.into(),
        ToyError::Failed(tag) => Classified::task([tag, tag]),
        ToyError::Late => ErrorClass::Timeout.into(),
    },
};

struct Toy {
    state: &'static str,
    result: Result<Wire, ToyError>,
}

#[derive(Debug, Clone)]
enum ToyError {
    Closed,
    Failed(String),
    Late,
}

impl std::fmt::Display for ToyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the toy refuses")
    }
}

impl std::error::Error for ToyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        matches!(self, Self::Failed(_)).then_some(&std::fmt::Error)
    }
}

fn toy() -> impl Library {
    Adapted::new(TOY, None).expect("there is no choice")
}

fn pool(workers: i64) -> Box<dyn Pool> {
    let options = PoolOptions { max_workers: Some(workers), ..PoolOptions::default() };
    toy().new_pool(&options).expect("a toy is made of any number")
}

fn call(run: &str) -> Call {
    serde_json::from_value(serde_json::json!({"run": run, "tag": "here"})).expect("it is a call")
}

fn future(run: &str) -> Arc<dyn Future> {
    pool(1).submit(&call(run)).expect("a small pool refuses nothing")
}

#[test]
fn states_are_read_from_predicates() {
    let states = ["sleep", "gate", "echo", "fail", "die"].map(|run| future(run).state().ok());
    assert_eq!(states, ["pending", "running", "done", "done", "cancelled"].map(Some));
}

#[test]
fn the_future_of_a_refused_task_is_a_refused_submission() {
    let refused = pool(9).submit(&call("echo")).err();
    assert!(
        matches!(&refused, Some(Stop::Failed(failure)) if failure.class == ErrorClass::Rejected),
        "{refused:?}"
    );
}

#[test]
fn an_error_has_its_variant_its_causes_and_its_location() {
    let Err(Stop::Failed(failure)) = future("fail").result(None) else {
        panic!("it does not fail");
    };
    assert_eq!(failure.class, ErrorClass::Task);
    assert_eq!(failure.r#type.as_deref(), Some("Failed"));
    assert_eq!(failure.message, format!("the toy refuses: {}", std::fmt::Error));
    assert_eq!(failure.trace.as_deref(), Some("here\nhere"));
}

#[test]
fn futures_are_distinguished_by_identity() {
    let (done, running) = (future("echo"), future("gate"));
    let all = [Arc::clone(&running), Arc::clone(&done), Arc::clone(&done)];
    let waited = toy().wait(&all, Until::AllCompleted, None);
    // The toy returns it once for each time that it is passed.
    assert_eq!(waited.ok(), Some(vec![1, 2, 1, 2]));
    assert_eq!(toy().as_completed(&all[1..], None).ok(), Some((vec![0], false)));
    let limit = Some(Duration::from_secs(1));
    assert_eq!(toy().as_completed(&all, limit).ok(), Some((vec![0], true)));
}

#[test]
fn a_step_without_an_entry_in_the_table_is_unsupported() {
    let cancelled = future("echo").cancel();
    assert!(
        matches!(&cancelled, Err(Stop::Unsupported(what)) if what == "cancel"),
        "{cancelled:?}"
    );
}

#[test]
fn a_start_method_must_be_one_of_the_library() {
    assert!(Adapted::new(TOY, Some("spawn")).is_some());
    assert!(Adapted::new(TOY, Some("fork")).is_none());
    let several = Adapter { start_methods: &[("spawn", ()), ("fork", ())], ..TOY };
    assert!(Adapted::new(several, None).is_none(), "nobody has chosen");
}
