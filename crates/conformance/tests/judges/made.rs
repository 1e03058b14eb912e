//! Made-up histories: the actions of an ideal pool in a case, and edits of them.
//!
//! Owns the edits. It knows nothing of the judges' questions.

use std::collections::{BTreeMap, BTreeSet};

use procpool_conformance::case::Case;
use procpool_conformance::history::{End, History, Sample, place_of};
use procpool_conformance::{cases, judge};
use procpool_contract::{
    Call, Capability, Description, ErrorClass, Event, EventKind, Failure, Line, Moment, Outcome,
    Policies, Step, Until, VERSION,
};
use serde_json::{Value, json};

use crate::ideal::{self, MILLI, OWNER};

/// A case with a history of it.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    case: Case,
    history: History,
    /// The times that steps took because their time limits were over, beyond their usual ones.
    waited: BTreeMap<String, u64>,
}

pub(crate) fn error(class: ErrorClass, message: &str) -> Outcome {
    let message = message.to_owned();
    Outcome::Error(Failure { class, message, r#type: None, status: None, trace: None })
}

/// A list of outcomes as a map returns it.
pub(crate) fn items(outcomes: &[Outcome]) -> Value {
    serde_json::to_value(outcomes).expect("outcomes are JSON")
}

pub(crate) fn ok(value: impl Into<Value>) -> Outcome {
    Outcome::Ok(value.into())
}

/// A look without anything unusual.
fn sample(name: &str, at: u64) -> Sample {
    Sample {
        name: name.to_owned(),
        at,
        descriptors: 10,
        threads: 2,
        alive: BTreeSet::new(),
        zombies: BTreeSet::new(),
        opened: Vec::new(),
        memory: BTreeMap::new(),
        shared_memory: BTreeSet::new(),
        temporary: BTreeSet::new(),
        surroundings: BTreeMap::new(),
    }
}

/// The time limit by which a step ended, in milliseconds.
fn limit_of(step: &Step, outcome: &Outcome) -> Option<u64> {
    let (is_over, limit) = match (step, outcome) {
        (Step::Result { timeout, .. }, Outcome::Error(it)) => {
            (it.class == ErrorClass::Timeout, timeout)
        }
        (Step::Map { options, .. }, Outcome::Error(it)) => {
            (it.class == ErrorClass::Timeout, &options.timeout)
        }
        (Step::Wait { until: Until::AllCompleted, timeout, .. }, Outcome::Ok(it)) => {
            (it["not_done"] != json!([]), timeout)
        }
        (Step::AsCompleted { timeout, .. }, Outcome::Ok(it)) => (it["timed_out"] == true, timeout),
        _ => return None,
    };
    limit.filter(|_| is_over)
}

impl Made {
    /// The actions of an ideal pool in a case.
    pub(crate) fn of(id: &str) -> Self {
        let case = cases::find(id).unwrap_or_else(|| panic!("there is no case {id}"));
        let scenario = case.scenario();
        let description = Description {
            contract: VERSION,
            implementation: "ideal".to_owned(),
            version: "1".to_owned(),
            language: "none".to_owned(),
            start_method: "thought".to_owned(),
            capabilities: case.all_needs(),
            policies: Policies::default(),
        };
        let history = History {
            description,
            scenario,
            owner: OWNER,
            lines: Vec::new(),
            events: Vec::new(),
            samples: Vec::new(),
            end: End::Exit(0),
            stuck: None,
            stderr: String::new(),
            left: Vec::new(),
        };
        Self { case, history: ideal::carry_out(history), waited: BTreeMap::new() }
    }

    fn end_of(&mut self, step: &str) -> &mut Line {
        let (client, index) = place_of(&self.history.scenario, step)
            .map(|(client, index)| (client.to_owned(), index))
            .unwrap_or_else(|| panic!("no step is \"{step}\""));
        let is_it = |line: &&mut Line| {
            line.client == client && line.step == index && line.is == Moment::End
        };
        self.history.lines.iter_mut().find(is_it).expect("an ideal pool ends every step")
    }

    fn step(&self, step: &str) -> &Step {
        let scenario = &self.history.scenario;
        let (name, index) = place_of(scenario, step).expect("the scenario has the step");
        let client = scenario.clients.iter().find(|client| client.name == name);
        client.and_then(|client| client.steps.get(index)).expect("it is there")
    }

    fn calls_of(&self, step: &str) -> Vec<Call> {
        self.step(step).calls().into_iter().cloned().collect()
    }

    /// Moves everything from a time on by some nanoseconds.
    fn shift(&mut self, from: u64, by: i64) {
        let lines = self.history.lines.iter_mut().map(|line| &mut line.at);
        let events = self.history.events.iter_mut().map(|event| &mut event.at);
        let samples = self.history.samples.iter_mut().map(|sample| &mut sample.at);
        for at in lines.chain(events).chain(samples).filter(|at| **at >= from) {
            *at = at.saturating_add_signed(by);
        }
    }

    /// A step ended in some way: if its time limit was over, then not before.
    pub(crate) fn ends(mut self, step: &str, outcome: Outcome) -> Self {
        let limit = limit_of(self.step(step), &outcome).unwrap_or(0) * MILLI;
        let took = self.history.step(step).map(|run| run.end.map_or(0, |(end, _)| end - run.begin));
        let more = limit.saturating_sub(took.expect("an ideal pool begins every step"));
        let end = self.end_of(step);
        end.outcome = Some(outcome);
        let from = end.at;
        self.shift(from, more as i64);
        *self.waited.entry(step.to_owned()).or_default() += more;
        self
    }

    /// The text of the first call of a step: the message of its error, or its output.
    pub(crate) fn text(&self, step: &str) -> String {
        self.calls_of(step).first().and_then(|call| call.text.clone()).expect("it has a text")
    }

    /// The values of the calls of a step; of a list, its members.
    pub(crate) fn sent(&self, step: &str) -> Vec<Value> {
        match self.calls_of(step).as_slice() {
            [Call { value: Value::Array(values), .. }] => values.clone(),
            calls => calls.iter().map(|call| call.value.clone()).collect(),
        }
    }

    /// A step returned a value.
    pub(crate) fn returns(self, step: &str, value: impl Into<Value>) -> Self {
        self.ends(step, Outcome::Ok(value.into()))
    }

    /// A map, or a part of one, returned some outcomes.
    pub(crate) fn gives(self, step: &str, outcomes: &[Outcome]) -> Self {
        let list = items(outcomes);
        self.returns(step, list)
    }

    /// A step failed.
    pub(crate) fn fails(self, step: &str, class: ErrorClass) -> Self {
        self.ends(step, error(class, "made up"))
    }

    /// A step failed as broken, with this message.
    pub(crate) fn fails_with(self, step: &str, message: &str) -> Self {
        self.ends(step, error(ErrorClass::Broken, message))
    }

    /// A step did not return.
    pub(crate) fn hangs(mut self, step: &str) -> Self {
        let end = self.end_of(step).clone();
        self.history.lines.retain(|line| *line != end);
        self
    }

    /// A step took this many more milliseconds than usual, whatever its time limit.
    pub(crate) fn lasts(mut self, step: &str, millis: u64) -> Self {
        let from = self.end_of(step).at;
        let waited = self.waited.remove(step).unwrap_or(0);
        self.shift(from, (millis * MILLI) as i64 - waited as i64);
        self
    }

    /// An event did not happen.
    pub(crate) fn without(mut self, kind: EventKind, tag: &str) -> Self {
        self.history.events.retain(|event| event.event != kind || event.tag != tag);
        self
    }

    /// A task did not run. The program's own events for it remain.
    pub(crate) fn unrun(mut self, tag: &str) -> Self {
        self.history.events.retain(|event| event.tag != tag || event.pid == OWNER);
        self
    }

    /// A task ran in another process.
    pub(crate) fn ran_in(mut self, tag: &str, pid: u32) -> Self {
        let its = |event: &&mut Event| event.tag == tag && event.pid != OWNER;
        self.history.events.iter_mut().filter(its).for_each(|event| event.pid = pid);
        self
    }

    /// An event happened after the end.
    pub(crate) fn and(mut self, kind: EventKind, tag: &str, pid: u32) -> Self {
        let at = self.history.events.iter().map(|event| event.at).max().unwrap_or(0) + MILLI;
        let event = Event { pid, ppid: OWNER, at, event: kind, tag: tag.to_owned() };
        self.history.events.push(event);
        self
    }

    /// An event happened after every step had returned.
    pub(crate) fn after_all(mut self, event: EventKind, tag: &str, pid: u32) -> Self {
        let at = self.history.lines.iter().map(|line| line.at).max().unwrap_or(0) + MILLI;
        self.history.events.push(Event { pid, ppid: OWNER, at, event, tag: tag.to_owned() });
        self
    }

    /// An event happened before all others.
    pub(crate) fn and_first(mut self, event: EventKind, tag: &str, pid: u32) -> Self {
        self.history
            .events
            .insert(0, Event { pid, ppid: OWNER, at: 0, event, tag: tag.to_owned() });
        self
    }

    /// The program made an event after the end of one step, and before that of another.
    pub(crate) fn between(
        mut self,
        after: &str,
        before: &str,
        event: EventKind,
        tag: &str,
    ) -> Self {
        let (from, to) = (self.end_of(after).at, self.end_of(before).at);
        let at = from + (to - from) / 2;
        let event = Event { pid: OWNER, ppid: 1, at, event, tag: tag.to_owned() };
        self.history.events.push(event);
        self
    }

    /// Tasks were cancelled and did not run.
    pub(crate) fn cancelled(self, tags: &[&str]) -> Self {
        tags.iter().fold(self, |made, tag| {
            let step = format!("cancel {tag}");
            let made = match place_of(&made.history.scenario, &step) {
                Some(_) => made.returns(&step, true),
                None => made,
            };
            made.ended(&[tag], ErrorClass::Cancelled).unrun(tag)
        })
    }

    /// The tasks have an error and did not finish.
    pub(crate) fn ended(self, tags: &[&str], class: ErrorClass) -> Self {
        tags.iter().fold(self, |made, tag| {
            let step = format!("result {tag}");
            let made = match place_of(&made.history.scenario, &step) {
                Some(_) => made.fails(&step, class),
                None => made,
            };
            made.without(EventKind::End, tag)
        })
    }

    /// Tasks ended, one after the other, when a step had returned.
    pub(crate) fn after(mut self, step: &str, tags: &[&str]) -> Self {
        let mut at = self.end_of(step).at;
        for tag in tags {
            for event in self.history.events.iter_mut().filter(|event| event.tag == *tag) {
                if event.event != EventKind::Begin {
                    at += 1;
                    event.at = at;
                }
            }
        }
        self
    }

    /// The suite looked when a step had ended.
    pub(crate) fn looks(mut self, name: &str, step: &str, see: impl FnOnce(&mut Sample)) -> Self {
        let mut sample = sample(name, self.end_of(step).at);
        see(&mut sample);
        self.history.samples.retain(|sample| sample.name != name);
        self.history.samples.push(sample);
        self
    }

    /// The suite looked at the end, and saw these processes alive.
    pub(crate) fn sees(mut self, name: &str, alive: &[u32]) -> Self {
        let mut sample = sample(name, u64::MAX);
        sample.alive.extend(alive);
        self.history.samples.push(sample);
        self
    }

    /// The last look has a further change.
    pub(crate) fn saw(mut self, change: fn(&mut Sample)) -> Self {
        change(self.history.samples.last_mut().expect("it has looked"));
        self
    }

    /// The last look was right after an event.
    pub(crate) fn looked_after(mut self, kind: EventKind, tag: &str) -> Self {
        let at = self.history.event(kind, tag).expect("it has happened").at;
        self.history.samples.last_mut().expect("it has looked").at = at + 1;
        self
    }

    /// A task's worker died while running it, which its future reports.
    pub(crate) fn dies(self, tag: &str) -> Self {
        // It ran nothing else, as an ideal pool lets its workers take turns.
        let last = self.history.events.iter().map(|event| event.pid).max().unwrap_or(0);
        self.ran_in(tag, last.max(2000) + 1).ended(&[tag], ErrorClass::Broken)
    }

    /// A step's error reports how a worker ended.
    pub(crate) fn says_status(mut self, step: &str, text: &str) -> Self {
        if let Some(Outcome::Error(failure)) = &mut self.end_of(step).outcome {
            failure.status = Some(text.to_owned());
        }
        self
    }

    /// The pool has a further capability.
    pub(crate) fn with(mut self, capability: Capability) -> Self {
        self.history.description.capabilities.insert(capability);
        self
    }

    /// The pool has a policy.
    pub(crate) fn choosing(mut self, choose: fn(&mut Policies)) -> Self {
        choose(&mut self.history.description.policies);
        self
    }

    /// The program ended in some way.
    pub(crate) fn program_ends(mut self, end: End) -> Self {
        self.history.end = end;
        self
    }

    /// A process existed after the program.
    pub(crate) fn leaves(mut self, process: &str) -> Self {
        self.history.left.push(process.to_owned());
        self
    }

    /// A text was written to standard error.
    pub(crate) fn says(mut self, text: &str) -> Self {
        self.history.stderr.push_str(text);
        self
    }

    /// The output was lost.
    pub(crate) fn silenced(mut self) -> Self {
        self.history.stderr.clear();
        self
    }

    /// The judge, and the rules for every run, find nothing.
    pub(crate) fn passes(&self) {
        let found = judge::judge(&self.case, &self.history);
        assert!(found.is_empty(), "{}: {found:?}", self.case.id);
    }

    /// A rule for every run has a finding.
    pub(crate) fn is_against(&self, rule: &str) {
        let found = judge::judge(&self.case, &self.history);
        assert!(found.iter().any(|one| one.checker == rule), "{}: {found:?}", self.case.id);
    }

    /// A rule for every run has no finding.
    pub(crate) fn keeps(&self, rule: &str) {
        let found = judge::judge(&self.case, &self.history);
        assert!(found.iter().all(|one| one.checker != rule), "{}: {found:?}", self.case.id);
    }

    /// The judge itself has a finding, with this message.
    pub(crate) fn is_found(&self, words: &str) {
        match (self.case.judge)(&self.history) {
            Ok(()) => panic!("{}: nothing was found, where \"{words}\" was due", self.case.id),
            Err(said) => assert!(said.contains(words), "{}: \"{said}\", not {words}", self.case.id),
        }
    }

    pub(crate) fn history(&self) -> History {
        self.history.clone()
    }

    pub(crate) fn id(&self) -> &'static str {
        self.case.id
    }
}
