//! A drawn life of a program: pools one after another, each used in many ways and ended in one, with
//! values and messages of every kind.
//!
//! Cases ask one question of a fresh pool. A life finds what depends on what happened before: on the
//! second pool, the fiftieth task, a map that was closed, a limit that was not reached.
//!
//! - [`drawn`]: the lives that a pool can live;
//! - [`lived`]: the expected outcome of every step.

mod drawn;
mod lived;

pub(super) use drawn::strategy;

use procpool_contract::{Call, MapOptions, Place, PoolOptions, Step, Until};
use proptest::sample::Index;
use serde_json::Value;

use super::Draw;
use crate::history::{Finding, History};
use crate::plan::{
    Plan, begun, called, die, echo, fail, gated, marked, sleep, square, squares, whoami, workers,
};

/// The name of every pool, so that each replaces and drops the one before it.
const POOL: &str = "p";

/// The name of a pool that lives beside it for one use.
const BESIDE: &str = "q";

/// Longer than any life: a limit that is not reached.
const LONG: u64 = 600_000;

/// Milliseconds of a task, and of the longest limit that is over before it.
const NAP: u64 = 40;
const SHORT: u64 = 10;

/// The beginning of messages that differ at their end.
const ALIKE: &str =
    "The store of the town, in the street behind the old market hall, has no more apples: ";

/// The pools of a program, one after another.
#[derive(Debug, Clone)]
struct Life {
    pools: Vec<Pool>,
    /// Whether it is lived twice, with a look after each time.
    is_looked_at: bool,
}

#[derive(Debug, Clone)]
struct Pool {
    workers: u8,
    initializer: Option<Value>,
    tasks_per_worker: Option<u8>,
    uses: Vec<Use>,
    end: End,
    /// Whether results are read after the end.
    is_read_late: bool,
    /// Whether one without workers is asked for first, which must be refused.
    comes_after_a_refused_one: bool,
    /// What it is asked for after a shutdown: nothing, a task, or a task and a map.
    asks: usize,
}

/// A use of a pool. An [`Index`] chooses among the futures that there are.
#[derive(Debug, Clone)]
enum Use {
    Echo(Value),
    Square(i32),
    Nap(u8),
    Fail(String),
    /// Returns what the initializer of its pool was given.
    Whoami,
    /// Tasks that are submitted one after another, before any result is read, and whether all fail.
    Burst(u8, bool),
    /// Uses while a task runs in each worker, so that all that they submit is pending.
    Busy(Vec<Use>),
    /// Gives up waiting for such tasks, once per future and once for all of them, as far as the pool has these.
    GiveUpAll(bool, bool),
    /// Another pool beside this one, with an initializer and so many tasks.
    Beside(Value, u8),
    /// Reads a result, perhaps once more, and with a time limit.
    Result(Index, bool),
    /// Fails because its argument or its result cannot be encoded.
    Bad(Place),
    /// Gives up on a result that comes later, after so many milliseconds.
    GiveUp(u8),
    State(Index),
    /// Adds so many callbacks, of which the first one may fail.
    Callbacks(Index, u8, bool),
    Cancel(Index),
    /// Cancels so many of the futures that there are, the latest first.
    Cancels(u8),
    Wait(Until),
    AsCompleted,
    Map(Vec<Value>, MapOptions),
    /// A map of many squares.
    LongMap(u16, MapOptions),
    /// A map of so many items, none of which is done before its limit is over.
    LateMap(u8, MapOptions),
    /// A map that is closed before its first item is read.
    ClosedMap(u8),
    /// Two maps that are read in turn; one is closed after some items, the other one is read to its end.
    Maps(Vec<Value>, u8),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Shutdown {
        wait: bool,
        cancel: bool,
    },
    Drop,
    Kill,
    /// A task ends its worker.
    Death,
}

// ---- the plan ----

impl Draw for Life {
    fn plan(&self) -> Plan {
        let mut plan = Plan::default();
        if !self.is_looked_at {
            self.live(&mut plan, "");
            return plan;
        }
        plan.hold("before").until(called("gate before")).sample("before").open("before");
        self.live(&mut plan, "");
        plan.hold("early").until(called("gate early")).sample("early").open("early");
        self.live(&mut plan, "again-");
        plan.hold("late").until(called("gate late")).settle("late", "early").open("late");
        plan
    }

