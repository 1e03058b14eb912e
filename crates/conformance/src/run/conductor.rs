//! The conductor: starts a run, follows the script, and waits for the end.

use std::fs::File;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use procpool_contract::{Description, Event, Line, Moment, Scenario, UNSUPPORTED, gate_file};

use super::adapter::{Adapter, MOST_SAID, stderr};
use super::fault::Fault;
use super::feed::Feed;
use super::limits::Limits;
use super::patience::Patience;
use super::watcher::scratch;
use super::{Ran, end, look, process};
use crate::history::{End, History, Sample, place_of, summary};
use crate::plan::{Condition, Stage, Who};

/// How often it looks. A shorter interval takes CPU time from the pool, a longer one makes every case
/// longer.
const TICK: Duration = Duration::from_millis(2);

/// A run in progress.
struct Conductor<'a> {
    limits: Limits,
    /// The time at which it must have ended in any case.
    deadline: Instant,
    scratch: &'a Path,
    scenario: &'a Scenario,
    child: Child,
    ended: Option<ExitStatus>,
    /// Whether the started process is the adapter itself.
    becomes_adapter: bool,
    owner: Option<u32>,
    /// Whether `owner` is known to be the process that writes lines, and not an earlier one.
    owner_wrote: bool,
    feed: Feed<'a>,
    samples: Vec<Sample>,
    killed_owner: bool,
}

/// The reason why a script ended early.
enum Stop {
    Stuck(String),
    Fault(Fault),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Makes `adapter` carry out `scenario` while it follows `script`.
pub fn carry_out(
    adapter: &Adapter,
    description: &Description,
    scenario: &Scenario,
    script: &[Stage],
    limits: Limits,
) -> Ran {
    match try_carry_out(adapter, description, scenario, script, limits) {
        Ok(ran) => ran,
        Err(fault) => Ran::Fault(fault),
    }
}

fn try_carry_out(
    adapter: &Adapter,
    description: &Description,
    scenario: &Scenario,
    script: &[Stage],
    limits: Limits,
) -> Result<Ran, Fault> {
    let folder = scratch()?;
    let path = folder.path();
    let text = scenario.to_json().into_bytes();
    let feed = Feed::new(path, scenario);
    let child = adapter.start("run", path, Stdio::piped())?;
    let mut conductor = Conductor {
        limits,
        deadline: Instant::now() + limits.whole,
        scratch: path,
        scenario,
        child,
        ended: None,
        becomes_adapter: adapter.is_one_program(),
        owner: None,
        owner_wrote: false,
        feed,
        samples: Vec::new(),
        killed_owner: false,
    };
    let stop = conductor.hand_over(text);
    let stop = stop.and_then(|()| script.iter().try_for_each(|stage| conductor.follow(stage)));
    let stop = stop.and_then(|()| conductor.wait_for_the_end());
    let (end, stuck) = match stop {
        Ok(()) => (conductor.end(), None),
        Err(Stop::Stuck(text)) => (conductor.end(), Some(text)),
        Err(Stop::Fault(fault)) => {
            conductor.kill_all();
            return Err(with_stderr(fault, path));
        }
    };
    let left = if end == End::Hung { Ok(Vec::new()) } else { conductor.left() };
    conductor.kill_all();
    let left = left.map_err(|fault| with_stderr(fault, path))?;
    if stuck.is_none() {
        // One last time: the text that was written right before the end.
        conductor.feed.read().map_err(|fault| with_stderr(fault, path))?;
    }
    let stderr = stderr(path);
    match end {
        End::Exit(UNSUPPORTED) => return Ok(Ran::Inexpressible(stderr.trim().to_owned())),
        End::Exit(0) if stuck.is_none() => {
            conductor.feed.check_end().map_err(|fault| with_stderr(fault, path))?;
            if !conductor.feed.is_complete() {
                let fault = Fault("the adapter ended with code 0 before all steps had".to_owned());
                return Err(with_stderr(fault, path));
            }
        }
        End::Exit(code) if code != 0 && conductor.feed.lines.is_empty() => {
            let fault =
                Fault(format!("the adapter ended with code {code} and carried nothing out"));
            return Err(with_stderr(fault, path));
        }
        End::Signal(signal) if conductor.feed.lines.is_empty() => {
            let fault = Fault(format!(
                "the adapter was ended by signal {signal}, with nothing carried out"
            ));
            return Err(with_stderr(fault, path));
        }
        _ => {}
    }
    let mut events = std::mem::take(&mut conductor.feed.events);
    // Appended in the order of the writes, which is not that of the times.
    events.sort_by_key(|event| event.at);
    Ok(Ran::History(Box::new(History {
        description: description.clone(),
        scenario: scenario.clone(),
        owner: conductor.owner(),
        lines: std::mem::take(&mut conductor.feed.lines),
        events,
        samples: conductor.samples,
        end,
        stuck,
        stderr,
        left,
    })))
}

fn with_stderr(Fault(text): Fault, scratch: &Path) -> Fault {
    let said: String = stderr(scratch).trim().chars().take(MOST_SAID).collect();
    if said.is_empty() { Fault(text) } else { Fault(format!("{text}; it says: {said}")) }
}

impl Conductor<'_> {
    /// Gives the scenario to the adapter once its process is known: until then it waits for its input,
    /// even if it exits right after.
    fn hand_over(&mut self, scenario: Vec<u8>) -> Result<(), Stop> {
        let mut patience = Patience::new(self.limits.must, self.deadline);
        while self.owner.is_none() && self.ended.is_none() && !self.is_over(&mut patience) {
            self.refresh()?;
            std::thread::sleep(TICK);
        }
        if let Some(mut stdin) = self.child.stdin.take() {
            // An adapter that does not read it delays nothing; it reports itself if its input is closed.
            std::thread::spawn(move || stdin.write_all(&scenario));
        }
        Ok(())
    }

