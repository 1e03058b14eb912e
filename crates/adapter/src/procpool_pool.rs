//! procpool, as its users use it.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use procpool::{
    BrokenCause, Builder, CodecError, Error, ProcessPoolExecutor, RemotePanic, ReturnWhen,
    StartMethod, WorkerDeath, WorkerExit,
};
use procpool_conformance::contract::{
    Call, Capability as Has, Description, ErrorClass, Failure, MapOptions, Outcome, Policies,
    PoolOptions, Until, VERSION, policy,
};
use serde_json::Value;

use crate::body;
use crate::carry_out::pulled;
use crate::library::{Callback, Future, Library, Map, Pool, Stop};
use crate::wire::Wire;

/// The library.
#[derive(Debug, Clone, Copy)]
pub struct Procpool {
    /// How workers are started.
    pub method: StartMethod,
    /// What runs in a worker for a task: [`run`], but for saboteurs.
    pub run: fn(Wire) -> Wire,
    /// What runs in a worker first: [`initialize`], but for saboteurs.
    pub initialize: fn(String) -> Result<(), String>,
    /// Whether all workers are started with the pool. A pool is not to do that unasked.
    pub eager: bool,
}

impl Procpool {
    /// As its users use it.
    pub fn new(method: StartMethod) -> Self {
        Self { method, run, initialize, eager: false }
    }
}

/// A pool of it.
struct OurPool {
    executor: ProcessPoolExecutor,
    run: fn(Wire) -> Wire,
}

/// A future of it.
struct OurFuture(procpool::Future<Wire>);

/// What a worker does for a task.
///
/// # Panics
///
/// The body fails.
pub fn run(argument: Wire) -> Wire {
    body::run(&argument)
}

/// What each worker does first.
///
/// # Errors
///
/// The initializer fails.
pub fn initialize(call: String) -> Result<(), String> {
    let call: Call = serde_json::from_str(&call).map_err(|error| error.to_string())?;
    body::initialize(&call)
}

/// How `nest` has a call run by another pool.
///
/// # Errors
///
/// That pool fails.
pub fn nest(call: &Call) -> Result<Value, String> {
    let pool = ProcessPoolExecutor::builder().max_workers(1).build();
    let pool = pool.map_err(|error| error.to_string())?;
    let nested = pool.submit(run, Wire::of_call(call)).result();
    nested.map(|wire| wire.value()).map_err(|error| error.to_string())
}

impl Library for Procpool {
    fn describe(&self) -> Description {
        let (start_method, forks) = match self.method {
            StartMethod::Spawn => ("spawn", false),
            StartMethod::Forkserver => ("forkserver", false),
            _ => ("fork", true),
        };
        let mut capabilities = Vec::from([
            Has::Initargs,
            Has::DefaultMaxWorkers,
            Has::ChecksMaxWorkers,
            Has::MaxTasksPerChild,
            Has::IdleTimeout,
            Has::TaskTimeout,
            Has::Env,
            Has::Submit,
            Has::Map,
            Has::Chunksize,
            Has::MapTimeout,
            Has::Buffersize,
            Has::Unordered,
            Has::LazyMap,
            Has::ShutdownNowait,
            Has::ShutdownCancel,
            Has::KillWorkers,
            Has::Drop,
            Has::ResultTimeout,
            Has::Cancel,
            Has::State,
            Has::Callbacks,
            Has::Wait,
            Has::AsCompleted,
            Has::ErrorMessage,
            Has::ExitStatus,
            Has::InitializerCause,
            Has::RemoteTrace,
            Has::WorkerDeath,
            Has::PoisonEncodeArgument,
            Has::PoisonDecodeArgument,
            Has::PoisonEncodeResult,
            Has::PoisonDecodeResult,
            Has::Blob,
            Has::Stdio,
            Has::ChildProcess,
            Has::Nested,
            Has::IgnoreTerm,
            Has::Getenv,
        ]);
        if !forks {
            // A process with threads is not forked, and a pool has a thread.
            capabilities.extend([Has::Threads, Has::SeveralPools]);
        }
        Description {
            contract: VERSION,
            implementation: "procpool".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            language: "Rust".to_owned(),
            start_method: start_method.to_owned(),
            capabilities: capabilities.into_iter().collect(),
            policies: Policies {
                worker_death: Some(policy::WorkerDeath::Break),
                map_error: Some(policy::MapError::Continue),
                drop: Some(policy::Drop::DrainAndWait),
                program_end: Some(policy::ProgramEnd::Drain),
                nowait_end: Some(policy::ProgramEnd::Abandon),
                start: Some(policy::Start::OnDemand),
                cancel_running: Some(policy::CancelRunning::Refuse),
                bad_argument: Some(policy::Undecodable::TaskError),
                bad_result: Some(policy::Undecodable::TaskError),
                second_shutdown: Some(policy::SecondShutdown::Honoured),
                sigint: Some(policy::Sigint::Ignored),
                callback_thread: Some(policy::CallbackThread::Own),
            },
        }
    }

