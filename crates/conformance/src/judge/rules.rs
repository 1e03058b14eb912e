//! Rules that hold for every run.
//!
//! They use only certain orders: an event of a process precedes another one of it if its time is earlier.
//! The size of a difference means nothing, so no rule can fail because of slowness.

use std::collections::{BTreeMap, BTreeSet};

use procpool_contract::{ErrorClass, EventKind, Outcome, PoolOptions, Step, policy, word};

use super::answers::{named_once, not_early, own_value};
use crate::case::Waiver;
use crate::history::{End, Finding, History, brief, require};

/// A checker for every run.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its name.
    pub name: &'static str,
    /// Its requirement, in one sentence without the full stop.
    pub says: &'static str,
    /// The waiver by which cases skip it.
    pub waiver: Option<Waiver>,
    /// The checker.
    pub check: fn(&History) -> Finding,
}

/// All of them.
pub const RULES: &[Rule] = &[
    rule("no-phantom", "no task runs that was not submitted", no_phantom),
    rule("at-most-once", "a task runs at most once", at_most_once),
    rule("one-outcome", "a future has one outcome, forever", one_outcome),
    rule(
        "cancelled-never-runs",
        "a task whose future is cancelled never runs",
        cancelled_never_runs,
    ),
    rule(
        "causality",
        "a result is that of a run which was submitted before and ended before",
        causality,
    ),
    rule("own-value", "a value is that of its own call", own_value),
    rule("named-once", "a wait names each of its futures once", named_once),
    rule("not-early", "a step that ends by its time limit has taken that time", not_early),
    rule("serial-worker", "a worker runs one task at a time", serial_worker),
    rule("width", "no more tasks run at a time than there may be workers", width),
    rule("in-workers", "tasks and initializers run in processes of their own", in_workers),
    rule(
        "initialized-first",
        "a worker's initializer runs once, before its first task",
        initialized_first,
    ),
    Rule {
        waiver: Some(Waiver::CleanEnd),
        ..rule("clean-end", "the program ends by itself with code 0", clean_end)
    },
    Rule {
        waiver: Some(Waiver::Residue),
        ..rule("no-residue", "no process is left after the program", no_residue)
    },
];

const fn rule(name: &'static str, says: &'static str, check: fn(&History) -> Finding) -> Rule {
    Rule { name, says, waiver: None, check }
}

fn no_phantom(history: &History) -> Finding {
    // Calls nested in a task were submitted with it.
    let tags: BTreeSet<String> = history.calls().flat_map(|(_, call)| call.tags()).collect();
    for event in history.events(EventKind::Begin) {
        require(tags.contains(&event.tag), || format!("\"{}\" ran", event.tag))?;
    }
    Ok(())
}

fn at_most_once(history: &History) -> Finding {
    let mut ran = BTreeMap::new();
    for event in history.events(EventKind::Begin) {
        let before = ran.insert(&event.tag, event.pid);
        if let Some(before) = before {
            let (tag, pid) = (&event.tag, event.pid);
            return Err(format!("\"{tag}\" ran in process {before}, and again in {pid}"));
        }
    }
    Ok(())
}

/// Returns the outcome of each `result` of each future, in the order of their ends, without those that
/// timed out.
fn outcomes(history: &History) -> BTreeMap<&str, Vec<(u64, &Outcome)>> {
    let mut found: BTreeMap<&str, Vec<(u64, &Outcome)>> = BTreeMap::new();
    for (step, run) in history.runs() {
        if let (Step::Result { future, .. }, Some((at, outcome))) = (step, run.end)
            && !has_class(outcome, ErrorClass::Timeout)
        {
            found.entry(future).or_default().push((at, outcome));
        }
    }
    found.values_mut().for_each(|outcomes| outcomes.sort_by_key(|(at, _)| *at));
    found
}

fn has_class(outcome: &Outcome, class: ErrorClass) -> bool {
    matches!(outcome, Outcome::Error(failure) if failure.class == class)
}

fn tell(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Ok(value) => brief(value),
        Outcome::Error(failure) => word(failure.class),
    }
}

