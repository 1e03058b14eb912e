//! The expected outcome of a drawn scenario.

use procpool_contract::{ErrorClass, Outcome, policy};
use serde_json::Value;

use super::drawn::{Drawn, Task, tag};
use crate::history::{Finding, History, require, told};

/// Checks the outcome of every drawn task.
///
/// # Errors
///
/// One outcome is wrong.
pub(super) fn expected(drawn: &Drawn, history: &History) -> Finding {
    let dies = drawn.tasks.contains(&Task::Die);
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
    if drawn.mapped.is_empty() {
        return Ok(());
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
        Task::Die => Some(ErrorClass::Broken),
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