    fn new_pool(&self, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        let mut builder: Builder = ProcessPoolExecutor::builder().start_method(self.method);
        if let Some(workers) = options.max_workers {
            builder = builder.max_workers(unsigned(workers)?);
        }
        if let Some(tasks) = options.max_tasks_per_child {
            builder = builder.max_tasks_per_child(unsigned(tasks)? as u64);
        }
        if let Some(limit) = options.idle_timeout {
            builder = builder.idle_timeout(Duration::from_millis(limit));
        }
        if let Some(limit) = options.task_timeout {
            builder = builder.task_timeout(Duration::from_millis(limit));
        }
        for (name, value) in &options.env {
            builder = builder.env(name, value);
        }
        let built = match &options.initializer {
            None => builder.build(),
            Some(call) => {
                let call = serde_json::to_string(call).expect("a call is plain data");
                builder.initargs(call).initializer(self.initialize).build()
            }
        };
        let executor = built.map_err(|error| stop(&error))?;
        if self.eager {
            let workers = options.max_workers.map_or(Ok(1), unsigned)?;
            // A worker that cannot be started is told of by the tasks.
            let _ = executor.ready(workers).error();
        }
        Ok(Box::new(OurPool { executor, run: self.run }))
    }

    fn wait(
        &self,
        futures: &[Arc<dyn Future>],
        until: Until,
        timeout: Option<Duration>,
    ) -> Result<Vec<usize>, Stop> {
        let futures = ours(futures);
        let until = match until {
            Until::AllCompleted => ReturnWhen::AllCompleted,
            Until::FirstCompleted => ReturnWhen::FirstCompleted,
            Until::FirstException => ReturnWhen::FirstException,
        };
        let waited = procpool::wait(futures.iter().copied(), until, timeout);
        Ok(waited.done.into_iter().flat_map(|done| places(&futures, done)).collect())
    }

    fn as_completed(
        &self,
        futures: &[Arc<dyn Future>],
        timeout: Option<Duration>,
    ) -> Result<(Vec<usize>, bool), Stop> {
        let futures = ours(futures);
        let completed = procpool::as_completed(futures.iter().copied());
        let Some(limit) = timeout else {
            return Ok((
                completed.filter_map(|done| places(&futures, done).next()).collect(),
                false,
            ));
        };
        let mut order = Vec::new();
        for done in completed.timeout(limit) {
            match done {
                Ok(done) => order.extend(places(&futures, done).next()),
                Err(_) => return Ok((order, true)),
            }
        }
        Ok((order, false))
    }
}

/// A number that the types of procpool can hold. Where they cannot, that is the refusal.
fn unsigned(number: i64) -> Result<usize, Stop> {
    usize::try_from(number).map_err(|error| Stop::failed(ErrorClass::Invalid, error))
}

fn ours(futures: &[Arc<dyn Future>]) -> Vec<&procpool::Future<Wire>> {
    let ours =
        futures.iter().map(|future| (future.as_ref() as &dyn Any).downcast_ref::<OurFuture>());
    ours.map(|future| &future.expect("every future here is of this library").0).collect()
}

/// Where in `futures` one of them is: more than one place if it is there twice.
fn places<'a>(
    futures: &'a [&procpool::Future<Wire>],
    one: &'a procpool::Future<Wire>,
) -> impl Iterator<Item = usize> + 'a {
    let is_it = move |(place, future): (usize, &&procpool::Future<Wire>)| {
        std::ptr::eq(*future, one).then_some(place)
    };
    futures.iter().enumerate().filter_map(is_it)
}

