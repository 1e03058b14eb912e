//! A drawn scenario of one pool: its plan, and its expected outcome.

use procpool_contract::{
    Call, Capability as Has, Description, ErrorClass, MapOptions, Outcome, policy,
};
use proptest::collection::vec;
use proptest::prelude::{BoxedStrategy, Just, Strategy, any, prop_oneof};
use proptest::sample::select;
use serde_json::Value;

use super::Draw;
use crate::case::Kind;
use crate::history::{Finding, History, require, told};
use crate::plan::{Plan, die, echo, fail, marked, sleep, square, workers};

/// A drawn scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Drawn {
    /// The number of workers.
    pub(super) workers: u8,
    /// Whether they have an initializer.
    pub(super) initialized: bool,
    /// The submitted tasks, in this order.
    pub(super) tasks: Vec<Task>,
    /// The tasks that are cancelled after all are submitted.
    pub(super) cancelled: Vec<bool>,
    /// The items of the map that follows.
    pub(super) mapped: Vec<Task>,
    /// The number of items in a chunk.
    pub(super) chunksize: Option<u8>,
    /// Whether each task is cancelled after its result.
    pub(super) cancels_late: bool,
}

/// The body of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    /// Returns a number.
    Echo(i32),
    /// Squares a number.
    Square(i16),
    /// Sleeps for some milliseconds.
    Nap(u8),
    /// Fails.
    Fail,
    /// Ends its worker by an exit code.
    Die(u8),
}

impl Task {
    /// Returns its call.
    fn call(self, tag: &str) -> Call {
        match self {
            Self::Echo(number) => echo(tag, number),
            Self::Square(number) => square(tag, number.into()),
            Self::Nap(millis) => sleep(tag, millis.into()),
            Self::Fail => fail(tag, &format!("{tag} fails")),
            Self::Die(code) => die(tag, code.into()),
        }
    }
}

impl Draw for Drawn {
    /// A pool, everything submitted, cancellations, results, the map, shutdown.
    fn plan(&self) -> Plan {
        let mut plan = Plan::default();
        let count = self.workers.into();
        plan.new_pool("p", if self.initialized { marked(count, ()) } else { workers(count) });
        for (index, task) in self.tasks.iter().enumerate() {
            plan.submit("p", task.call(&tag(index)));
        }
        for index in self.cancels() {
            plan.cancel(&tag(index));
        }
        for index in 0..self.tasks.len() {
            plan.result(&tag(index));
        }
        for index in (0..self.tasks.len()).filter(|_| self.cancels_late) {
            plan.cancel(&tag(index)).result(&tag(index));
        }
        if !self.mapped.is_empty() {
            let calls = self.mapped.iter().enumerate();
            let calls = calls.map(|(index, task)| task.call(&format!("m{index}"))).collect();
            let chunksize = self.chunksize.map(i64::from);
            plan.map_with("p", calls, MapOptions { chunksize, ..MapOptions::default() });
        }
        plan.shutdown("p");
        plan
    }

    fn expected(&self, history: &History) -> Finding {
        expected(self, history)
    }
}

impl Drawn {
    /// Returns which tasks are cancelled.
    pub(super) fn cancels(&self) -> impl Iterator<Item = usize> {
        let asked = self.cancelled.iter().take(self.tasks.len()).enumerate();
        asked.filter(|(_, asked)| **asked).map(|(index, _)| index)
    }
}

/// Returns the name of a task.
pub(super) fn tag(index: usize) -> String {
    format!("t{index}")
}

/// Draws scenarios of `kind` that a pool can carry out.
pub(super) fn strategy(kind: Kind, description: &Description) -> BoxedStrategy<Box<dyn Draw>> {
    let has = |capability| description.capabilities.contains(&capability);
    let harmless = prop_oneof![
        4 => any::<i32>().prop_map(Task::Echo),
        4 => any::<i16>().prop_map(Task::Square),
        2 => (0..8_u8).prop_map(Task::Nap),
    ];
    let task = prop_oneof![8 => harmless.clone(), 2 => Just(Task::Fail)];
    // Programs that run others give some codes a meaning.
    let codes = select(vec![0, 1, 3, 77, 126, 127, 129, 130, 137, 139, 143, 255]);
    let deadly = prop_oneof![12 => task.clone(), 1 => codes.prop_map(Task::Die)];
    let cancelled = match has(Has::Cancel) && kind == Kind::Futures {
        true => vec(any::<bool>(), 0..24).boxed(),
        false => Just(Vec::new()).boxed(),
    };
    let tasks = match kind {
        Kind::Futures => vec(task, 0..24).boxed(),
        Kind::Maps => Just(Vec::new()).boxed(),
        _ => vec(deadly, 1..16).boxed(),
    };
    let mapped = match kind {
        // Of a pool that may be broken.
        Kind::Deaths if has(Has::Map) => vec(harmless, 0..4).boxed(),
        // Errors are left out: after one, maps may differ.
        Kind::Maps => {
            prop_oneof![3 => vec(harmless.clone(), 0..60), 1 => vec(harmless, 60..300)].boxed()
        }
        _ => Just(Vec::new()).boxed(),
    };
    let chunksize = match has(Has::Chunksize) {
        true => proptest::option::of(prop_oneof![3 => 1..20_u8, 1 => 20..=255_u8]).boxed(),
        false => Just(None).boxed(),
    };
    let initialized = has(Has::Initializer);
    let cancels_late = has(Has::Cancel) && kind == Kind::Deaths;
    (1..5_u8, tasks, cancelled, mapped, chunksize)
        .prop_map(move |(workers, tasks, cancelled, mapped, chunksize)| {
            let drawn =
                Drawn { workers, initialized, tasks, cancelled, mapped, chunksize, cancels_late };
            Box::new(drawn) as Box<dyn Draw>
        })
        .boxed()
}

