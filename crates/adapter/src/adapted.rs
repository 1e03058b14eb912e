//! A library as described by its adapter's table: the common behaviour of all Rust adapters.
//!
//! Owns the parts of the contract that need no name of a library: states from predicates, positions of
//! futures by identity, errors with their causes, nested pools. Knows no scenario.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use procpool_contract::{
    Call, Description, ErrorClass, Failure, MapOptions, Outcome, PoolOptions, Until,
};
use serde_json::Value;

use crate::adapter::{Adapter, Initialize, Run, Tells};
use crate::library::{Callback, Future, Library, Map, Pool, Stop};
use crate::settings::{MapSettings, Settings};
use crate::trace::pulled;
use crate::wire::Wire;
use crate::{body, description};

/// A library, with one of its start methods.
pub struct Adapted<M: 'static, P, F, E> {
    adapter: Adapter<M, P, F, E>,
    start_method: &'static (&'static str, M),
    /// The function that workers run for a task: [`body::run`], except in saboteurs.
    pub(crate) run: Run,
    /// The function that workers run first: [`body::initialize`], except in saboteurs.
    pub(crate) initialize: Initialize,
}

impl<M, P, F, E> Adapted<M, P, F, E> {
    /// The library with the start method of the given name, if it exists. Without a name the library must
    /// have only one.
    pub fn new(adapter: Adapter<M, P, F, E>, start_method: Option<&str>) -> Option<Self> {
        let start_method = match (start_method, adapter.start_methods) {
            (None, [only]) => only,
            (None, _) => return None,
            (Some(name), all) => all.iter().find(|(its, _)| *its == name)?,
        };
        Some(Self { adapter, start_method, run: body::run, initialize: body::initialize })
    }
}

impl<M, P, F, E> fmt::Debug for Adapted<M, P, F, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Adapted").field(&self.start_method.0).finish()
    }
}

impl<M, P, F, E> Adapted<M, P, F, E>
where
    M: Copy,
    E: Tells,
{
    /// Makes a pool on which the library's own functions can be called.
    pub(crate) fn open(&self, options: &PoolOptions) -> Result<AdaptedPool<M, P, F, E>, Stop> {
        let settings = Settings::try_from(options)?;
        let made = (self.adapter.new)(self.start_method.1, settings, self.initialize);
        let pool = made.map_err(|error| stop(&self.adapter, error))?;
        Ok(AdaptedPool { adapter: self.adapter, run: self.run, pool })
    }
}

/// Runs a call of `nest` in another pool of the same library.
///
/// # Errors
///
/// That pool fails; the text is its message.
pub(crate) fn nest<M: Copy, P, F, E: Tells>(
    adapter: &Adapter<M, P, F, E>,
    call: &Call,
) -> Result<Value, String> {
    let [(_, start_method), ..] = adapter.start_methods else {
        return Err("the adapter has no start method".to_owned());
    };
    let settings = Settings { max_workers: Some(1), ..Settings::default() };
    let nested = (adapter.new)(*start_method, settings, body::initialize).and_then(|pool| {
        let future = (adapter.submit)(&pool, body::run, Wire::of_call(call))?;
        let result = (adapter.result)(&future)?;
        (adapter.shutdown)(&pool, true, false);
        Ok(result)
    });
    nested.map(|wire| wire.value()).map_err(|error| failure(adapter, error).message)
}

/// A pool.
pub(crate) struct AdaptedPool<M: 'static, P, F, E> {
    adapter: Adapter<M, P, F, E>,
    run: Run,
    /// The library's own.
    pub(crate) pool: P,
}

/// A future.
struct AdaptedFuture<M: 'static, P, F, E> {
    adapter: Adapter<M, P, F, E>,
    future: F,
}

impl<M, P, F, E> Library for Adapted<M, P, F, E>
where
    M: Copy + Send + Sync + 'static,
    P: Send + Sync + 'static,
    F: Send + Sync + 'static,
    E: Tells,
{
    fn describe(&self) -> Description {
        description::described(self.adapter.description, self.start_method.0)
            .unwrap_or_else(|error| panic!("the adapter's description is none: {error}"))
    }

    fn new_pool(&self, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        Ok(Box::new(self.open(options)?))
    }

    fn wait(
        &self,
        futures: &[Arc<dyn Future>],
        until: Until,
        timeout: Option<Duration>,
    ) -> Result<Vec<usize>, Stop> {
        let futures = own::<M, P, F, E>(futures);
        let done = has(self.adapter.wait, "wait")?(futures.clone(), until, timeout);
        Ok(done.into_iter().flat_map(|done| places(&futures, done)).collect())
    }

    fn as_completed(
        &self,
        futures: &[Arc<dyn Future>],
        timeout: Option<Duration>,
    ) -> Result<(Vec<usize>, bool), Stop> {
        let futures = own::<M, P, F, E>(futures);
        let mut order = Vec::new();
        for done in has(self.adapter.as_completed, "as_completed")?(futures.clone(), timeout) {
            match done.map_err(|error| failure(&self.adapter, error)) {
                Ok(done) => order.extend(places(&futures, done).next()),
                Err(late) if late.class == ErrorClass::Timeout => return Ok((order, true)),
                Err(other) => return Err(Stop::Failed(other)),
            }
        }
        Ok((order, false))
    }
}

