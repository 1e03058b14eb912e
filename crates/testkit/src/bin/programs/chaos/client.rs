//! A client: submits, maps, cancels, kills and waits at random, and records what is reported to it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use procpool::{DeathPolicy, Error, Future, KillOutcome, ProcessPoolExecutor};
use rand::RngExt;
use rand::rngs::StdRng;

use super::plan::Plan;
use super::task::{self, Act, Worker};

/// The shared state of the clients of a round.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// The number of the next task.
    next: AtomicU64,
    /// Held by the client with a large payload: only one at a time fits into the memory.
    giant: Mutex<()>,
    /// The futures of `start_workers`. They settle by the end of the pool.
    pub(crate) awaiting: Mutex<Vec<Future<()>>>,
}

/// How a task was submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    Call,
    /// By a `map`, whose tasks are not cancelled or killed individually.
    Item,
}

/// The outcome of one task, as far as it was reported to its client.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) number: u64,
    pub(crate) act: Act,
    pub(crate) how: How,
    /// Whether it had a time limit.
    pub(crate) limited: bool,
    /// Whether `cancel` or `kill` reported that it never starts.
    pub(crate) cancelled: bool,
    /// Whether `kill` reported that it was killed.
    pub(crate) killed: bool,
    /// The contradictions in the reports of its future.
    pub(crate) contradiction: Option<String>,
    /// `None` if it was never read.
    pub(crate) result: Option<Result<u64, Error>>,
}

/// A future that the client still has, and the number of its task.
enum Held {
    Call(usize, Future<u64>),
    Large(usize, Future<Vec<u8>>, usize),
}

impl Held {
    fn is_running(&self) -> bool {
        match self {
            Held::Call(_, future) => future.running(),
            Held::Large(_, future, _) => future.running(),
        }
    }
}

pub(crate) struct Client<'a> {
    pub(crate) executor: &'a ProcessPoolExecutor<Worker>,
    pub(crate) plan: &'a Plan,
    pub(crate) shared: &'a Shared,
    pub(crate) random: StdRng,
    pub(crate) told: Vec<Told>,
}

