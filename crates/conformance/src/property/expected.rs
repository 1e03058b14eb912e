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
pub fn expected(drawn: &Drawn, history: &History) -> Finding {
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
        check(&name, *task, &tag(index), outcome)?;
    }
    if drawn.mapped.is_empty() {
        return Ok(());
    }
    let items = history.items("map p")?;
    require(items.len() == drawn.mapped.len(), || {
        format!("the map gave {} items of {}", items.len(), drawn.mapped.len())
    })?;
    for (index, (task, item)) in drawn.mapped.iter().zip(&items).enumerate() {
        check(&format!("item {index}"), *task, &format!("m{index}"), item)?;
    }
    Ok(())
}

fn check(name: &str, task: Task, tag: &str, outcome: &Outcome) -> Finding {
    let value = match (task, outcome) {
        (Task::Echo(number), Outcome::Ok(value)) => (Value::from(number), value),
        (Task::Square(number), Outcome::Ok(value)) => {
            (Value::from(i64::from(number) * i64::from(number)), value)
        }
        (Task::Nap(_), Outcome::Ok(value)) => (Value::from(tag), value),
        (Task::Fail, Outcome::Error(failure)) if failure.class == ErrorClass::Task => return Ok(()),
        (Task::Die, Outcome::Error(failure)) if failure.class == ErrorClass::Broken => {
            return Ok(());
        }
        (task, Outcome::Ok(value)) => {
            return Err(format!("{name} ({task:?}) returned {value}"));
        }
        (task, Outcome::Error(failure)) => {
            return Err(format!("{name} ({task:?}) failed: {}", told(failure)));
        }
    };
    let (expected, value) = value;
    require(expected == *value, || format!("{name} ({task:?}) returned {value}, not {expected}"))
}