impl Pool for OurPool {
    fn submit(&self, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        let future = self.executor.submit(self.run, Wire::of_call(call));
        // A pool that takes nothing more says so in the future, at once.
        if future.done()
            && let Some(error @ (Error::Shutdown | Error::BrokenProcessPool(_))) = future.error()
        {
            return Err(stop(&error));
        }
        Ok(Arc::new(OurFuture(future)))
    }

    fn map(&self, calls: Vec<Call>, options: &MapOptions) -> Result<Map, Stop> {
        let run = self.run;
        let mut map = self.executor.map_options();
        if let Some(chunksize) = options.chunksize {
            map = map.chunksize(unsigned(chunksize)?);
        }
        if let Some(limit) = options.timeout {
            map = map.timeout(Duration::from_millis(limit));
        }
        if options.unordered {
            map = map.unordered();
        }
        let input = pulled(calls).map(|call| Wire::of_call(&call));
        let outcome = |item: Result<Wire, Error>| match item {
            Ok(wire) => Outcome::Ok(wire.value()),
            Err(error) => Outcome::Error(failure(&error)),
        };
        Ok(match options.buffersize {
            None => Box::new(map.map(run, input).map(outcome)),
            Some(size) => Box::new(map.buffersize(unsigned(size)?).map(run, input).map(outcome)),
        })
    }

    fn shutdown(&self, wait: bool, cancel: bool) -> Result<(), Stop> {
        self.executor.shutdown(wait, cancel);
        Ok(())
    }

    fn kill_workers(&self) -> Result<(), Stop> {
        self.executor.kill_workers();
        Ok(())
    }
}

impl Future for OurFuture {
    fn result(&self, timeout: Option<Duration>) -> Result<Value, Stop> {
        let result = match timeout {
            None => self.0.result(),
            Some(limit) => self.0.result_timeout(limit),
        };
        result.map(|wire| wire.value()).map_err(|error| stop(&error))
    }

    fn cancel(&self) -> Result<bool, Stop> {
        Ok(self.0.cancel())
    }

    fn state(&self) -> Result<&'static str, Stop> {
        Ok(match &self.0 {
            future if future.cancelled() => "cancelled",
            future if future.done() => "done",
            future if future.running() => "running",
            _ => "pending",
        })
    }

    fn add_callback(&self, callback: Callback) -> Result<(), Stop> {
        self.0.add_done_callback(move |_| callback());
        Ok(())
    }
}

fn stop(error: &Error) -> Stop {
    Stop::Failed(failure(error))
}

fn failure(error: &Error) -> Failure {
    let (class, kind) = match error {
        Error::InvalidArgument(_) => (ErrorClass::Invalid, "InvalidArgument"),
        Error::Shutdown => (ErrorClass::Rejected, "Shutdown"),
        Error::Cancelled => (ErrorClass::Cancelled, "Cancelled"),
        Error::TimedOut(_) => (ErrorClass::Timeout, "TimedOut"),
        Error::TaskTimedOut { .. } => (ErrorClass::Timeout, "TaskTimedOut"),
        Error::Panicked(_) => (ErrorClass::Task, "Panicked"),
        Error::Codec(CodecError { .. }) => (ErrorClass::Serialisation, "Codec"),
        Error::WorkerDied(_) => (ErrorClass::Broken, "WorkerDied"),
        Error::BrokenProcessPool(_) => (ErrorClass::Broken, "BrokenProcessPool"),
        _ => (ErrorClass::Other, "Error"),
    };
    let death = match error {
        Error::WorkerDied(death) => Some(death),
        Error::BrokenProcessPool(broken) => match broken.cause() {
            BrokenCause::WorkerDied(death) => Some(death),
            _ => None,
        },
        _ => None,
    };
    let trace = match error {
        Error::Panicked(RemotePanic { location, backtrace, .. }) => {
            Some([location.as_deref(), backtrace.as_deref()].into_iter().flatten().collect())
        }
        _ => None,
    };
    Failure {
        class,
        message: error.to_string(),
        r#type: Some(kind.to_owned()),
        status: death.and_then(status),
        trace,
    }
}

fn status(death: &WorkerDeath) -> Option<String> {
    match death.exit {
        WorkerExit::Code(code) => Some(format!("exit {code}")),
        WorkerExit::Signal(number) => Some(format!("signal {number}")),
        WorkerExit::Unknown => None,
    }
}
