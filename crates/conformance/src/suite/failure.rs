//! What a failing trial says to the person who reads it.

use super::column::Column;
use super::verdict::{Result, Verdict};
use crate::cases;

/// Returns what there is to say, if the pool did not pass.
pub(super) fn text(column: &Column, result: &Result) -> Option<String> {
    let case = cases::find(result.case)?;
    let observed = match &result.verdict {
        Verdict::Passed | Verdict::Unsupported(_) => return None,
        Verdict::AdapterError(error) => format!("adapter error: {error}"),
        Verdict::Failed(found) => {
            let all: Vec<&str> = found.iter().map(|found| found.complaint.as_str()).collect();
            all.join("\n          ")
        }
    };
    let command = column.adapter.command.replace('\'', "'\\''");
    let mut text = format!(
        "{}\nrequired: {}\nobserved: {observed}\nsource:   {}\nrerun:    PROCPOOL_ADAPTER='{command}' \
         cargo test --test conformance -- --exact {}\n",
        case.id,
        case.requirement,
        case.source,
        column.trial_name(case.id),
    );
    if let Some(history) = &result.history {
        if !history.stderr.trim().is_empty() {
            let said: String = history.stderr.trim().chars().take(2000).collect();
            text += &format!("stderr:   {said}\n");
        }
    }
    Some(text)
}