impl Client<'_> {
    /// Runs all operations and returns what was reported.
    pub(crate) fn run(mut self) -> Vec<Told> {
        let mut held = Vec::new();
        for _ in 0..self.plan.operations {
            self.operate(&mut held);
        }
        held.into_iter().for_each(|held| self.settle(held));
        self.told
    }

    fn operate(&mut self, held: &mut Vec<Held>) {
        let place = (!held.is_empty()).then(|| self.random.random_range(0..held.len()));
        match (self.random.random_range(0..100), place) {
            (0..50, _) => {
                let many = 100_000 / self.plan.longest.max(100);
                let burst = if self.random.random_ratio(1, 20) { many } else { 1 };
                for _ in 0..burst {
                    let call = self.submit();
                    held.push(call);
                }
            }
            (50..55, _) => held.extend(self.submit_large()),
            (55..60, _) => self.map(),
            (60..70, Some(place)) => self.cancel(&held[place]),
            // A running one, if there is one: a random index rarely hits one.
            (70..80, Some(place)) => {
                let running = held.iter().position(Held::is_running);
                self.kill(&held[running.unwrap_or(place)]);
            }
            (80..82, Some(place)) => drop(held.swap_remove(place)),
            (82..92, Some(place)) => {
                let held = held.swap_remove(place);
                self.settle(held);
            }
            (92..95, Some(place)) => self.glance(&held[place]),
            (95..97, _) => drop(self.executor.stats()),
            (97, _) => {
                let workers = self.random.random_range(0..=self.plan.workers + 1);
                let ready = self.executor.start_workers(workers);
                let mut awaiting = self.shared.awaiting.lock().expect("nobody panics under it");
                awaiting.push(ready);
            }
            _ => std::thread::sleep(Duration::from_micros(self.random.random_range(0..3_000))),
        }
    }

    fn note(&mut self, act: Act, how: How, limited: bool) -> (usize, u64) {
        // Relaxed: the numbers only have to be different.
        let number = self.shared.next.fetch_add(1, Ordering::Relaxed);
        let (cancelled, killed, contradiction, result) = (false, false, None, None);
        self.told.push(Told {
            number,
            act,
            how,
            limited,
            cancelled,
            killed,
            contradiction,
            result,
        });
        (self.told.len() - 1, number)
    }

    fn draw_act(&mut self) -> Act {
        let deadly = match self.plan.policy {
            DeathPolicy::Break => 2,
            _ => 4,
        };
        match self.random.random_range(0..1000) {
            n if n < deadly => Act::Die,
            n if n < 2 * deadly => Act::Exit,
            n if n < 2 * deadly + 20 => Act::Panic,
            _ => Act::Answer(self.random.random_range(0..self.plan.longest)),
        }
    }

    fn submit(&mut self) -> Held {
        let act = self.draw_act();
        if self.random.random_ratio(1, 40) {
            let limit = Duration::from_millis(self.random.random_range(0..20));
            let endless = Act::Endless { listens: self.random.random_bool(0.5) };
            let act = if self.random.random_bool(0.5) { endless } else { act };
            let (index, number) = self.note(act, How::Call, true);
            let future = self
                .executor
                .submit_options()
                .time_limit(limit)
                .submit_with(task::run, (number, act));
            return Held::Call(index, future);
        }
        let (index, number) = self.note(act, How::Call, self.plan.task_time_limit.is_some());
        Held::Call(index, self.executor.submit_with(task::run, (number, act)))
    }

    fn submit_large(&mut self) -> Option<Held> {
        let shared = self.shared;
        let length = |random: &mut StdRng| {
            let largest = random.random_range(0..=self.plan.largest.ilog2());
            random.random_range(0..=1_usize << largest)
        };
        let (argument, result) = (length(&mut self.random), length(&mut self.random));
        let is_giant = argument.max(result) > 4 << 20;
        let permit = is_giant.then(|| shared.giant.try_lock());
        if permit.as_ref().is_some_and(Result::is_err) {
            return None;
        }
        let (index, number) =
            self.note(Act::Answer(0), How::Call, self.plan.task_time_limit.is_some());
        let bytes = task::large(number, argument, result);
        let held = Held::Large(index, self.executor.submit_with(task::run_large, bytes), result);
        if !is_giant {
            return Some(held);
        }
        if self.random.random_bool(0.3) {
            self.kill(&held);
        }
        self.settle(held);
        None
    }

    fn map(&mut self) {
        let items = self.random.random_range(0..60);
        let limited = self.plan.task_time_limit.is_some();
        let mut noted = Vec::new();
        for _ in 0..items {
            let act = self.draw_act();
            let (index, number) = self.note(act, How::Item, limited);
            noted.push((index, (number, act)));
        }
        let calls: Vec<_> = noted.iter().map(|(_, call)| *call).collect();
        let results = if self.random.random_bool(0.5) {
            let chunksize = self.random.random_range(1..10);
            self.executor.map_options().chunksize(chunksize).map_with(task::run, calls)
        } else {
            self.executor.map_with(task::run, calls)
        };
        // Now and then the rest is dropped.
        let wanted = if self.random.random_bool(0.2) { items / 2 } else { items + 1 };
        let results: Vec<_> = results.take(wanted).collect();
        let ends = |result: &Result<_, Error>| {
            matches!(result, Err(Error::Shutdown | Error::BrokenProcessPool(_)))
        };
        let missing = wanted.min(items) - results.len();
        let is_ended = results.last().is_some_and(ends);
        assert!(
            missing == 0 || is_ended,
            "a map without an error has all its results: {results:?}"
        );
        for ((index, _), result) in noted.into_iter().zip(results) {
            self.told[index].result = Some(result);
        }
    }

    fn cancel(&mut self, held: &Held) {
        let (index, cancelled) = match held {
            Held::Call(index, future) => (*index, future.cancel()),
            Held::Large(index, future, _) => (*index, future.cancel()),
        };
        self.told[index].cancelled |= cancelled;
    }

    fn kill(&mut self, held: &Held) {
        let (index, outcome, done) = match held {
            Held::Call(index, future) => (*index, future.kill(), future.done()),
            Held::Large(index, future, _) => (*index, future.kill(), future.done()),
        };
        let told = &mut self.told[index];
        match outcome {
            KillOutcome::Cancelled => told.cancelled = true,
            KillOutcome::Killed => told.killed = true,
            KillOutcome::AlreadyDone => {}
            other => told.contradiction = Some(format!("kill says {other:?}")),
        }
        if !done {
            told.contradiction = Some(format!("kill says {outcome:?}, and it is not over"));
        }
    }

    /// Looks at a future without waiting.
    fn glance(&mut self, held: &Held) {
        let Held::Call(index, future) = held else { return };
        let done = future.done();
        let waited = future.result_timeout(Duration::ZERO);
        if done && matches!(waited, Err(Error::TimedOut(_))) {
            self.told[*index].contradiction = Some("it was over, and then not".to_owned());
        }
    }

    /// Waits for a future; reads it twice, because an outcome never changes.
    fn settle(&mut self, held: Held) {
        match held {
            Held::Call(index, future) => {
                let result = future.result();
                let told = &mut self.told[index];
                if !future.done() || future.result() != result {
                    told.contradiction = Some("its outcome changes".to_owned());
                }
                told.result = Some(result);
            }
            Held::Large(index, future, length) => {
                let result = future.into_result();
                let told = &mut self.told[index];
                told.result = Some(result.map(|bytes| {
                    if bytes != task::large_answer(told.number, length) {
                        told.contradiction = Some("its result has changed on the way".to_owned());
                    }
                    task::answer(told.number)
                }));
            }
        }
    }
}
