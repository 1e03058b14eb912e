//! Cases that are asked with maps: the judge sees the same as if they had been asked with futures.

use procpool_conformance::case::Case;
use procpool_conformance::cases;
use procpool_conformance::history::{History, place_of};
use procpool_conformance::mapped::Mapped;
use procpool_conformance::plan::{
    Condition, Plan, Stage, called, echo, fail, gated, returned, worker_of, workers,
};
use procpool_contract::{Capability as Has, ErrorClass, Line, Moment, Outcome, Scenario, Step};

use crate::ideal;
use crate::made::{Made, error, items};

/// The lines of each client in their order, without times.
fn told(history: &History) -> Vec<Vec<(usize, Moment, Option<Outcome>)>> {
    let clients = history.scenario.clients.iter().map(|client| {
        let lines = history.lines.iter().filter(|line| line.client == client.name);
        lines.map(|line| (line.step, line.is, line.outcome.clone())).collect()
    });
    clients.collect()
}

/// The history of an ideal pool in `scenario`.
fn carried_out(case: &Case, scenario: &Scenario) -> History {
    ideal::carry_out(History {
        lines: Vec::new(),
        events: Vec::new(),
        scenario: scenario.clone(),
        ..Made::of(case.id).history()
    })
}

#[test]
fn every_case_asked_with_maps_shows_the_same_as_with_futures() {
    let mut count = 0;
    for case in cases::all().into_iter().filter(|case| case.property.is_none()) {
        let (scenario, plan) = (case.scenario(), case.planned());
        let Some(mapped) = Mapped::of(&scenario, plan.script()) else { continue };
        count += 1;
        assert!(!mapped.scenario.needs().contains(&Has::Submit), "{}", case.id);
        for stage in &mapped.script {
            if let Stage::Until(Condition::Called(name) | Condition::Returned(name)) = stage {
                assert!(place_of(&mapped.scenario, name).is_some(), "{}: {name}", case.id);
            }
        }
        let by_maps = mapped.translated_back(carried_out(&case, &mapped.scenario));
        assert_eq!(told(&by_maps), told(&carried_out(&case, &scenario)), "{}", case.id);
    }
    assert!(count > 50, "{count} cases can be asked with maps");
}

fn mapped(build: impl FnOnce(&mut Plan)) -> Option<(Vec<Step>, Vec<Stage>)> {
    let mut plan = Plan::default();
    build(&mut plan);
    let scenario = plan.scenario("death.made-up");
    let mapped = Mapped::of(&scenario, plan.script())?;
    Some((mapped.scenario.clients[0].steps.clone(), mapped.script))
}

#[test]
fn tasks_share_a_map_and_steps_keep_their_moments() {
    let (steps, script) = mapped(|plan| {
        plan.new_pool("p", workers(2)).submit("p", echo("x", 0)).result("x");
        plan.submit("p", gated("a", "go")).submit("p", echo("b", 2)).result("b").result("a");
        plan.until(returned("result x")).until(called("result a")).open("go");
    })
    .expect("all of it can be said");
    let summaries: Vec<usize> = steps
        .iter()
        .map(|step| if let Step::Map { calls, .. } = step { calls.len() } else { 0 })
        .collect();
    assert_eq!(summaries, [0, 1, 2]);
    let until = |condition| Stage::Until(condition);
    let go = Stage::Open("go".to_owned());
    assert_eq!(script, [until(returned("map p #1")), until(called("map p #2")), go]);
}

#[test]
fn cases_that_maps_cannot_express_are_left_out() {
    let two = |plan: &mut Plan| {
        plan.new_pool("p", workers(2)).submit("p", echo("a", 1)).submit("p", echo("b", 2));
        plan.result("a").result("b");
    };
    assert!(mapped(two).is_some());
    let left_out: [&dyn Fn(&mut Plan); 8] = [
        &|plan| {
            plan.submit("p", echo("a", 1)).hold("go").result("a");
        },
        &|plan| {
            plan.submit("p", echo("a", 1));
        },
        &|plan| {
            plan.submit("p", echo("a", 1)).result_within("a", 5);
        },
        &|plan| {
            plan.submit("p", echo("a", 1)).result("a").result("a");
        },
        &|plan| {
            plan.submit("p", echo("a", 1)).submit("p", fail("b", "oh")).result("a").result("b");
        },
        &|plan| {
            two(plan);
            plan.signal(worker_of("a"), 9);
        },
        &|plan| {
            two(plan);
            plan.until(returned("result a"));
        },
        &|plan| {
            two(plan);
            plan.until(returned("submit b"));
        },
    ];
    for (index, build) in left_out.into_iter().enumerate() {
        assert_eq!(mapped(build), None, "{index}");
    }
}

/// The outcomes of two submissions and their results, from what a map of both returned.
fn outcomes(of_map: Outcome) -> Vec<Outcome> {
    let mut plan = Plan::default();
    plan.submit("p", echo("a", 1)).submit("p", echo("b", 2)).result("b").result("a");
    let scenario = plan.scenario("death.made-up");
    let mapped = Mapped::of(&scenario, plan.script()).expect("all of it can be said");
    let line = |is, outcome| Line { client: "main".to_owned(), step: 0, at: 1, is, outcome };
    let lines = vec![line(Moment::Begin, None), line(Moment::End, Some(of_map))];
    let history = mapped.translated_back(History { lines, ..Made::of("death.abort").history() });
    let steps = ["submit a", "submit b", "result b", "result a"];
    steps.map(|step| history.outcome(step).expect("it has returned").clone()).to_vec()
}

#[test]
fn results_are_those_of_the_items() {
    let (one, two, null) = (Outcome::Ok(1.into()), Outcome::Ok(2.into()), Outcome::Ok(().into()));
    let broken = error(ErrorClass::Broken, "oh");
    let all = |items_of: &[Outcome]| outcomes(Outcome::Ok(items(items_of)));
    assert_eq!(
        all(&[one.clone(), two.clone()]),
        [null.clone(), null.clone(), two.clone(), one.clone()]
    );
    // The map ended with an error.
    assert_eq!(all(&[one.clone(), broken.clone()])[2..], [broken.clone(), one.clone()]);
    assert_eq!(all(std::slice::from_ref(&broken))[2..], [broken.clone(), broken.clone()]);
    // It lost an item, or has one too many.
    for wrong in [vec![one.clone()], vec![one.clone(), two.clone(), two.clone()]] {
        assert!(matches!(&all(&wrong)[2], Outcome::Error(it) if it.class == ErrorClass::Other));
    }
    let refused = outcomes(error(ErrorClass::Rejected, "closed"));
    assert_eq!(
        refused[..2],
        [error(ErrorClass::Rejected, "closed"), error(ErrorClass::Rejected, "closed")]
    );
    assert!(matches!(&refused[2], Outcome::Error(it) if it.class == ErrorClass::Invalid));
}
