//! A model of an ideal pool.
//!
//! Owns what it does: it carries a scenario out, one client after the other, one step after the other.
//! Times are whole milliseconds, and every step takes one at least. It has no limits of time and refuses
//! nothing; what cases want of that is edited in. It knows nothing of what the judges ask.

use std::collections::{BTreeMap, VecDeque};

use procpool_conformance::contract::{
    Body, Call, ErrorClass, Event, EventKind, Line, Moment, Outcome, PoolOptions, Step,
};
use procpool_conformance::history::History;
use serde_json::{Value, json};

use crate::made::{error, items};

pub(crate) const MILLI: u64 = 1_000_000;
pub(crate) const OWNER: u32 = 100;

/// Returns `history` with what an ideal pool does in its scenario.
pub(crate) fn carry_out(history: History) -> History {
    let clients = history.scenario.clients.clone();
    let mut ideal = Ideal {
        history,
        at: 0,
        pools: BTreeMap::new(),
        futures: BTreeMap::new(),
        maps: BTreeMap::new(),
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

#[derive(Debug)]
struct Ideal {
    history: History,
    at: u64,
    pools: BTreeMap<String, Pool>,
    futures: BTreeMap<String, Outcome>,
    maps: BTreeMap<String, VecDeque<Outcome>>,
}

#[derive(Debug)]
struct Pool {
    options: PoolOptions,
    /// The process of its first worker; the others follow.
    first: u32,
    /// How many tasks it has run. Workers take turns.
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
                let first = 200 + 100 * self.pools.len() as u32;
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
            _ => {}
        }
        Outcome::Ok(Value::Null)
    }

    fn run(&mut self, pool: &str, call: &Call) -> Outcome {
        let pool = self.pools.get_mut(pool).expect("the scenario has made it");
        let workers = pool.options.max_workers.unwrap_or(1).max(1) as u32;
        let pid = pool.first + pool.turns % workers;
        let is_new = pool.turns < workers;
        pool.turns += 1;
        let (env, initializer) = (pool.options.env.clone(), pool.options.initializer.clone());
        let mut kept = Value::Null;
        if let Some(initializer) = initializer {
            kept = initializer.value.clone();
            if is_new {
                self.event(pid, EventKind::InitBegin, &initializer.tag);
                self.print(&initializer);
                self.event(pid, EventKind::InitEnd, &initializer.tag);
            }
        }
        self.event(pid, EventKind::Begin, &call.tag);
        self.print(call);
        let text = call.text.clone().unwrap_or_default();
        let value = match call.run {
            Body::Fail => {
                self.event(pid, EventKind::Failed, &call.tag);
                return error(ErrorClass::Task, &text);
            }
            Body::Square => call.value.as_i64().map(|number| number * number).into(),
            Body::Whoami => json!({"pid": pid, "state": kept}),
            Body::Print => Value::Null,
            Body::ReadStdin | Body::Child => 0.into(),
            Body::Blob => "x".repeat(call.count.unwrap_or(0) as usize).into(),
            Body::Getenv => match (env.get(&text), text.as_str()) {
                (Some(value), _) => value.as_str().into(),
                (None, "PATH") => "/bin".into(),
                (None, _) => Value::Null,
            },
            _ => call.value.clone(),
        };
        self.event(pid, EventKind::End, &call.tag);
        Outcome::Ok(value)
    }

    fn print(&mut self, call: &Call) {
        if let (Body::Print, Some(text)) = (call.run, &call.text) {
            self.history.stderr += &text.repeat(call.count.unwrap_or(1) as usize);
        }
    }
}
