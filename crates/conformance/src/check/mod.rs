//! Checks an adapter before its pool is judged: whether it fulfils the contract.
//!
//! It gets one scenario for each capability: it must carry out those that it declares and decline the
//! others. The behaviour of the pool does not matter here: a wrong result is not a fault of the adapter,
//! and a run that ends with a failure of the pool shows no fault. Before these, the core tier and the
//! details of the adapter itself are checked.

mod details;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use procpool_contract::{Capability, Description};

use crate::case::{Case, Tier};
use crate::cases;
use crate::mapped;
use crate::plan::{Plan, echo, marked, workers};
use crate::run::{Adapter, Limits, Ran, carry_out};

use details::{DETAILS, Detail};

/// How many examples run in parallel. They need almost no CPU, and some hang.
const AT_A_TIME: usize = 8;

/// The finding for one point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The point.
    pub at: String,
    /// The fault.
    pub fault: Option<String>,
}

/// Checks an adapter, and reports each finding as soon as it is known. Returns whether there is no fault.
pub fn check(adapter: &Adapter, limits: Limits, mut tell: impl FnMut(&Look)) -> bool {
    let mut is_well = true;
    let mut say = |at: String, fault: Option<String>| {
        is_well &= fault.is_none();
        tell(&Look { at, fault });
    };
    let description = match adapter.describe(limits) {
        Err(fault) => {
            say("describe".to_owned(), Some(fault.to_string()));
            return false;
        }
        Ok(description) => description,
    };
    say(format!("describe: {} ({})", description.implementation, description.start_method), None);
    say("the core tier".to_owned(), core(adapter, &description, limits));
    for look in details(adapter, &description, limits) {
        say(look.at, look.fault);
    }
    // The behaviour of the pool does not matter here, and some pools hang: all examples are waited for in
    // parallel.
    let examples = examples(&description);
    let next = AtomicUsize::new(0);
    let (found, looks) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            let found = found.clone();
            let (examples, next, description) = (&examples, &next, &description);
            scope.spawn(move || {
                while let Some((capability, case)) =
                    examples.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    let look = look(adapter, description, *capability, case, limits);
                    // The reader has closed the pipe and needs no more output.
                    let _ = found.send((*capability, look));
                }
            });
        }
        drop(found);
        // In their order, independent of the order in which they finish.
        let mut known = BTreeMap::new();
        let mut due = examples.iter().map(|(capability, _)| *capability).peekable();
        for (capability, look) in looks {
            known.insert(capability, look);
            while let Some(Look { at, fault }) = due.peek().and_then(|next| known.remove(next)) {
                due.next();
                say(at, fault);
            }
        }
    });
    is_well
}

/// Makes an adapter carry out an example of a capability, or decline it.
fn look(
    adapter: &Adapter,
    description: &Description,
    capability: Capability,
    case: &Case,
    limits: Limits,
) -> Look {
    let word = capability.word();
    let declared = description.capabilities.contains(&capability);
    let plan = case.planned();
    // An undeclared `submit` must be declined; with maps it would not be asked for.
    let asked = if capability == Capability::Submit { carry_out } else { mapped::carry_out };
    let ran = asked(adapter, description, &plan.scenario(case.id), plan.script(), limits);
    let (at, fault) = match (declared, ran) {
        (true, Ran::History(_)) => (format!("{word}: carried out"), None),
        (true, Ran::Inexpressible(text)) => {
            (word, Some(format!("it is declared, and declined with code 77: {text}")))
        }
        (false, Ran::Inexpressible(_)) => (format!("{word}: declined"), None),
        (false, Ran::History(history)) if history.lines.is_empty() => {
            (word, Some(history.stuck.unwrap_or_else(|| "it wrote no line".to_owned())))
        }
        (false, Ran::History(_)) => {
            let fault = format!(
                "it is not declared, but {} was carried out: declare it, or end with code 77",
                case.id
            );
            (word, Some(fault))
        }
        (_, Ran::Fault(fault)) => (word, Some(fault.to_string())),
    };
    Look { at, fault }
}

