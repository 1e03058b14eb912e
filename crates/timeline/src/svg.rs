//! A timeline as lanes for the renderer: one for each worker's number, and one for the pool.

use std::collections::BTreeMap;

use procpool::ExitReason;
use procpool_drawing::timeline::{self as drawn, Lane, Mark, Part, Span};

use crate::timeline::{Ended, Life, Stage, Timeline, What};

fn ms(nanos: u64) -> f64 {
    nanos as f64 / 1e6
}

impl Timeline {
    /// Returns the picture, an SVG of its own. `name` is that of the run.
    ///
    /// Its size has a limit: a bar narrower than a pixel beside another one is not drawn.
    pub fn svg(&self, name: &str) -> String {
        self.lanes().alone(&format!("Timeline of {name}"), &self.summary())
    }

    /// Returns the lanes of workers as text, for a terminal: `s` is the start, `i` the initializer, a digit
    /// the last of a task's number, `!` a task that failed, `f` the finalizer and the exit, `x` the end.
    pub fn text(&self) -> String {
        format!("{}{}\n", self.lanes().text(), self.summary())
    }

    fn lanes(&self) -> drawn::Timeline {
        let mut workers: BTreeMap<usize, Vec<Part>> = BTreeMap::new();
        for life in &self.lives {
            workers.entry(life.worker.id).or_default().extend(self.life(life));
        }
        let lane = |(id, parts)| Lane { name: format!("worker {id}"), parts };
        let mut lanes: Vec<Lane> = workers.into_iter().map(lane).collect();
        let incidents =
            self.incidents.iter().map(|it| (it.at, it.title.clone(), it.name.to_owned()));
        let without = self.tasks.iter().enumerate().filter(|(_, task)| task.attempts.is_empty());
        let without = without.map(|(number, task)| {
            let title = format!("task {number} ({}): {}", task.name(), task.outcome);
            (task.ended, title, format!("{} {number}", task.outcome))
        });
        let mut strokes: Vec<_> = incidents.chain(without).collect();
        strokes.sort_by_key(|(at, ..)| *at);
        let stroke = |(at, title, label): (u64, String, String)| {
            let class = if label == "shut down" { "result" } else { "bad" };
            let title = format!("{title}, at {:.1} ms", ms(at));
            Part::Stroke(class, Mark { at: ms(at), title }, label)
        };
        lanes.push(Lane {
            name: "pool".to_owned(),
            parts: strokes.into_iter().map(stroke).collect(),
        });
        drawn::Timeline {
            lanes,
            end: ms(self.end),
            since: "ms since the pool was built".to_owned(),
        }
    }

    fn life(&self, life: &Life) -> impl Iterator<Item = Part> {
        let (begin, end) = (ms(life.started), ms(life.ended));
        let line = Part::Life(Span { begin, end });
        let bars = life.stages.iter().map(|stage| self.bar(stage));
        let title = format!("{} was started at {begin:.1} ms", life.worker);
        let start = Part::Start(Mark { at: begin, title });
        let exit = life.exit.map(|reason| {
            let class = match reason {
                ExitReason::Finished | ExitReason::Idle | ExitReason::Recycled => "exit",
                _ => "bad",
            };
            let title = format!("{} {reason}, at {end:.1} ms", life.worker);
            Part::Exit(class, Mark { at: end, title })
        });
        [line].into_iter().chain(bars).chain([start]).chain(exit)
    }

    fn bar(&self, stage: &Stage) -> Part {
        let (begin, end) = (ms(stage.begin), ms(stage.end));
        let (class, label, what, letter) = match stage.what {
            What::Start => ("start", "start".to_owned(), "start".to_owned(), 's'),
            What::Initializer => ("initializer", "init".to_owned(), "initializer".to_owned(), 'i'),
            What::Finalizer => {
                ("finalizer", "exit".to_owned(), "finalizer and exit".to_owned(), 'f')
            }
            What::Attempt(number, ended) => {
                let task = &self.tasks[number];
                let (name, outcome) = (task.name(), task.outcome);
                let title = match task.submission.item {
                    Some((map, index)) => format!("item {index} of map {map} ({name})"),
                    None => format!("task {number} ({name})"),
                };
                let title = match (ended, &task.error) {
                    (Ended::WithWorker, _) => format!("{title}, ended with its worker"),
                    (_, Some(error)) => format!("{title}, {outcome}: {error}"),
                    _ => format!("{title}, {outcome}"),
                };
                let shown = task.submission.item.map_or(number as u64, |(_, index)| index);
                let is_good = ended == Ended::Returned && task.error.is_none();
                let digit = char::from_digit((shown % 10) as u32, 10).unwrap_or('?');
                let (class, letter) = if is_good { ("task", digit) } else { ("failed", '!') };
                (class, shown.to_string(), title, letter)
            }
        };
        let title = format!("{what}: {begin:.1} to {end:.1} ms");
        Part::Bar { class, span: Span { begin, end }, label, title, letter }
    }
}