    fn follow(&mut self, stage: &Stage) -> Result<(), Stop> {
        match stage {
            Stage::Until(condition) => self.wait_for(condition),
            Stage::Open(gate) => {
                let path = self.scratch.join(gate_file(gate));
                File::create(&path)
                    .map_err(|error| Fault(format!("{}: {error}", path.display())))?;
                Ok(())
            }
            Stage::Signal(who, signal) => {
                let Some(pid) = self.find(who) else {
                    return Err(Stop::Stuck("there is no process to send a signal to".to_owned()));
                };
                self.killed_owner |= *who == Who::Owner;
                let signal = Signal::try_from(*signal)
                    .map_err(|error| Fault(format!("the case sends no signal: {error}")))?;
                // ESRCH: it has exited; the judge decides about that.
                let _ = kill(Pid::from_raw(pid as i32), signal);
                Ok(())
            }
            Stage::Sample(name) => {
                let sample = self.look(name);
                self.samples.push(sample);
                Ok(())
            }
            Stage::Settle { name, like } => {
                let before = self.samples.iter().find(|sample| sample.name == *like).cloned();
                let before =
                    before.ok_or_else(|| Fault(format!("the case has no look {like:?}")))?;
                let mut patience = self.patience(self.limits.leave);
                let mut sample = self.look(name);
                while sample.is_no_more_than(&before).is_err() && !self.is_over(&mut patience) {
                    self.pass(TICK)?;
                    sample = self.look(name);
                }
                self.samples.push(sample);
                self.refresh()
            }
            Stage::Quiet => self.pass(self.limits.quiet),
            Stage::Pause(time) => self.pass(*time),
        }
    }

    fn look(&self, name: &str) -> Sample {
        look::look(name, self.owner(), self.scratch, &self.samples)
    }

    fn kill_all(&mut self) {
        let seen = self.samples.iter().flat_map(|sample| sample.shared_memory.iter().cloned());
        end::kill_all(&mut self.child, self.scratch, seen.collect());
    }

