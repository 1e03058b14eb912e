//! Histories that are made up: what an ideal pool would have done in a case, and edits of that.
//!
//! Owns the edits. It knows nothing of what the judges ask.

use procpool_conformance::case::Case;
use procpool_conformance::contract::{
    Description, ErrorClass, Event, EventKind, Failure, Line, Moment, Outcome, Policies, VERSION,
};
use procpool_conformance::history::{End, History, place_of};
use procpool_conformance::plan::Plan;
use procpool_conformance::{cases, judge};
use serde_json::Value;

use crate::ideal::{self, MILLI, OWNER};

/// A case with a history of it.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    case: Case,
    history: History,
}

pub(crate) fn error(class: ErrorClass, message: &str) -> Outcome {
    let message = message.to_owned();
    Outcome::Error(Failure { class, message, r#type: None, status: None, trace: None })
}

/// A list of outcomes as a map gives it.
pub(crate) fn items(outcomes: &[Outcome]) -> Value {
    serde_json::to_value(outcomes).expect("outcomes are JSON")
}

pub(crate) fn ok(value: impl Into<Value>) -> Outcome {
    Outcome::Ok(value.into())
}

impl Made {
    /// What an ideal pool does in a case.
    pub(crate) fn of(id: &str) -> Self {
        let case = cases::find(id).unwrap_or_else(|| panic!("there is no case {id}"));
        let mut plan = Plan::default();
        (case.plan)(&mut plan);
        let scenario = plan.scenario(id);
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
        Self { case, history: ideal::carry_out(history) }
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

    /// A step returned something.
    pub(crate) fn returns(mut self, step: &str, value: impl Into<Value>) -> Self {
        self.end_of(step).outcome = Some(Outcome::Ok(value.into()));
        self
    }

    /// A map, or a part of one, gave some outcomes.
    pub(crate) fn gives(self, step: &str, outcomes: &[Outcome]) -> Self {
        let list = items(outcomes);
        self.returns(step, list)
    }

    /// A step failed.
    pub(crate) fn fails(mut self, step: &str, class: ErrorClass) -> Self {
        self.end_of(step).outcome = Some(error(class, "made up"));
        self
    }

    /// A step did not return.
    pub(crate) fn hangs(mut self, step: &str) -> Self {
        let end = self.end_of(step).clone();
        self.history.lines.retain(|line| *line != end);
        self
    }

    /// A step took so many milliseconds more than it does.
    pub(crate) fn lasts(mut self, step: &str, millis: u64) -> Self {
        let from = self.end_of(step).at;
        for line in self.history.lines.iter_mut().filter(|line| line.at >= from) {
            line.at += millis * MILLI;
        }
        for event in self.history.events.iter_mut().filter(|event| event.at >= from) {
            event.at += millis * MILLI;
        }
        self
    }

    /// Something did not happen.
    pub(crate) fn without(mut self, kind: EventKind, tag: &str) -> Self {
        self.history.events.retain(|event| event.event != kind || event.tag != tag);
        self
    }

    /// A task did not run.
    pub(crate) fn unrun(mut self, tag: &str) -> Self {
        self.history.events.retain(|event| event.tag != tag);
        self
    }

    /// A task ran in another process.
    pub(crate) fn ran_in(mut self, tag: &str, pid: u32) -> Self {
        self.history.events.iter_mut().filter(|event| event.tag == tag).for_each(|event| {
            event.pid = pid;
        });
        self
    }

    /// Something happened when all was over.
    pub(crate) fn and(mut self, kind: EventKind, tag: &str, pid: u32) -> Self {
        let at = self.history.events.iter().map(|event| event.at).max().unwrap_or(0) + MILLI;
        let event = Event { pid, ppid: OWNER, at, event: kind, tag: tag.to_owned() };
        self.history.events.push(event);
        self
    }

    /// Something happened before all else.
    pub(crate) fn and_first(mut self, event: EventKind, tag: &str, pid: u32) -> Self {
        self.history
            .events
            .insert(0, Event { pid, ppid: OWNER, at: 0, event, tag: tag.to_owned() });
        self
    }

    /// The program did something after one step had ended, and before another one had.
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

    /// Something was said on standard error.
    pub(crate) fn says(mut self, text: &str) -> Self {
        self.history.stderr.push_str(text);
        self
    }

    /// What was said was lost.
    pub(crate) fn silenced(mut self) -> Self {
        self.history.stderr.clear();
        self
    }

    /// The judge, and the rules for every run, find nothing.
    pub(crate) fn passes(&self) {
        let found = judge::judge(&self.case, &self.history);
        assert!(found.is_empty(), "{}: {found:?}", self.case.id);
    }

    /// The judge itself finds something, and says so.
    pub(crate) fn is_found(&self, words: &str) {
        match (self.case.judge)(&self.history) {
            Ok(()) => panic!("{}: nothing was found, where \"{words}\" was due", self.case.id),
            Err(said) => assert!(said.contains(words), "{}: \"{said}\", not {words}", self.case.id),
        }
    }

    pub(crate) fn id(&self) -> &'static str {
        self.case.id
    }
}
