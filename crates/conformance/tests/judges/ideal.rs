//! A model of an ideal pool.
//!
//! Owns its behaviour: it carries a scenario out, one client after the other, one step after the other.
//! Times are whole milliseconds, and every step takes one at least. It has no time limits, refuses nothing
//! and gets no signals; cases that need these edit the history. It knows nothing of the judges' questions.

use std::collections::{BTreeMap, VecDeque};

use procpool_conformance::environment::{EMPTY, LINES, LINES_VALUE};
use procpool_conformance::history::History;
use procpool_contract::{
    Body, Call, ErrorClass, Event, EventKind, Line, Moment, Outcome, Place, PoolOptions, Step,
};
use serde_json::{Value, json};

use crate::made::{error, items};

pub(crate) const MILLI: u64 = 1_000_000;
pub(crate) const OWNER: u32 = 100;

/// Returns `history` with the actions of an ideal pool in its scenario.
pub(crate) fn carry_out(history: History) -> History {
    let mut clients = history.scenario.clients.clone();
    // Clients that create pools come first; others wait for that in some way.
    clients.sort_by_key(|client| !client.steps.iter().any(|step| matches!(step, Step::New { .. })));
    let mut ideal = Ideal {
        history,
        at: 0,
        made: 0,
        pools: BTreeMap::new(),
        futures: BTreeMap::new(),
        maps: BTreeMap::new(),
        others: 0,
    };
    for client in &clients {
        for (index, step) in client.steps.iter().enumerate() {
            ideal.line(&client.name, index, Moment::Begin, None);
            let outcome = ideal.step(step);
            ideal.line(&client.name, index, Moment::End, Some(outcome));
        }
    }
    ideal.history
}

/// Removes duplicate names.
fn once(names: &[String]) -> Vec<&String> {
    let is_first = |(place, name): &(usize, &String)| !names[..*place].contains(name);
    names.iter().enumerate().filter(is_first).map(|(_, name)| name).collect()
}

#[derive(Debug)]
struct Ideal {
    history: History,
    at: u64,
    /// The number of pools, including those whose name another one has now.
    made: u32,
    pools: BTreeMap<String, Pool>,
    futures: BTreeMap<String, Outcome>,
    maps: BTreeMap<String, VecDeque<Outcome>>,
    /// The number of workers that take no turns: of nested pools, and dead ones.
    others: u32,
}

#[derive(Debug)]
struct Pool {
    options: PoolOptions,
    /// The process of its first worker; the others follow.
    first: u32,
    /// The number of tasks it has run. Workers take turns.
    turns: u32,
}

impl Ideal {
    fn line(&mut self, client: &str, step: usize, is: Moment, outcome: Option<Outcome>) {
        self.at += MILLI;
        self.history.lines.push(Line { client: client.to_owned(), step, at: self.at, is, outcome });
    }

    fn event(&mut self, pid: u32, event: EventKind, tag: &str) {
        self.at += MILLI;
        let (at, tag) = (self.at, tag.to_owned());
        self.history.events.push(Event { pid, ppid: OWNER, at, event, tag });
    }

    fn step(&mut self, step: &Step) -> Outcome {
        match step {
            Step::New { pool, options } => {
                let first = 200 + 100 * self.made;
                self.made += 1;
                let made = Pool { options: options.clone(), first, turns: 0 };
                self.pools.insert(pool.clone(), made);
            }
            Step::Submit { pool, future, call } => {
                let outcome = self.run(pool, call);
                self.futures.insert(future.clone(), outcome);
            }
            Step::Result { future, .. } => return self.futures[future].clone(),
            Step::Map { pool, calls, .. } => {
                let outcomes: Vec<Outcome> =
                    calls.iter().map(|call| self.run(pool, call)).collect();
                return Outcome::Ok(items(&outcomes));
            }
            Step::MapOpen { pool, map, calls, options } => {
                let room = options.buffersize.map_or(calls.len(), |room| room as usize);
                for call in calls.iter().take(room) {
                    self.event(OWNER, EventKind::Pull, &call.tag);
                }
                let outcomes = calls.iter().map(|call| self.run(pool, call)).collect();
                self.maps.insert(map.clone(), outcomes);
            }
            Step::MapNext { map } => {
                let next = self.maps.get_mut(map).and_then(VecDeque::pop_front);
                return Outcome::Ok(items(&next.into_iter().collect::<Vec<_>>()));
            }
            Step::State { .. } => return Outcome::Ok("done".into()),
            Step::Cancel { .. } => return Outcome::Ok(false.into()),
            Step::Callback { label, reads, .. } => {
                let tag = if *reads { format!("{label} done") } else { label.clone() };
                self.event(OWNER, EventKind::Callback, &tag);
            }
            Step::Wait { futures, .. } => {
                return Outcome::Ok(json!({"done": once(futures), "not_done": []}));
            }
            Step::AsCompleted { futures, .. } => {
                return Outcome::Ok(json!({"order": once(futures), "timed_out": false}));
            }
            _ => {}
        }
        Outcome::Ok(Value::Null)
    }