    /// Waits for a time in which lines are read: a faulty line ends the run at once.
    fn pass(&mut self, time: Duration) -> Result<(), Stop> {
        let until = Instant::now() + time;
        loop {
            self.refresh()?;
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(TICK));
        }
    }

    fn refresh(&mut self) -> Result<(), Stop> {
        if self.ended.is_none() && !self.owner_wrote {
            // Again until its first line: a shell may have run another command before.
            self.owner = match self.becomes_adapter {
                true => Some(self.child.id()),
                false => process::owner(self.child.id()).or(self.owner),
            };
            self.owner_wrote = !self.feed.lines.is_empty();
        }
        if self.ended.is_none() {
            self.ended = self
                .child
                .try_wait()
                .map_err(|error| Fault(format!("the adapter cannot be waited for: {error}")))?;
        }
        // After the check for its exit, so that no line is missed.
        self.feed.read()?;
        Ok(())
    }

    fn wait_for(&mut self, condition: &Condition) -> Result<(), Stop> {
        let late = self.wait(|run| run.holds(condition))?;
        let reason = match (self.ended, late) {
            _ if self.holds(condition) => return Ok(()),
            (Some(status), _) if status.code() == Some(UNSUPPORTED) => "it is not supported".into(),
            (Some(_), _) => "the program ended before".into(),
            (None, _) if self.is_too_long() => self.too_long(),
            (None, limit) => format!("it did not happen within {limit}"),
        };
        let open = self.open_steps();
        Err(Stop::Stuck(format!("waited for {condition}, but {reason}{open}")))
    }

    fn wait_for_the_end(&mut self) -> Result<(), Stop> {
        let limit = self.wait(|_| false)?;
        if self.ended.is_some() {
            return Ok(());
        }
        let text = match self.open_steps() {
            steps if self.is_too_long() => format!("{}{steps}", self.too_long()),
            none if none.is_empty() => format!("the program does not end within {limit}"),
            steps => format!("nothing more happens within {limit}{steps}"),
        };
        Err(Stop::Stuck(text))
    }

    /// Waits until `holds` is true, the program has ended, or the limit is over, and describes the limit.
    ///
    /// Each step forward renews the limit, so that a long scenario may take its time with a slow pool or on a
    /// slow machine, up to the limit of a whole scenario. A pool that starts workers forever makes no step
    /// forward.
    fn wait(&mut self, holds: impl Fn(&Self) -> bool) -> Result<String, Stop> {
        let mut patience = Patience::new(self.limits.must, self.deadline);
        let mut progress = self.feed.progress();
        loop {
            self.refresh()?;
            if self.feed.progress() > progress {
                progress = self.feed.progress();
                patience.renew();
            }
            if self.ended.is_some() || holds(self) || self.is_over(&mut patience) {
                return Ok(patience.described());
            }
            std::thread::sleep(TICK);
        }
    }

    /// A limit beyond that of the whole scenario.
    fn patience(&self, limit: Duration) -> Patience {
        Patience::new(limit, Instant::now() + self.limits.whole)
    }

    fn is_over(&self, patience: &mut Patience) -> bool {
        patience.is_over(self.child.id(), self.scratch)
    }

    fn is_too_long(&self) -> bool {
        Instant::now() > self.deadline
    }

    fn too_long(&self) -> String {
        let limit = self.limits.whole;
        format!(
            "the scenario continues, and is not done within {limit:?} (CONFORMANCE_SCALE allows more time)"
        )
    }

    /// Describes the steps that have begun and not returned.
    fn open_steps(&self) -> String {
        let mut open = Vec::new();
        for client in &self.scenario.clients {
            let last = self.feed.lines.iter().rfind(|line| line.client == client.name);
            if let Some(line) = last.filter(|line| line.is == Moment::Begin)
                && let Some(step) = client.steps.get(line.step)
            {
                open.push(format!("\"{}\"", summary(step)));
            }
        }
        match open.is_empty() {
            true => String::new(),
            false => format!("; not returned: {}", open.join(", ")),
        }
    }

    fn owner(&self) -> u32 {
        self.owner.unwrap_or(self.child.id())
    }

    fn find(&self, who: &Who) -> Option<u32> {
        match who {
            Who::Owner => Some(self.owner()),
            Who::WorkerOf(tag) => self.began(tag).last(),
        }
    }

    /// Returns the processes in which tasks and initializers of a tag began.
    fn began(&self, tag: &str) -> impl Iterator<Item = u32> {
        let is_it = move |event: &&Event| event.event.is_beginning() && event.tag == tag;
        self.feed.events.iter().filter(is_it).map(|event| event.pid)
    }

    fn holds(&self, condition: &Condition) -> bool {
        let gone = |pid: u32| !process::look_at(pid).is_some_and(|process| process.is_alive());
        let step = |name: &str, moment: Moment| {
            let place = place_of(self.scenario, name);
            place.is_some_and(|(client, step)| {
                let is_it =
                    |line: &Line| line.is == moment && line.client == client && line.step == step;
                self.feed.lines.iter().any(is_it)
            })
        };
        match condition {
            Condition::Traced(kind, tag, count) => {
                let matches = |event: &&Event| {
                    event.event == *kind && tag.as_ref().is_none_or(|tag| *tag == event.tag)
                };
                self.feed.events.iter().filter(matches).count() >= *count
            }
            Condition::Called(name) => step(name, Moment::Begin),
            Condition::Returned(name) => step(name, Moment::End),
            Condition::ReturnedUnlessOpen(name, before) => {
                let is_open = step(before, Moment::Begin) && !step(before, Moment::End);
                is_open || step(name, Moment::End)
            }
            Condition::Gone(who) => self.find(who).is_some_and(gone),
            Condition::WorkersGone => {
                let mut events = self.feed.events.iter().filter(|it| it.event.is_beginning());
                events.all(|event| gone(event.pid))
            }
            Condition::OwnerEnded => self.ended.is_some(),
        }
    }

    fn end(&self) -> End {
        match self.ended {
            None => End::Hung,
            Some(_) if self.killed_owner => End::KilledByCase,
            Some(status) => match status.code() {
                // A waiting shell prints this about a program that was killed.
                Some(code) if code > 128 => End::Signal(code - 128),
                Some(code) => End::Exit(code),
                None => End::Signal(status.signal().unwrap_or(0)),
            },
        }
    }

    /// Waits for the processes of the run to exit; describes those that do not.
    fn left(&mut self) -> Result<Vec<String>, Fault> {
        let mut patience = self.patience(self.limits.leave);
        loop {
            let there = process::of_run(self.child.id(), self.scratch);
            if there.is_empty() || self.is_over(&mut patience) {
                return Ok(there.iter().map(process::tell).collect());
            }
            self.feed.check_lengths()?;
            std::thread::sleep(TICK);
        }
    }
}