    fn expected(&self, history: &History) -> Finding {
        lived::outcomes(history)?;
        if !self.is_looked_at {
            return Ok(());
        }
        let (early, late) = (history.sample("early")?, history.sample("late")?);
        // Some languages catch SIGCHLD while there are workers, of which a pool may keep some.
        history.sample("before")?.program_is_as_at(late, history.owner, &["SIGCHLD"])?;
        late.is_no_more_than(early)
    }
}

impl Life {
    fn live(&self, plan: &mut Plan, prefix: &str) {
        for (number, pool) in self.pools.iter().enumerate() {
            pool.be_used(plan, &format!("{prefix}{number}-"));
        }
    }
}

impl Pool {
    fn be_used(&self, plan: &mut Plan, prefix: &str) {
        let count = self.workers.into();
        let options = match &self.initializer {
            Some(value) => marked(count, value.clone()),
            None => workers(count),
        };
        let max_tasks_per_child = self.tasks_per_worker.map(i64::from);
        let options = PoolOptions { max_tasks_per_child, ..options };
        if self.comes_after_a_refused_one {
            plan.new_pool(POOL, workers(0));
        }
        plan.new_pool(POOL, options);
        let mut futures = Vec::new();
        for (number, used) in self.uses.iter().enumerate() {
            used.plan(plan, self.workers, &format!("{prefix}{number}"), &mut futures);
        }
        let read = |plan: &mut Plan| futures.iter().for_each(|future| _ = plan.result(future));
        if !self.is_read_late {
            read(plan);
        }
        match self.end {
            End::Shutdown { wait, cancel } => plan.shutdown_with(POOL, wait, cancel),
            End::Drop => plan.drop_pool(POOL),
            // A pool that has no second one beside it is over when the next one is made.
            End::Kill => plan.kill_workers(POOL).shutdown(POOL),
            End::Death => {
                let tag = format!("{prefix}-dies");
                plan.submit(POOL, die(&tag, 3)).result(&tag).shutdown(POOL)
            }
        };
        if self.is_read_late {
            read(plan);
        }
        if matches!(self.end, End::Shutdown { .. }) {
            let [task, items] = ["-late", "-late-"].map(|name| format!("{prefix}{name}"));
            if self.asks > 0 {
                plan.submit(POOL, echo(&task, 1));
            }
            if self.asks > 1 {
                plan.map(POOL, squares(&items, 2));
            }
        }
    }
}