    fn run(&mut self, pool: &str, call: &Call) -> Outcome {
        let pool = self.pools.get_mut(pool).expect("the scenario has made it");
        let workers = pool.options.max_workers.unwrap_or(1).max(1) as u32;
        // A worker is replaced when it has run its maximum of tasks.
        let round = pool.turns / workers;
        let retired = pool.options.max_tasks_per_child.map_or(0, |most| round / most.max(1) as u32);
        let is_new = pool
            .options
            .max_tasks_per_child
            .map_or(round == 0, |most| round.is_multiple_of(most.max(1) as u32));
        let pid = pool.first + retired * workers + pool.turns % workers;
        pool.turns += 1;
        let (env, initializer) = (pool.options.env.clone(), pool.options.initializer.clone());
        let mut kept = Value::Null;
        if let Some(initializer) = initializer {
            kept = initializer.value.clone();
            if matches!(initializer.run, Body::Fail | Body::Die) {
                if is_new {
                    self.event(pid, EventKind::InitBegin, &initializer.tag);
                }
                return error(ErrorClass::Broken, "the initializer failed");
            }
            if is_new {
                self.event(pid, EventKind::InitBegin, &initializer.tag);
                self.print(&initializer);
                self.event(pid, EventKind::InitEnd, &initializer.tag);
            }
        }
        if matches!(call.poison, Some(Place::EncodeArgument | Place::DecodeArgument)) {
            return error(ErrorClass::Serialisation, "the argument did not come");
        }
        if call.run == Body::Die {
            self.others += 1;
            self.event(1000 + self.others, EventKind::Begin, &call.tag);
            return error(ErrorClass::Broken, "the worker died");
        }
        self.event(pid, EventKind::Begin, &call.tag);
        self.print(call);
        let text = call.text.clone().unwrap_or_default();
        let value = match call.run {
            Body::Fail => {
                self.event(pid, EventKind::Failed, &call.tag);
                return error(ErrorClass::Task, &text);
            }
            Body::Nest => {
                for inner in call.tags().iter().skip(1) {
                    self.others += 1;
                    self.event(1000 + self.others, EventKind::Begin, inner);
                }
                call.count.unwrap_or(0).into()
            }
            Body::Square => call.value.as_i64().map(|number| number * number).into(),
            Body::Whoami => json!({"pid": pid, "state": kept}),
            Body::Print => Value::Null,
            Body::ReadStdin => 0.into(),
            Body::Child => call.code.unwrap_or(0).into(),
            Body::Blob => "x".repeat(call.count.unwrap_or(0) as usize).into(),
            Body::Getenv => match (env.get(&text), text.as_str()) {
                (Some(value), _) => value.as_str().into(),
                (None, "PATH") => "/bin".into(),
                (None, EMPTY) => "".into(),
                (None, LINES) => LINES_VALUE.into(),
                (None, _) => Value::Null,
            },
            _ => call.value.clone(),
        };
        self.event(pid, EventKind::End, &call.tag);
        match call.poison {
            Some(_) => error(ErrorClass::Serialisation, "the result did not come"),
            None => Outcome::Ok(value),
        }
    }

    fn print(&mut self, call: &Call) {
        if let (Body::Print, Some(text)) = (call.run, &call.text) {
            self.history.stderr += &text.repeat(call.count.unwrap_or(1) as usize);
        }
    }
}
