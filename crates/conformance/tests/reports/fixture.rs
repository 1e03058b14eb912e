//! Made-up results: every verdict, a dead adapter, and a text that tries to be more than text.

use std::collections::BTreeSet;

use procpool_conformance::case::Level;
use procpool_conformance::report::{CaseResult, Machine, Results, Run, Verdict};
use procpool_contract::{Capability, Description, Policies, VERSION, policy};

/// Ends elements, attributes, comments, CDATA and JSON; is markup, Markdown, a placeholder, a control
/// sequence.
pub(crate) const HOSTILE: &str = "</script></pre>\"'><script>window.hacked=1</script><img src=x onerror=window.hacked=1> \
     ]]> --> {{data}} | `a` [b](javascript:c) \\ & &amp; \u{1b}[31m\u{0} é 中 🦀\r\nend";

pub(crate) fn case(id: &str, level: Level, verdict: Verdict) -> CaseResult {
    let observation = match verdict {
        Verdict::Passed => String::new(),
        _ => format!("This is what was seen of {id}."),
    };
    let (area, slug) = id.split_once('.').expect("ids have a dot");
    CaseResult {
        id: id.to_owned(),
        area: area.to_owned(),
        level,
        requirement: format!("The pool {level} keep to {id}."),
        source: "the article".to_owned(),
        anchor: format!("catalogue.html#{area}-{slug}"),
        verdict,
        at_times: false,
        observation,
        seconds: 0.25,
        timeline: "       0.0 ms  main       new p …\n       1.5 ms  4127 begin \"a\"\n".to_owned(),
        rerun: format!("PROCPOOL_ADAPTER='adapter' cargo test --test conformance -- --exact {id}"),
    }
}

pub(crate) fn run(adapter: &str, implementation: &str, cases: Vec<CaseResult>) -> Run {
    Run {
        suite: "0.1.0".to_owned(),
        contract: VERSION,
        date: "2026-01-31T12:00:00Z".to_owned(),
        machine: Machine { system: "Linux 6.18".to_owned(), cpu: "A CPU".to_owned(), cpus: 2 },
        adapter: adapter.to_owned(),
        description: Some(Description {
            contract: VERSION,
            implementation: implementation.to_owned(),
            version: "1.2.3".to_owned(),
            language: "CPython 3.11.7".to_owned(),
            start_method: "spawn".to_owned(),
            capabilities: BTreeSet::from([Capability::Submit, Capability::Map]),
            policies: Policies {
                worker_death: Some(policy::WorkerDeath::Break),
                ..Policies::default()
            },
        }),
        fault: None,
        cases,
    }
}

pub(crate) fn dead(adapter: &str, fault: &str, ids: &[&str]) -> Run {
    let red = |id: &&str| CaseResult {
        observation: fault.to_owned(),
        seconds: 0.0,
        timeline: String::new(),
        ..case(id, Level::Must, Verdict::AdapterError)
    };
    Run {
        description: None,
        fault: Some(fault.to_owned()),
        ..run(adapter, "", ids.iter().map(red).collect())
    }
}

/// A pool with each verdict, one that passes, and a dead adapter.
pub(crate) fn results() -> Results {
    let mixed = Verdict::ALL.iter().enumerate().map(|(index, verdict)| {
        let level = if index == 3 { Level::Should } else { Level::Must };
        let area = if index < 3 { "init" } else { "shutdown" };
        case(&format!("{area}.{}", verdict.word().replace('_', "-")), level, *verdict)
    });
    let mixed: Vec<CaseResult> = mixed.collect();
    // It leaves out the last case.
    let good = mixed[..6].iter().map(|it| case(&it.id, it.level, Verdict::Passed)).collect();
    Results::of(vec![
        run("python3 futures.py spawn", "concurrent.futures", mixed),
        run("procpool-adapter", "procpool", good),
        dead("no-such-adapter", "sh: 1: no-such-adapter: not found", &["init.passed"]),
    ])
    .expect("the fixture contradicts itself")
}

/// A run with the hostile text wherever a text is possible.
pub(crate) fn hostile() -> Results {
    let text = || HOSTILE.to_owned();
    let failed = CaseResult {
        id: text(),
        area: text(),
        requirement: text(),
        source: text(),
        anchor: "javascript:window.hacked=1".to_owned(),
        observation: text(),
        timeline: text(),
        rerun: text(),
        ..case("a.b", Level::Must, Verdict::Failed)
    };
    let error = CaseResult { verdict: Verdict::AdapterError, ..failed.clone() };
    let mut bad = run(HOSTILE, HOSTILE, vec![failed]);
    bad.machine = Machine { system: text(), cpu: text(), cpus: 1 };
    (bad.suite, bad.date) = (text(), text());
    if let Some(description) = &mut bad.description {
        description.version = text();
        description.language = text();
        description.start_method = text();
    }
    let mut gone = dead("dead", HOSTILE, &[]);
    gone.cases = vec![error];
    Results::of(vec![bad, gone]).expect("the fixture contradicts itself")
}
