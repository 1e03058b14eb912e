//! Saboteurs of waiting for several futures.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use procpool_contract::{Call, Until};

use super::futures::key;
use super::ours::Procpool;
use super::stops::hang;
use super::twist::{is_broken, locked};
use super::{Saboteur, Twist, Twisted};
use crate::library::{Future, Library, Pool, Stop};

macro_rules! waiting {
    ($name:literal, $does:literal, $change:expr) => {
        Saboteur { name: $name, does: $does, make: |ours| Twisted::new(ours, Waiting($change)) }
    };
}

macro_rules! completing {
    ($name:literal, $does:literal, $change:expr) => {
        Saboteur { name: $name, does: $does, make: |ours| Twisted::new(ours, Completing($change)) }
    };
}

pub(super) const ALL: &[Saboteur] = &[
    waiting!(
        "wait-returns-early",
        "Returns when the first future that was passed is done, for every condition.",
        |ours, futures, _, timeout| {
            ours.wait(&futures[..1.min(futures.len())], Until::AllCompleted, timeout)
        }
    ),
    waiting!(
        "wait-returns-late",
        "Waits for all, for every condition.",
        |ours, futures, _, timeout| { ours.wait(futures, Until::AllCompleted, timeout) }
    ),
    waiting!(
        "wait-forgets-one",
        "Leaves out the last future that is done.",
        |ours, futures, until, timeout| {
            let mut done = ours.wait(futures, until, timeout)?;
            done.pop();
            Ok(done)
        }
    ),
    waiting!("wait-ignores-timeout", "Waits without a timeout.", |ours, futures, until, _| {
        ours.wait(futures, until, None)
    }),
    waiting!(
        "wait-timeout-is-late",
        "Waits three times as long as the timeout.",
        |ours, futures, until, timeout| ours.wait(futures, until, timeout.map(|limit| limit * 3))
    ),
    waiting!(
        "waits-for-63",
        "Waits for the first 63 futures that were passed.",
        |ours, futures, until, timeout| {
            ours.wait(&futures[..63.min(futures.len())], until, timeout)
        }
    ),
    waiting!(
        "wait-takes-zero-for-none",
        "Waits without a timeout if it is zero.",
        |ours, futures, until, timeout| {
            ours.wait(futures, until, timeout.filter(|limit| !limit.is_zero()))
        }
    ),
    Saboteur {
        name: "waits-in-the-first-pool",
        does: "Waits for the futures of the pool of the first one that was passed.",
        make: |ours| Twisted::new(ours, InTheFirstPool::default()),
    },
    completing!(
        "as-completed-takes-zero-for-none",
        "Takes a timeout of zero for none.",
        |ours, futures, timeout| {
            ours.as_completed(futures, timeout.filter(|limit| !limit.is_zero()))
        }
    ),
    completing!(
        "as-completed-misses-a-cancellation",
        "Does not end if a future is cancelled meanwhile.",
        |ours, futures, timeout| {
            let cancelled =
                || futures.iter().filter(|it| it.state().is_ok_and(|it| it == "cancelled"));
            let before = cancelled().count();
            let completed = ours.as_completed(futures, timeout)?;
            while cancelled().count() > before {
                std::thread::park();
            }
            Ok(completed)
        }
    ),
    waiting!(
        "wait-loses-a-wake-up",
        "Never returns from a wait if a task ends between its look at the tasks and its sleep.",
        |ours, futures, until, timeout| {
            let is_open =
                |future: &&Arc<dyn Future>| matches!(future.state(), Ok("pending" | "running"));
            let open = futures.iter().filter(is_open).count();
            std::thread::sleep(Duration::from_millis(20));
            // An honest pool looks again here.
            if futures.iter().filter(is_open).count() < open {
                hang();
            }
            ours.wait(futures, until, timeout)
        }
    ),
    waiting!(
        "wait-sleeps-through-a-death",
        "Never returns from a wait for a task whose worker dies.",
        |ours, futures, until, timeout| {
            let done = ours.wait(futures, until, timeout)?;
            if futures.iter().any(|future| is_broken(&future.result(Some(Duration::ZERO)))) {
                hang();
            }
            Ok(done)
        }
    ),
    completing!(
        "as-completed-hides-the-timeout",
        "Ends at the timeout as if all futures were done.",
        |ours, futures, timeout| Ok((ours.as_completed(futures, timeout)?.0, false))
    ),
    completing!(
        "as-completed-leaves-out-cancelled-ones",
        "Leaves out futures that are cancelled.",
        |ours, futures, timeout| {
            let (mut order, late) = ours.as_completed(futures, timeout)?;
            order.retain(|place| !matches!(futures[*place].state(), Ok("cancelled")));
            Ok((order, late))
        }
    ),
    completing!(
        "as-completed-timeout-is-late",
        "Ends at three times the timeout.",
        |ours, futures, timeout| ours.as_completed(futures, timeout.map(|limit| limit * 3))
    ),
    completing!(
        "as-completed-repeats-one",
        "Yields the first future that was passed twice.",
        |ours, futures, timeout| {
            let (mut order, late) = ours.as_completed(futures, timeout)?;
            order.extend(order.iter().find(|place| **place == 0).copied());
            Ok((order, late))
        }
    ),
    completing!(
        "as-completed-in-order",
        "Yields futures in the order in which they were passed.",
        |ours, futures, timeout| {
            let (mut order, late) = ours.as_completed(futures, timeout)?;
            order.sort_unstable();
            Ok((order, late))
        }
    ),
    completing!(
        "as-completed-forgets-one",
        "Leaves out the first future that was passed.",
        |ours, futures, timeout| {
            let (mut order, late) = ours.as_completed(futures, timeout)?;
            order.retain(|place| *place != 0);
            Ok((order, late))
        }
    ),
];

