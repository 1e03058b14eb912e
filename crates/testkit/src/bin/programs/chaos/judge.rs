//! Compares the futures and events of a round with the records of its workers.
//!
//! It reports every contradiction. The records of the workers take precedence over the reports of the
//! pool.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use nix::libc;
use procpool::{
    Activity, BrokenCause, DeathPolicy, Error, EventKind, ExitReason, Future, WorkerDeath,
    WorkerExit, WorkerInfo,
};

use super::client::{How, Told};
use super::hooked::{Hooked, Hooks};
use super::plan::{Ending, Method, Plan};
use super::task::{self, Act, Kind, Record};

/// Everything that is known of a round at its end.
#[derive(Debug)]
pub(crate) struct Round {
    pub(crate) plan: Plan,
    pub(crate) told: Vec<Told>,
    /// The results of `start_workers`.
    pub(crate) awaiting: Vec<Future<()>>,
    pub(crate) records: Vec<Record>,
    pub(crate) events: Vec<EventKind>,
    pub(crate) hooked: Hooked,
}

impl Round {
    /// Every contradiction, in words.
    pub(crate) fn judge(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut runs = HashMap::<u64, Vec<Kind>>::new();
        for record in self.records.iter().filter(|record| is_of_task(record)) {
            runs.entry(record.number).or_default().push(record.kind);
        }
        for told in &self.told {
            let runs = runs.remove(&told.number).unwrap_or_default();
            for problem in self.judge_task(told, &runs) {
                wrong.push(format!("{problem}: {told:?}, which wrote {runs:?}"));
            }
        }
        wrong.extend(runs.keys().map(|number| format!("the task {number} was never submitted")));
        wrong.extend(self.judge_awaiting());
        wrong.extend(self.judge_deaths());
        wrong.extend(self.judge_recycling());
        wrong.extend(self.judge_breaking());
        wrong.extend(self.judge_workers());
        wrong.extend(self.judge_hooks());
        wrong
    }