impl Use {
    fn plan(&self, plan: &mut Plan, workers: u8, tag: &str, futures: &mut Vec<String>) {
        let of = |index: &Index| (!futures.is_empty()).then(|| index.get(futures).clone());
        let submit = |plan: &mut Plan, futures: &mut Vec<String>, call: Call| {
            futures.push(call.tag.clone());
            plan.submit(POOL, call);
        };
        let items = |prefix: &str, values: &[Value]| {
            let values = values.iter().enumerate();
            values
                .map(|(number, value)| echo(&format!("{prefix}{number}"), value.clone()))
                .collect()
        };
        match self {
            Self::Echo(value) => submit(plan, futures, echo(tag, value.clone())),
            Self::Square(number) => submit(plan, futures, square(tag, (*number).into())),
            Self::Nap(millis) => submit(plan, futures, sleep(tag, (*millis).into())),
            Self::Fail(text) => submit(plan, futures, fail(tag, text)),
            Self::Whoami => submit(plan, futures, whoami(tag)),
            Self::Burst(count, fails) => {
                for number in 0..*count {
                    let tag = format!("{tag}-{number}");
                    let call = match fails {
                        true => fail(&tag, &format!("{ALIKE}{tag}")),
                        false => echo(&tag, number),
                    };
                    submit(plan, futures, call);
                }
            }
            Self::Busy(uses) => {
                let [gate, full, used] =
                    ["gate", "full", "used"].map(|name| format!("{tag}-{name}"));
                for number in 0..workers {
                    let tag = format!("{tag}-{number}");
                    plan.until(begun(&tag));
                    submit(plan, futures, gated(&tag, &gate));
                }
                plan.open(&full).hold(&full);
                let mut pending = Vec::new();
                for (number, inner) in uses.iter().enumerate() {
                    inner.plan(plan, workers, &format!("{tag}-p{number}"), &mut pending);
                }
                plan.until(called(&format!("gate {used}"))).open(&gate).open(&used).hold(&used);
                futures.append(&mut pending);
            }
            Self::GiveUpAll(waits, iterates) => {
                let [tag, gate] = ["late", "over"].map(|name| format!("{tag}-{name}"));
                submit(plan, futures, gated(&tag, &gate));
                let both: Vec<String> = futures.iter().rev().take(2).cloned().collect();
                let timeout = Some(SHORT);
                if *waits {
                    let until = Until::AllCompleted;
                    plan.step(Step::Wait { futures: both.clone(), until, timeout });
                }
                if *iterates {
                    plan.step(Step::AsCompleted { futures: both, timeout });
                }
                let over = format!("{gate}-too");
                plan.hold(&over).until(called(&format!("gate {over}"))).open(&gate).open(&over);
            }
            Self::Beside(value, count) => {
                plan.new_pool(BESIDE, marked(2, value.clone()));
                let tags: Vec<String> =
                    (0..*count).map(|number| format!("{tag}-{number}")).collect();
                tags.iter().for_each(|tag| _ = plan.submit(BESIDE, whoami(tag)));
                tags.iter().for_each(|tag| _ = plan.result(tag));
                plan.shutdown(BESIDE);
            }
            Self::Result(index, limited) => {
                if let Some(future) = of(index) {
                    let timeout = limited.then_some(LONG);
                    plan.step(Step::Result { future, timeout });
                }
            }
            Self::State(index) => _ = of(index).map(|future| plan.state(&future)),
            Self::Bad(place) => {
                submit(plan, futures, Call { poison: Some(*place), ..echo(tag, 1) });
            }
            Self::GiveUp(millis) => {
                submit(plan, futures, sleep(tag, NAP));
                plan.result_within(tag, (*millis).into());
            }
            Self::Callbacks(index, count, fails) => {
                for (future, number) in of(index).into_iter().cycle().zip(0..*count) {
                    let label = format!("{tag}-{number}");
                    match *fails && number == 0 {
                        true => plan.failing_callback(&future, &label),
                        false => plan.callback(&future, &label),
                    };
                }
            }
            Self::Cancel(index) => _ = of(index).map(|future| plan.cancel(&future)),
            Self::Cancels(count) => {
                futures.iter().rev().take((*count).into()).for_each(|it| _ = plan.cancel(it));
            }
            // No rule defines the first of no futures.
            Self::Wait(until) if futures.is_empty() && *until != Until::AllCompleted => {}
            Self::Wait(until) => {
                plan.step(Step::Wait { futures: futures.clone(), until: *until, timeout: None });
            }
            Self::AsCompleted if futures.is_empty() => {}
            Self::AsCompleted => {
                plan.step(Step::AsCompleted { futures: futures.clone(), timeout: Some(LONG) });
            }
            Self::Map(values, options) => {
                plan.map_with(POOL, items(&format!("{tag}-"), values), options.clone());
            }
            Self::LongMap(count, options) => {
                plan.map_with(POOL, squares(&format!("{tag}-"), (*count).into()), options.clone());
            }
            Self::LateMap(count, options) => {
                let [gate, over] = ["gate", "over"].map(|name| format!("{tag}-{name}"));
                let calls = (0..*count).map(|number| gated(&format!("{tag}-{number}"), &gate));
                let options = MapOptions { timeout: Some(SHORT), ..options.clone() };
                plan.map_with(POOL, calls.collect(), options).hold(&over);
                plan.until(called(&format!("gate {over}"))).open(&gate).open(&over);
            }
            Self::ClosedMap(count) => {
                let calls = squares(&format!("{tag}-"), (*count).into());
                plan.map_open(POOL, tag, calls, MapOptions::default()).map_close(tag);
            }
            Self::Maps(values, taken) => {
                let names = ["a", "b"].map(|name| format!("{tag}-{name}"));
                for name in &names {
                    let calls = items(name, values);
                    plan.map_open(POOL, name, calls, MapOptions::default());
                }
                for _ in 0..*taken {
                    names.iter().for_each(|name| _ = plan.map_next(name));
                }
                let [closed, rest] = &names;
                plan.map_close(closed);
                (usize::from(*taken)..=values.len()).for_each(|_| _ = plan.map_next(rest));
                plan.map_close(rest);
            }
        }
    }
}