pub(super) type Wait =
    fn(&Procpool, &[Arc<dyn Future>], Until, Option<Duration>) -> Result<Vec<usize>, Stop>;

#[derive(Debug)]
pub(super) struct Waiting(pub(super) Wait);

impl Twist for Waiting {
    fn wait(
        &self,
        ours: &Procpool,
        futures: &[Arc<dyn Future>],
        until: Until,
        timeout: Option<Duration>,
    ) -> Result<Vec<usize>, Stop> {
        (self.0)(ours, futures, until, timeout)
    }
}

/// The pool of each future, by their addresses.
#[derive(Debug, Default)]
struct InTheFirstPool(Mutex<BTreeMap<usize, usize>>);

impl Twist for InTheFirstPool {
    fn submit(&self, pool: &dyn Pool, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        let future = pool.submit(call)?;
        let address = std::ptr::from_ref(pool).cast::<()>() as usize;
        locked(&self.0).insert(key(future.as_ref()), address);
        Ok(future)
    }

    fn wait(
        &self,
        ours: &Procpool,
        futures: &[Arc<dyn Future>],
        until: Until,
        timeout: Option<Duration>,
    ) -> Result<Vec<usize>, Stop> {
        let pool = |future: &Arc<dyn Future>| locked(&self.0).get(&key(future.as_ref())).copied();
        let first = futures.first().map(pool);
        let (places, those): (Vec<usize>, Vec<Arc<dyn Future>>) = futures
            .iter()
            .enumerate()
            .filter(|(_, future)| Some(pool(future)) == first)
            .map(|(place, future)| (place, Arc::clone(future)))
            .unzip();
        let done = ours.wait(&those, until, timeout)?;
        Ok(done.into_iter().map(|place| places[place]).collect())
    }
}

pub(super) type Complete =
    fn(&Procpool, &[Arc<dyn Future>], Option<Duration>) -> Result<(Vec<usize>, bool), Stop>;

#[derive(Debug)]
pub(super) struct Completing(pub(super) Complete);

impl Twist for Completing {
    fn as_completed(
        &self,
        ours: &Procpool,
        futures: &[Arc<dyn Future>],
        timeout: Option<Duration>,
    ) -> Result<(Vec<usize>, bool), Stop> {
        (self.0)(ours, futures, timeout)
    }
}