/// Checks each detail that is the adapter's own responsibility.
pub fn details(
    adapter: &Adapter,
    description: &Description,
    limits: Limits,
) -> impl Iterator<Item = Look> {
    let has = |need| description.capabilities.contains(&need);
    DETAILS.iter().filter(move |detail| detail.needs.is_none_or(has)).map(move |detail| Look {
        at: detail.at.to_owned(),
        fault: fault_in(detail, adapter, description, limits),
    })
}

/// Returns the fault in one of the details.
fn fault_in(
    detail: &Detail,
    adapter: &Adapter,
    description: &Description,
    limits: Limits,
) -> Option<String> {
    let mut plan = Plan::default();
    (detail.plan)(&mut plan, &description.capabilities);
    match carry_out(adapter, description, &plan.scenario("check.detail"), plan.script(), limits) {
        Ran::Fault(fault) => Some(fault.to_string()),
        Ran::Inexpressible(text) => Some(format!("it was declined with code 77: {text}")),
        Ran::History(history) => match &history.stuck {
            Some(stuck) => Some(stuck.clone()),
            None => (detail.judge)(&history).err(),
        },
    }
}

/// The smallest possible scenario; all of it is the adapter's own responsibility.
fn core(adapter: &Adapter, description: &Description, limits: Limits) -> Option<String> {
    let has = |capability| description.capabilities.contains(&capability);
    let mut plan = Plan::default();
    let options = if has(Capability::Initializer) { marked(1, ()) } else { workers(1) };
    plan.new_pool("p", options);
    if has(Capability::Submit) {
        plan.submit("p", echo("a", 7)).result("a");
    }
    if has(Capability::Map) {
        plan.map("p", vec![echo("b", 8), echo("c", 9)]);
    }
    plan.shutdown("p");
    let scenario = plan.scenario("check.core");
    match carry_out(adapter, description, &scenario, plan.script(), limits) {
        Ran::Fault(fault) => Some(fault.to_string()),
        Ran::Inexpressible(text) => Some(format!("it was declined with code 77: {text}")),
        Ran::History(history) => {
            let wrong =
                |step: &str, expected: serde_json::Value| history.returned(step, expected).err();
            if let Some(stuck) = &history.stuck {
                return Some(stuck.clone());
            }
            if history.events.is_empty() {
                return Some("nothing was written to the trace: see CONFORMANCE_DIR".to_owned());
            }
            let result = has(Capability::Submit).then(|| wrong("result a", 7.into())).flatten();
            let items = serde_json::json!([{"ok": 8}, {"ok": 9}]);
            result.or_else(|| has(Capability::Map).then(|| wrong("map p", items)).flatten())
        }
    }
}

/// Returns a case for each capability, the one with the fewest steps: for a declared capability, any case
/// that applies to this pool; for another one, a case that lacks no other capability.
fn examples(description: &Description) -> Vec<(Capability, Case)> {
    let mut examples: Vec<(Capability, Case)> = Vec::new();
    let all: Vec<(Case, BTreeSet<Capability>)> = cases::all()
        .into_iter()
        .filter(|case| case.property.is_none() && case.tier == Tier::Usual)
        .filter(|case| case.only.is_none_or(|only| (only.holds)(&description.policies)))
        .map(|case| (case, case.needs_of(description)))
        .collect();
    let capabilities: BTreeSet<Capability> =
        all.iter().flat_map(|(_, needs)| needs).copied().collect();
    for capability in capabilities {
        // Whether these succeed depends on the pool; an adapter need not know, and has no reason to
        // decline.
        let is_the_pools = matches!(capability, Capability::Threads | Capability::SeveralPools);
        if is_the_pools && !description.capabilities.contains(&capability) {
            continue;
        }
        let lacks_nothing_else = |needs: &BTreeSet<Capability>| {
            needs.iter().all(|need| *need == capability || description.capabilities.contains(need))
        };
        let fit = all
            .iter()
            .filter(|(_, needs)| needs.contains(&capability) && lacks_nothing_else(needs));
        // The steps of a plan are in the scenario; an adapter cannot decline the rest.
        let fit = fit.filter(|(case, _)| {
            description.capabilities.contains(&capability) || case.shows(capability)
        });
        if let Some((case, _)) = fit.min_by_key(|(case, _)| steps(case)) {
            examples.push((capability, *case));
        }
    }
    examples
}

fn steps(case: &Case) -> usize {
    case.scenario().clients.iter().map(|client| client.steps.len()).sum()
}
