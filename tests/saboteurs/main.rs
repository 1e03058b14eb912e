//! The kill matrix: every saboteur is found by its cases, by the checkers and with the messages in
//! `crates/conformance/kills.toml`; and by none when these are left out.
//!
//! A saboteur is a running pool with a real fault: `target/debug/saboteur --list`. One of them is honest,
//! and passes wherever another one fails. It is procpool below a layer that changes nothing, and
//! `--test conformance` judges procpool: here one case of each area suffices. So does the first case that
//! finds a saboteur. `--include-ignored` runs all, as the gate does. `CONFORMANCE_BLESS=1` rewrites the
//! file, and the book's page, with the new observations; they must be reviewed.

mod kills;
mod without;

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use procpool_adapter::saboteurs;
use procpool_conformance::case::{Case, Tier};
use procpool_conformance::cases;
use procpool_conformance::environment;
use procpool_conformance::run::{Adapter, Limits};
use procpool_conformance::suite::{Result as Judged, Verdict};
use procpool_contract::Description;
use procpool_testkit::program;

use kills::{Kill, Kills};

/// Long enough for a correct pool under load, short enough for those that hang.
const SCALE: f64 = 0.4;

/// How many trials run in parallel.
const THREADS: usize = 32;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    let bless = match environment::bless() {
        Ok(bless) if arguments.test_threads != Some(0) => bless,
        Ok(_) => return refuse("--test-threads is 0, so nothing would ever run"),
        Err(error) => return refuse(&error),
    };
    // Hanging ones need no CPU.
    arguments.test_threads.get_or_insert(THREADS);
    let expected = match Kills::read() {
        Ok(kills) => Arc::new(kills),
        Err(error) => return refuse(&error),
    };
    let seen: Arc<Mutex<Kills>> = Arc::default();
    let mut trials = Vec::new();
    let mut areas = BTreeSet::new();
    for saboteur in saboteurs::all() {
        let mut is_first = true;
        for case in cases::all() {
            let is_honest = saboteur.name == "honest";
            if is_honest && !case.kills.is_empty() {
                let name = format!("passes::{}", case.id);
                let trial = of(&case, Trial::test(name, move || passes(&case)));
                trials.push(match areas.insert(case.area()) {
                    true => trial,
                    false => trial.with_kind("judged as procpool").with_ignored_flag(true),
                });
            } else if case.kills.contains(&saboteur.name) {
                let (expected, seen) = (Arc::clone(&expected), Arc::clone(&seen));
                let name = format!("finds::{}::{}", saboteur.name, case.id);
                let trial = Trial::test(name, move || {
                    let kill = found(saboteur.name, &case)?;
                    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                    seen.add(saboteur.name, kill.clone());
                    kill.compare(expected.get(saboteur.name, case.id))
                });
                trials.push(match std::mem::take(&mut is_first) {
                    true => of(&case, trial),
                    false => of(&case, trial).with_kind("found already").with_ignored_flag(true),
                });
            }
        }
    }
    trials.push(Trial::test("every-saboteur-is-found-by-a-case", every_saboteur_is_found));
    trials.push(Trial::test("every-case-for-procpool-has-a-saboteur", without::none_for_procpool));
    let theirs = Arc::clone(&expected);
    trials.push(Trial::test("a-failing-scenario-is-shrunk", is_shrunk));
    trials.push(Trial::test("the-file-of-kills-is-complete", move || theirs.check()));
    let theirs = Arc::clone(&expected);
    trials.push(Trial::test("every-checker-has-a-saboteur-that-only-it-finds", move || {
        theirs.each_is_missed()
    }));
    let conclusion = libtest_mimic::run(&arguments, trials);
    if bless && !arguments.list {
        let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = expected.with(&seen).write() {
            return refuse(&error);
        }
    }
    conclusion.exit_code()
}

fn refuse(error: &str) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::from(2)
}

/// A trial of a case that takes long is run only on request.
fn of(case: &Case, trial: Trial) -> Trial {
    match case.tier {
        Tier::Soak => trial.with_kind("takes a minute").with_ignored_flag(true),
        Tier::Usual | Tier::All => trial,
    }
}

fn judged(saboteur: &str, case: &Case, limits: Limits) -> Result<Judged, Failed> {
    let command = format!("'{}' {saboteur}", program::path("saboteur").display());
    let adapter = Adapter { command, folder: program::root().to_owned() };
    let description: Description = adapter.describe(limits).map_err(|fault| fault.to_string())?;
    if let Some(reason) = case.not_for(&description) {
        return Err(format!("{} is not for procpool: {reason}", case.id).into());
    }
    Ok(Judged::judged(&adapter, &description, case, limits))
}

fn passes(case: &Case) -> Result<(), Failed> {
    // Nothing hangs here, so a busy machine may take its time.
    match judged("honest", case, Limits::scaled(1.0))?.verdict {
        Verdict::Passed => Ok(()),
        other => Err(format!("{}: {other:?}", case.id).into()),
    }
}

/// Returns how a case finds a saboteur. A drawn scenario is judged as it was drawn: how far one shrinks
/// depends on the machine.
fn found(saboteur: &str, case: &Case) -> Result<Kill, Failed> {
    let limits = Limits { shrink: Duration::ZERO, ..Limits::scaled(SCALE) };
    match judged(saboteur, case, limits)?.verdict {
        Verdict::Failed(found) => Ok(Kill::of(case.id, &found)),
        other => Err(format!("{saboteur} in {}: {other:?}", case.id).into()),
    }
}

/// Whether a drawn scenario that fails is made smaller. The trials above do not ask for it.
fn is_shrunk() -> Result<(), Failed> {
    let case = cases::find("property.futures").ok_or("there is no such case")?;
    let steps = |seconds| {
        let limits = Limits { shrink: Duration::from_secs(seconds), ..Limits::scaled(SCALE) };
        let history = judged("lies-about-a-value", &case, limits)?.history.ok_or("no run")?;
        Ok::<_, Failed>(history.runs().len())
    };
    let (drawn, shrunk) = (steps(0)?, steps(60)?);
    match shrunk < drawn {
        true => Ok(()),
        false => Err(format!("{drawn} steps were drawn, {shrunk} are left").into()),
    }
}

fn every_saboteur_is_found() -> Result<(), Failed> {
    let found: BTreeSet<&str> = cases::all().iter().flat_map(|case| case.kills).copied().collect();
    let all: BTreeSet<&str> = saboteurs::all().iter().map(|saboteur| saboteur.name).collect();
    let missed: Vec<_> =
        all.iter().filter(|name| **name != "honest" && !found.contains(*name)).collect();
    let unknown: Vec<_> = found.difference(&all).collect();
    match (missed.as_slice(), unknown.as_slice()) {
        ([], []) => Ok(()),
        _ => Err(format!("found by no case: {missed:?}; no saboteurs: {unknown:?}").into()),
    }
}