impl<M, P, F, E> Pool for AdaptedPool<M, P, F, E>
where
    M: Copy + Send + Sync + 'static,
    P: Send + Sync + 'static,
    F: Send + Sync + 'static,
    E: Tells,
{
    fn submit(&self, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        let adapter = self.adapter;
        let submitted = (adapter.submit)(&self.pool, self.run, Wire::of_call(call));
        let future = submitted.map_err(|error| stop(&adapter, error))?;
        // Arguments that cannot be encoded are the future's matter, not the pool's.
        if adapter.refused.is_some_and(|refused| refused(&future))
            && let Err(error) = (adapter.result)(&future)
            && let error = failure(&adapter, error)
            && matches!(error.class, ErrorClass::Rejected | ErrorClass::Broken)
        {
            return Err(Stop::Failed(error));
        }
        Ok(Arc::new(AdaptedFuture { adapter, future }))
    }

    fn map(&self, calls: Vec<Call>, options: &MapOptions) -> Result<Map, Stop> {
        let (adapter, settings) = (self.adapter, MapSettings::try_from(options)?);
        let input = pulled(calls).map(|call| Wire::of_call(&call));
        let items = has(adapter.map, "map")?(&self.pool, self.run, Box::new(input), settings);
        Ok(Box::new(items.map(move |item| match item {
            Ok(wire) => Outcome::Ok(wire.value()),
            Err(error) => Outcome::Error(failure(&adapter, error)),
        })))
    }

    fn shutdown(&self, wait: bool, cancel: bool) -> Result<(), Stop> {
        (self.adapter.shutdown)(&self.pool, wait, cancel);
        Ok(())
    }

    fn kill_workers(&self) -> Result<(), Stop> {
        has(self.adapter.kill_workers, "kill_workers")?(&self.pool);
        Ok(())
    }
}

impl<M, P, F, E> Future for AdaptedFuture<M, P, F, E>
where
    M: Copy + Send + Sync + 'static,
    P: Send + Sync + 'static,
    F: Send + Sync + 'static,
    E: Tells,
{
    fn result(&self, timeout: Option<Duration>) -> Result<Value, Stop> {
        let result = match timeout {
            None => (self.adapter.result)(&self.future),
            Some(limit) => {
                has(self.adapter.result_timeout, "a result in time")?(&self.future, limit)
            }
        };
        result.map(|wire| wire.value()).map_err(|error| stop(&self.adapter, error))
    }

    fn cancel(&self) -> Result<bool, Stop> {
        Ok(has(self.adapter.cancel, "cancel")?(&self.future))
    }

    fn state(&self) -> Result<&'static str, Stop> {
        let [running, done, cancelled] = has(self.adapter.states, "state")?;
        // Asked in this order, the answer was true at one moment, even if the task advances.
        Ok(match &self.future {
            future if running(future) => "running",
            future if !done(future) => "pending",
            future if cancelled(future) => "cancelled",
            _ => "done",
        })
    }

    fn add_callback(&self, callback: Callback) -> Result<(), Stop> {
        has(self.adapter.add_callback, "callback")?(&self.future, callback);
        Ok(())
    }
}

/// Returns the function of the table, or the error that the scenario cannot be expressed.
fn has<T>(entry: Option<T>, what: &str) -> Result<T, Stop> {
    entry.ok_or_else(|| Stop::Unsupported(what.to_owned()))
}

fn own<M, P, F, E>(futures: &[Arc<dyn Future>]) -> Vec<&F>
where
    M: 'static,
    P: 'static,
    F: 'static,
    E: 'static,
{
    let own = futures
        .iter()
        .map(|it| (it.as_ref() as &dyn Any).downcast_ref::<AdaptedFuture<M, P, F, E>>());
    own.map(|own| &own.expect("every future here is of this library").future).collect()
}

/// The positions of a future in `futures`: several if it was passed twice.
fn places<'a, F>(futures: &'a [&F], one: &'a F) -> impl Iterator<Item = usize> + 'a {
    let is_it = move |(place, future): (usize, &&F)| std::ptr::eq(*future, one).then_some(place);
    futures.iter().enumerate().filter_map(is_it)
}

fn stop<M, P, F, E: Tells>(adapter: &Adapter<M, P, F, E>, error: E) -> Stop {
    Stop::Failed(failure(adapter, error))
}

fn failure<M, P, F, E: Tells>(adapter: &Adapter<M, P, F, E>, error: E) -> Failure {
    let told = (adapter.classify)(&error);
    let r#type = variant(&format!("{error:?}"));
    let error: Box<dyn Error> = error.into();
    let mut message = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !message.contains(&text) {
            message = format!("{message}: {text}");
        }
        next = cause.source();
    }
    Failure { class: told.class, message, r#type, status: told.status, trace: told.trace }
}

/// The first name in the debug form of an error: that of its variant, if it has some.
fn variant(debug: &str) -> Option<String> {
    let name = debug.split(|letter: char| !letter.is_alphanumeric()).next();
    name.filter(|name| !name.is_empty()).map(str::to_owned)
}