/// Checks the outcome of every drawn task.
///
/// # Errors
///
/// One outcome is wrong.
fn expected(drawn: &Drawn, history: &History) -> Finding {
    let dies = drawn.tasks.iter().any(|task| matches!(task, Task::Die(_)));
    let breaks = history.description.policies.worker_death == Some(policy::WorkerDeath::Break);
    for (index, task) in drawn.tasks.iter().enumerate() {
        let mut name = format!("result {}", tag(index));
        // A broken pool refuses later submissions, and then there is no future.
        let submit = format!("submit {}", tag(index));
        if dies && breaks && matches!(history.outcome(&submit)?, Outcome::Error(_)) {
            name = submit;
        }
        let outcome = history.outcome(&name)?;
        let cancelled = drawn.cancels().any(|cancelled| cancelled == index)
            && *history.value(&format!("cancel {}", tag(index)))? == Value::Bool(true);
        if cancelled {
            history.failure(&name, &[ErrorClass::Cancelled])?;
            continue;
        }
        // A task submitted after a death, or pending at it.
        if dies && breaks && matches!(outcome, Outcome::Error(it) if it.class == ErrorClass::Broken)
        {
            continue;
        }
        check(&name, *task, outcome)?;
    }
    for index in (0..drawn.tasks.len()).filter(|_| drawn.cancels_late) {
        let name = format!("cancel {}", tag(index));
        let cancelled = matches!(history.outcome(&name)?, Outcome::Ok(Value::Bool(true)));
        require(!cancelled, || format!("\"{name}\" cancelled a task that was done"))?;
    }
    if drawn.mapped.is_empty() {
        return Ok(());
    }
    if dies && breaks {
        let items = history.items("map p").unwrap_or_default();
        let is_it =
            matches!(items.first(), Some(Outcome::Error(it)) if it.class == ErrorClass::Broken);
        // A map may fail as a whole, or at its first item.
        return if is_it {
            Ok(())
        } else {
            history.failure("map p", &[ErrorClass::Broken]).map(|_| ())
        };
    }
    let items = history.items("map p")?;
    require(items.len() == drawn.mapped.len(), || {
        format!("the map gave {} items of {}", items.len(), drawn.mapped.len())
    })?;
    for (index, (task, item)) in drawn.mapped.iter().zip(&items).enumerate() {
        check(&format!("item {index}"), *task, item)?;
    }
    Ok(())
}

/// Checks the kind of an outcome; its value is for the rules.
fn check(name: &str, task: Task, outcome: &Outcome) -> Finding {
    let due = match task {
        Task::Echo(_) | Task::Square(_) | Task::Nap(_) => None,
        Task::Fail => Some(ErrorClass::Task),
        Task::Die(_) => Some(ErrorClass::Broken),
    };
    match outcome {
        Outcome::Ok(value) => {
            require(due.is_none(), || format!("{name} ({task:?}) returned {value}"))
        }
        Outcome::Error(failure) => require(Some(failure.class) == due, || {
            format!("{name} ({task:?}) failed: {}", told(failure))
        }),
    }
}

#[cfg(test)]
mod tests {
    use procpool_contract::{Capability as Has, Description};
    use proptest::strategy::{Strategy, ValueTree};
    use proptest::test_runner::TestRunner;

    use super::strategy;
    use crate::case::Kind;

    #[test]
    fn a_drawn_scenario_needs_no_capability_that_the_pool_lacks() {
        let few = [Has::Submit, Has::WorkerDeath];
        let more = [Has::Submit, Has::WorkerDeath, Has::Map, Has::Cancel, Has::Initargs];
        for capabilities in [&few[..], &more] {
            let description = Description {
                contract: procpool_contract::VERSION,
                implementation: "pool".to_owned(),
                version: String::new(),
                language: String::new(),
                start_method: "spawn".to_owned(),
                capabilities: capabilities.iter().copied().collect(),
                policies: Default::default(),
            }
            .with_contained();
            for kind in [Kind::Futures, Kind::Maps, Kind::Deaths] {
                if kind == Kind::Maps && capabilities == few {
                    continue;
                }
                let drawn = strategy(kind, &description)
                    .new_tree(&mut TestRunner::deterministic())
                    .expect("a scenario is drawn")
                    .current();
                let needs = drawn.plan().scenario("property").needs();
                assert!(needs.is_subset(&description.capabilities), "{kind:?}: {needs:?}");
                assert_eq!(needs.contains(&Has::Initializer), capabilities == more);
            }
        }
    }
}
