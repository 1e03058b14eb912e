//! `conformance list` and `conformance explain`.

use std::fmt::Write as _;

use crate::case::Case;
use crate::suite::Replay;
use crate::{cases, history};

/// Returns a line for each case whose name contains `part`.
pub(super) fn list(part: &str) -> Result<String, String> {
    let mut text = String::new();
    for case in cases::all().iter().filter(|case| case.id.contains(part)) {
        let _ = writeln!(text, "{:<44} {:<6} {}", case.id, case.level, case.requirement);
    }
    if text.is_empty() {
        return Err(format!("no case has {part:?} in its name; `conformance list` prints all"));
    }
    Ok(text)
}

/// Returns the requirement of a case, its source, and what an adapter does in it.
pub(super) fn explain(id: &str) -> Result<String, String> {
    let case = cases::find(id).ok_or_else(|| unknown(id))?;
    let mut text = format!("{} ({})\n\n{}\n\n", case.id, case.level, case.requirement);
    let needs: Vec<String> = case.all_needs().into_iter().map(|need| need.word()).collect();
    let mut facts = vec![("source", case.source.to_owned()), ("needs", needs.join(", "))];
    if let Some(only) = case.only {
        facts.push(("only where", only.words.to_owned()));
    }
    facts.push(("finds", case.kills.join(", ")));
    for (name, fact) in facts.iter().filter(|(_, fact)| !fact.is_empty()) {
        let _ = writeln!(text, "{name:<11} {fact}");
    }
    text += &match case.property {
        Some(_) => "\nIts scenarios are drawn at random.\n".to_owned(),
        None => steps(&case)?,
    };
    Ok(text)
}

fn steps(case: &Case) -> Result<String, String> {
    let replay = Replay::of(case);
    let mut text = String::new();
    for client in &replay.scenario.clients {
        let _ = writeln!(text, "\nThe adapter, as client {}:", client.name);
        for step in &client.steps {
            let _ = writeln!(text, "  {}", history::summary(step));
        }
    }
    let whole = serde_json::to_string_pretty(&replay).map_err(|error| error.to_string())?;
    let _ = writeln!(text, "\nThe scenario, and what the suite does meanwhile:\n{whole}");
    Ok(text)
}

fn unknown(id: &str) -> String {
    let part = id.rsplit_once('.').map_or(id, |(_, part)| part);
    let all = cases::all();
    let alike: Vec<&str> = all.iter().map(|case| case.id).filter(|it| it.contains(part)).collect();
    match alike.as_slice() {
        [] => format!("there is no case {id:?}; `conformance list` prints all"),
        some => format!("there is no case {id:?}; these are like it: {}", some.join(", ")),
    }
}