fn one_outcome(history: &History) -> Finding {
    for (future, outcomes) in outcomes(history) {
        for pair in outcomes.windows(2) {
            let (first, second) = (tell(pair[0].1), tell(pair[1].1));
            require(first == second, || format!("\"{future}\" was {first}, and then {second}"))?;
        }
    }
    let mut states: BTreeMap<&str, Vec<(u64, u64, &str)>> = BTreeMap::new();
    for (step, run) in history.runs() {
        if let (Step::State { future }, Some((end, Outcome::Ok(value)))) = (step, run.end)
            && let Some(state) = value.as_str()
        {
            states.entry(future).or_default().push((run.begin, end, state));
        }
    }
    let rank = |state: &str| match state {
        "pending" => 0,
        "running" => 1,
        _ => 2,
    };
    for (future, states) in states {
        for earlier in &states {
            for later in states.iter().filter(|later| earlier.1 < later.0) {
                let (first, second) = (earlier.2, later.2);
                let goes_on = rank(first) < rank(second) || first == second;
                require(goes_on, || format!("\"{future}\" was {first}, and then {second}"))?;
            }
        }
    }
    Ok(())
}

fn cancelled_never_runs(history: &History) -> Finding {
    let kills = |step: &Step| matches!(step, Step::KillWorkers { .. } | Step::Drop { .. });
    let steps = || history.scenario.clients.iter().flat_map(|client| &client.steps);
    let may_kill = history.description.policies.cancel_running == Some(policy::CancelRunning::Kill);
    if may_kill || steps().any(kills) {
        return Ok(());
    }
    for (future, outcomes) in outcomes(history) {
        if outcomes.iter().any(|(_, outcome)| has_class(outcome, ErrorClass::Cancelled)) {
            let ran = history.count(EventKind::Begin, future) > 0;
            require(!ran, || format!("\"{future}\" was cancelled and ran"))?;
        }
    }
    Ok(())
}

fn causality(history: &History) -> Finding {
    let mut submitted: BTreeMap<&str, u64> = BTreeMap::new();
    for (step, run) in history.runs() {
        if let Step::Submit { future, .. } = step {
            submitted.entry(future).or_insert(run.begin);
        }
    }
    for event in history.events(EventKind::Begin) {
        let called = submitted.get(event.tag.as_str());
        require(called.is_none_or(|called| *called <= event.at), || {
            format!("\"{}\" began before it was submitted", event.tag)
        })?;
    }
    let mut ends: BTreeMap<&str, u64> = BTreeMap::new();
    for event in history.events(EventKind::End) {
        ends.entry(&event.tag).or_insert(event.at);
    }
    for (future, outcomes) in outcomes(history) {
        let value = outcomes.iter().find(|(_, outcome)| matches!(outcome, Outcome::Ok(_)));
        let Some((at, _)) = value else { continue };
        let end = ends.get(future);
        let end =
            end.ok_or_else(|| format!("\"{future}\" has a result, but no run of it ended"))?;
        require(end <= at, || format!("\"{future}\" had a result before its run ended"))?;
    }
    Ok(())
}

/// Returns the runs of each process: tag, begin and end; a run without an end lasts forever.
fn runs(history: &History) -> BTreeMap<u32, Vec<(&str, u64, u64)>> {
    // By their tags: there may be tens of thousands of runs.
    let mut ends: BTreeMap<(&str, u32), Vec<u64>> = BTreeMap::new();
    for end in &history.events {
        if matches!(end.event, EventKind::End | EventKind::Failed) {
            ends.entry((&end.tag, end.pid)).or_default().push(end.at);
        }
    }
    let mut runs: BTreeMap<u32, Vec<(&str, u64, u64)>> = BTreeMap::new();
    for event in history.events(EventKind::Begin) {
        let own = ends.get(&(event.tag.as_str(), event.pid));
        let end = own.and_then(|ends| ends.iter().copied().find(|at| *at >= event.at));
        let end = end.unwrap_or(u64::MAX);
        runs.entry(event.pid).or_default().push((&event.tag, event.at, end));
    }
    runs
}

fn serial_worker(history: &History) -> Finding {
    for (pid, runs) in runs(history) {
        for pair in runs.windows(2) {
            let ((first, _, end), (second, begin, _)) = (pair[0], pair[1]);
            require(end <= begin, || {
                format!("\"{second}\" began in process {pid} while \"{first}\" ran there")
            })?;
        }
    }
    Ok(())
}

