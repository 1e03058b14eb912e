//! Results as the file that outlives them.

use std::time::SystemTime;

use procpool_contract::VERSION;

use super::Results;
use super::column::Column;
use super::expectations::Known;
use super::verdict::{Result, Verdict};
use crate::case::Case;
use crate::cases;
use crate::report::{CaseResult, Machine, Results as File, Run, Verdict as Said};
use crate::timeline;

/// Returns the file of results: every case of every column, including those that did not run.
///
/// # Errors
///
/// Two columns are the same.
pub fn file(results: &Results, began: SystemTime) -> std::result::Result<File, String> {
    File::of(results.iter().map(|(column, results)| run(column, results, began)).collect())
}

fn run(column: &Column, results: &[Result], began: SystemTime) -> Run {
    let said = |case: &Case| {
        let result = results.iter().find(|result| result.case == case.id);
        case_result(column, case, result)
    };
    Run {
        suite: env!("CARGO_PKG_VERSION").to_owned(),
        contract: VERSION,
        date: humantime::format_rfc3339_seconds(began).to_string(),
        machine: machine(),
        adapter: column.adapter.command.clone(),
        description: column.description.as_ref().ok().cloned(),
        fault: column.description.as_ref().err().map(ToString::to_string),
        cases: cases::all().iter().map(said).collect(),
    }
}

fn case_result(column: &Column, case: &Case, result: Option<&Result>) -> CaseResult {
    let (verdict, observation) = match result.map(|result| &result.verdict) {
        None => (Said::NotTested, "it was not asked for".to_owned()),
        Some(Verdict::Passed) => (Said::Passed, String::new()),
        Some(Verdict::Failed(found)) => {
            let all: Vec<&str> = found.iter().map(|found| found.complaint.as_str()).collect();
            (Said::Failed, all.join("\n"))
        }
        Some(Verdict::Expected(known)) => (Said::ExpectedFailure, about(known)),
        Some(Verdict::ThisTime(known)) => (Said::Passed, about(known)),
        Some(Verdict::Unexpected(reason)) => {
            (Said::UnexpectedPass, format!("it is known to fail: {reason}"))
        }
        Some(Verdict::Unsupported(reason)) => (Said::Unsupported, reason.clone()),
        Some(Verdict::AdapterError(error)) => (Said::AdapterError, error.clone()),
    };
    let at_times = match result.map(|result| &result.verdict) {
        Some(Verdict::Expected(known) | Verdict::ThisTime(known)) => known.at_times.is_some(),
        _ => false,
    };
    let history = result.and_then(|result| result.history.as_deref());
    CaseResult {
        id: case.id.to_owned(),
        area: case.area().to_owned(),
        level: case.level,
        requirement: case.requirement.to_owned(),
        source: case.source.to_owned(),
        anchor: case.anchor(),
        verdict,
        at_times,
        observation,
        seconds: result.map_or(0.0, |result| (result.took.as_secs_f64() * 1000.0).round() / 1000.0),
        timeline: history.map(timeline::text).unwrap_or_default(),
        rerun: column.rerun(case.id),
    }
}

fn about(known: &Known) -> String {
    let race = known.at_times.as_ref().map(|race| format!(" It fails at times: {race}"));
    let link = if known.link.is_empty() { String::new() } else { format!(" ({})", known.link) };
    format!("{}{}{link}", known.reason, race.unwrap_or_default())
}

fn machine() -> Machine {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let release = read("/proc/sys/kernel/osrelease");
    let cpus = read("/proc/cpuinfo");
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    Machine {
        system: format!("{} {}", std::env::consts::OS, release.trim()),
        cpu: model.map_or("unknown", |(_, name)| name).to_owned(),
        cpus: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
    }
}