    fn judge_task(&self, told: &Told, runs: &[Kind]) -> Vec<&str> {
        let starts = runs.iter().filter(|kind| **kind == Kind::Started).count();
        let retries = self.plan.retries();
        let mut wrong = Vec::new();
        let mut require = |holds: bool, otherwise: &'static str| {
            if !holds {
                wrong.push(otherwise);
            }
        };
        require(told.contradiction.is_none(), "it contradicts itself");
        require(starts <= 1 + retries, "it ran too often");
        let was_cancelled = told.result == Some(Err(Error::Cancelled));
        let was_killed = matches!(told.result, Some(Err(Error::TaskKilled { .. })));
        if told.result.is_some() {
            require(!told.cancelled || was_cancelled, "it was cancelled, and was not");
            require(
                told.killed == was_killed,
                "it was killed, and was not, or the other way round",
            );
        }
        // A retried task can be cancelled before its retry.
        require(
            !(told.cancelled || was_cancelled) || starts <= retries,
            "it was cancelled, and ran",
        );
        match &told.result {
            None => {}
            Some(Ok(value)) => {
                require(*value == task::answer(told.number), "its answer is another one's");
                require(matches!(told.act, Act::Answer(_)), "such a task never answers");
                require(runs.contains(&Kind::Finished), "it answered, and did not run");
            }
            Some(Err(error)) => match error {
                Error::Panicked(_) => {
                    require(told.act == Act::Panic, "it does not panic");
                    require(starts > 0, "it panicked, and did not run");
                }
                Error::Cancelled => {
                    require(told.cancelled || self.plan.cancels(), "it was never cancelled");
                }
                Error::Shutdown => {
                    let is_shut_down =
                        matches!(self.plan.ending, Ending::Shutdown { .. }) && starts == 0;
                    require(is_shut_down, "it was accepted");
                }
                Error::TimeLimitExceeded { work_item, .. } => {
                    require(told.limited, "it had no limit");
                    let event = EventKind::TimeLimitExceeded(*work_item);
                    require(self.events.contains(&event), "no event reported that");
                }
                Error::TaskKilled { work_item } => {
                    let event = EventKind::TaskKilled(*work_item);
                    require(self.events.contains(&event), "no event reported that");
                }
                Error::WorkerDied(death) => {
                    require(self.plan.policy != DeathPolicy::Break, "it should be broken");
                    require(self.is_plausible(death), "nothing ends workers like that");
                    match death.activity {
                        // It may have died before it recorded that.
                        Activity::Running(_) => {}
                        Activity::RunningItem { .. } => {
                            require(matches!(told.how, How::Item), "it is no item of a map");
                        }
                        // Only for tasks that were delivered too often, perhaps after a worker died
                        // running it.
                        Activity::Receiving(_) => {
                            require(starts <= retries, "the last worker has run it");
                        }
                        _ => require(false, "its worker had no task"),
                    }
                }
                Error::BrokenProcessPool(broken) => {
                    let event = EventKind::Broken(broken.cause().clone());
                    require(self.events.contains(&event), "the pool was broken by something else");
                }
                _ => require(false, "nothing leads to that error"),
            },
        }
        wrong
    }

    /// Returns whether tasks, initializers or the saboteur end workers in this way.
    fn is_plausible(&self, death: &WorkerDeath) -> bool {
        match death.exit {
            WorkerExit::Code(code) => [task::EXIT, task::INITIALIZER_EXIT].contains(&code),
            WorkerExit::Signal(signal) => [libc::SIGKILL, libc::SIGTERM].contains(&signal),
            WorkerExit::WithForkserver => self.plan.method == Method::Forkserver,
            WorkerExit::WithHost => self.plan.method == Method::Relays,
            _ => false,
        }
    }

    /// A call of `start_workers` learns that its workers are ready, or that they never will be.
    fn judge_awaiting(&self) -> Vec<String> {
        let is_plausible = |result: &Result<(), Error>| match result {
            Ok(()) => true,
            Err(Error::InvalidArgument(_) | Error::BrokenProcessPool(_) | Error::Shutdown) => true,
            Err(Error::WorkersNotStarted(cause)) => {
                self.plan.limit.is_some() || self.may_give_up_starts(cause)
            }
            Err(_) => false,
        };
        let results = self.awaiting.iter().map(|ready| ready.result_timeout(Duration::ZERO));
        let wrong = results.filter(|result| !is_plausible(result));
        wrong.map(|result| format!("start_workers returned {result:?}")).collect()
    }

    /// Returns whether starts that failed in a row, of which `cause` is the last, may have been given up for now.
    fn may_give_up_starts(&self, cause: &BrokenCause) -> bool {
        let fails = match cause {
            BrokenCause::InitializerFailed { .. } | BrokenCause::InitializerPanicked { .. } => {
                self.plan.failing > 0
            }
            BrokenCause::WorkerDied(death) => self.is_plausible(death),
            _ => false,
        };
        fails && matches!(self.plan.policy, DeathPolicy::Replace { .. })
    }

    /// A death leaves the outcome of one task unknown.
    fn judge_deaths(&self) -> Vec<String> {
        let mut in_doubt = HashMap::<u32, HashSet<InDoubt>>::new();
        let mut wrong = Vec::new();
        for told in &self.told {
            let Some(Err(Error::WorkerDied(death))) = &told.result else { continue };
            let tasks = in_doubt.entry(death.pid).or_default();
            let one = match told.how {
                How::Call => InDoubt::Call(told.number),
                How::Item => InDoubt::Chunk,
            };
            if tasks.insert(one) && tasks.len() > 1 {
                wrong.push(format!("more than one task died with one worker: {told:?}"));
            }
        }
        wrong
    }

    /// No worker runs more calls than its limit. The items of a chunk are one task, so they prove nothing.
    fn judge_recycling(&self) -> Vec<String> {
        let Some(most) = self.plan.max_tasks_per_child else { return Vec::new() };
        let calls = self.told.iter().filter(|told| told.how == How::Call);
        let calls: HashSet<u64> = calls.map(|told| told.number).collect();
        let mut by_worker = HashMap::<u32, u64>::new();
        for record in self.records.iter().filter(|record| record.kind == Kind::Started) {
            *by_worker.entry(record.pid).or_default() += u64::from(calls.contains(&record.number));
        }
        let too_many = by_worker.into_iter().filter(|(_, calls)| *calls > most);
        too_many.map(|(pid, calls)| format!("worker {pid} ran {calls} tasks of {most}")).collect()
    }

    /// A pool breaks once, for a real cause, and starts no worker afterwards.
    fn judge_breaking(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let causes = self.events.iter().filter_map(|event| match event {
            EventKind::Broken(cause) => Some(cause),
            _ => None,
        });
        let causes: Vec<_> = causes.collect();
        if causes.len() > 1 {
            wrong.push(format!("it broke more than once: {causes:?}"));
        }
        for cause in causes {
            let breaks = self.plan.policy == DeathPolicy::Break;
            let has_bad_starts = self.plan.failing > 0 || self.plan.limit.is_some();
            let may_be = match cause {
                BrokenCause::Killed => self.plan.ending == Ending::Kill,
                BrokenCause::Terminated => self.plan.ending == Ending::Terminate,
                BrokenCause::WorkerDied(death) => {
                    let is_start =
                        matches!(death.activity, Activity::Starting | Activity::Initializing);
                    self.is_plausible(death) && (breaks || is_start)
                }
                BrokenCause::InitializerFailed { .. } | BrokenCause::InitializerPanicked { .. } => {
                    has_bad_starts
                }
                BrokenCause::ForkserverDied { .. } => self.plan.method == Method::Forkserver,
                BrokenCause::HostsLost(_) => self.plan.method == Method::Relays,
                BrokenCause::StartFailed { .. } => {
                    self.plan.limit.is_some() || self.plan.method == Method::Relays
                }
                _ => false,
            };
            if !may_be {
                wrong.push(format!("nothing breaks it like that: {cause:?}"));
            }
        }
        wrong
    }

    /// Every worker starts once and exits once; ready workers have different ids.
    fn judge_workers(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut alive = HashMap::<u32, (WorkerInfo, bool)>::new();
        let mut ever_ready = HashSet::new();
        let count = |kind: Kind, pid: u32| {
            self.records.iter().filter(|record| record.kind == kind && record.pid == pid).count()
        };
        let retried = self.events.iter().filter_map(|event| match event {
            EventKind::TaskRetried(id) => Some(*id),
            _ => None,
        });
        let mut times = HashMap::<u64, usize>::new();
        retried.for_each(|id| *times.entry(id).or_default() += 1);
        for (id, times) in times.iter().filter(|(_, times)| **times > self.plan.retries()) {
            wrong.push(format!("work item {id} was tried {times} times again"));
        }
        for event in &self.events {
            let problem = match event {
                EventKind::WorkerStarted(worker) => {
                    let known = alive.insert(worker.pid, (*worker, false)).is_some();
                    (known || worker.id >= self.plan.workers).then_some("it is one too many")
                }
                EventKind::WorkerReady(worker) => {
                    let has_place =
                        alive.values().any(|(other, ready)| *ready && other.id == worker.id);
                    alive.insert(worker.pid, (*worker, true));
                    ever_ready.insert(worker.pid);
                    let once = count(Kind::Initialized, worker.pid) == 1;
                    match (has_place, once) {
                        (true, _) => Some("its place is another one's"),
                        (_, false) => Some("its initializer did not run once"),
                        _ => None,
                    }
                }
                EventKind::WorkerExited(worker, reason) => {
                    let known = alive.remove(&worker.pid).is_some();
                    let leaves = matches!(
                        reason,
                        ExitReason::Finished | ExitReason::Idle | ExitReason::Recycled
                    );
                    // A worker that exited before it was ready had no state to finalize.
                    let due = usize::from(self.plan.has_finalizer && leaves);
                    let finalized = count(Kind::Finalized, worker.pid);
                    let may_be = finalized == due
                        || !leaves && self.plan.has_finalizer && finalized == 1
                        || leaves && !ever_ready.contains(&worker.pid);
                    match (known, may_be) {
                        (false, _) => Some("it was not there"),
                        (_, false) => Some("its finalizer did not run as it should"),
                        _ => None,
                    }
                }
                _ => None,
            };
            wrong.extend(problem.map(|problem| format!("{problem}: {event:?}")));
        }
        wrong.extend(
            alive.values().map(|(worker, _)| format!("no event reported the exit of {worker}")),
        );
        for record in self.records.iter().filter(|record| is_of_task(record)) {
            if !ever_ready.contains(&record.pid) {
                wrong.push(format!("a worker ran a task and was never ready: {record:?}"));
            }
        }
        wrong
    }

    fn judge_hooks(&self) -> Option<String> {
        let due = self.events.iter().filter_map(|event| match event {
            EventKind::WorkerReady(worker) => Some((*worker, None)),
            EventKind::WorkerExited(worker, reason) => Some((*worker, Some(*reason))),
            _ => None,
        });
        let (due, calls) = (due.collect::<Hooks>(), self.hooked.calls());
        (due != calls).then(|| format!("hooks were called with {calls:?}, and events {due:?}"))
    }
}

/// A task with an unknown outcome. The items of a chunk share theirs.
#[derive(Debug, PartialEq, Eq, Hash)]
enum InDoubt {
    Call(u64),
    Chunk,
}

fn is_of_task(record: &Record) -> bool {
    matches!(record.kind, Kind::Started | Kind::Finished)
}