/// A pool that a step makes.
struct Pool<'h> {
    name: &'h str,
    options: &'h PoolOptions,
    tags: BTreeSet<&'h str>,
}

/// Returns each pool with the tags of its tasks. A client's pool of a name is the one that it
/// made last; if it has made none, that of another client, and nobody's if there are several.
fn pools(history: &History) -> Vec<Pool<'_>> {
    let mut pools: Vec<Pool<'_>> = Vec::new();
    let mut made: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut elsewhere: Vec<(&str, &str)> = Vec::new();
    for client in &history.scenario.clients {
        let mut own: BTreeMap<&str, usize> = BTreeMap::new();
        for step in &client.steps {
            match step {
                Step::New { pool, options } => {
                    own.insert(pool, pools.len());
                    made.entry(pool).or_default().push(pools.len());
                    pools.push(Pool { name: pool, options, tags: BTreeSet::new() });
                }
                Step::Submit { pool, .. } | Step::Map { pool, .. } | Step::MapOpen { pool, .. } => {
                    for tag in step.calls().iter().map(|call| call.tag.as_str()) {
                        match own.get(pool.as_str()) {
                            Some(own) => _ = pools[*own].tags.insert(tag),
                            None => elsewhere.push((pool, tag)),
                        }
                    }
                }
                _ => {}
            }
        }
    }
    for (pool, tag) in elsewhere {
        if let Some([only]) = made.get(pool).map(Vec::as_slice) {
            pools[*only].tags.insert(tag);
        }
    }
    pools
}

fn width(history: &History) -> Finding {
    let runs = runs(history);
    for Pool { name, options, tags } in pools(history) {
        let Some(most) = options.max_workers else { continue };
        // A dead worker runs nothing more: only runs that ended extend to their end.
        let ours =
            runs.values().flatten().filter(|(tag, _, end)| tags.contains(tag) && *end < u64::MAX);
        let mut moments: Vec<(u64, i64)> =
            ours.flat_map(|(_, begin, end)| [(*begin, 1), (*end, -1)]).collect();
        moments.sort_unstable();
        let mut open = 0;
        for (_, change) in moments {
            open += change;
            require(open <= most, || {
                format!("{open} ran at a time in \"{name}\", of {most} workers")
            })?;
        }
    }
    Ok(())
}

fn in_workers(history: &History) -> Finding {
    for event in &history.events {
        let in_worker = !matches!(event.event, EventKind::Pull | EventKind::Callback);
        require(!in_worker || event.pid != history.owner, || {
            format!("\"{}\" ran in the program's own process", event.tag)
        })?;
    }
    Ok(())
}

fn initialized_first(history: &History) -> Finding {
    for pid in history.initialized() {
        let of = |kind| history.events(kind).filter(move |event| event.pid == pid);
        let begins = of(EventKind::InitBegin).count();
        require(begins <= 1, || format!("it ran {begins} times in worker {pid}"))?;
    }
    let pools = pools(history);
    let initialized = pools.iter().filter(|pool| pool.options.initializer.is_some());
    let tags: BTreeSet<&str> = initialized.flat_map(|pool| &pool.tags).copied().collect();
    let begins = history.events(EventKind::Begin);
    for begin in begins.filter(|begin| tags.contains(begin.tag.as_str())) {
        let mut ends = history.events(EventKind::InitEnd);
        require(ends.any(|end| end.pid == begin.pid && end.at <= begin.at), || {
            format!("\"{}\" began in worker {}, where it had not returned", begin.tag, begin.pid)
        })?;
    }
    Ok(())
}

fn clean_end(history: &History) -> Finding {
    let said: String = history.stderr.trim().chars().take(500).collect();
    match history.end {
        End::Exit(0) => Ok(()),
        End::Exit(code) => Err(format!("it ended with code {code}: {said}")),
        End::Signal(signal) => Err(format!("it was ended by signal {signal}: {said}")),
        End::KilledByCase => Ok(()),
        End::Hung => Err("it did not end".to_owned()),
    }
}

fn no_residue(history: &History) -> Finding {
    require(history.left.is_empty(), || format!("left: {}", history.left.join("; ")))
}
