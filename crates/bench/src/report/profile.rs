//! A profile: the data, and its drawings for the book.
//!
//! A drawing has a bar for each step, on one scale for all sides, and each begins where the one before it
//! ended: so a side's bars reach as far as all of its time. Sides begin together; the relation in time of
//! the steps of two sides is unknown. The sentences that describe a drawing use the same numbers.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use procpool_drawing::{Drawing, Rect};
use serde::{Deserialize, Serialize};

use crate::Outcome;
use crate::machine::Machine;
use crate::target::number;

/// The results of a run of the profiler.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Profile {
    pub(crate) machine: Machine,
    /// The profiler.
    pub(crate) command: String,
    /// Samples per second and CPU.
    pub(crate) hertz: u32,
    /// The number of runs of each load.
    pub(crate) rounds: usize,
    pub(crate) loads: Vec<LoadProfile>,
}

/// The result of one load, and the work of each side.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LoadProfile {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) operation: String,
    /// The duration of an operation, by the clock: the median.
    pub(crate) nanos: f64,
    /// The number of rounds that ran undisturbed, and count.
    pub(crate) counted: usize,
    pub(crate) sides: Vec<SideProfile>,
}

/// The steps of the threads of one side.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SideProfile {
    pub(crate) name: String,
    pub(crate) steps: Vec<Step>,
}

/// CPU time per operation in nanoseconds: the median of the rounds, and how far they lie apart.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Step {
    pub(crate) name: String,
    pub(crate) nanos: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// Left of the bars are the names of the steps.
const LEFT: f64 = 190.0;
const WIDTH: f64 = 420.0;
/// Right of the bars: room for the numbers of bars that end there.
const RIGHT: f64 = 150.0;
/// Above the bars.
const TOP: f64 = 34.0;
/// From bar to bar, and the height of one.
const STEP: f64 = 22.0;
const BAR: f64 = 15.0;
/// A side with less than this share of the longest side's time would not be visible.
const SEEN: f64 = 0.01;

impl Profile {
    /// Writes `profile.json` into `folder` and returns its path.
    pub(crate) fn write(&self, folder: &Path) -> Outcome<PathBuf> {
        fs::create_dir_all(folder)?;
        let path = folder.join("profile.json");
        fs::write(&path, serde_json::to_string_pretty(self)? + "\n")?;
        Ok(path)
    }

    /// The book's part of it: names of files, and their texts.
    pub(crate) fn drawings(&self) -> Vec<(String, String)> {
        let mut files = vec![("profile-machine.md".to_owned(), self.head())];
        let drawn = self.loads.iter();
        files.extend(drawn.map(|load| (format!("profile-{}.svg", load.name), load.draw())));
        files
    }

    fn head(&self) -> String {
        let machine = super::lines::machine(&self.machine);
        let Self { command, hertz, rounds, loads, .. } = self;
        let counted: Vec<String> =
            loads.iter().map(|load| format!("{} of `{}`", load.counted, load.name)).collect();
        format!(
            "Made by `{command}` with {} samples a second. {machine}. Of {rounds} rounds of each load, \
             these ran undisturbed and count: {}.\n",
            number(f64::from(*hertz)),
            counted.join(", "),
        )
    }
}

impl LoadProfile {
    fn draw(&self) -> String {
        let total = |side: &SideProfile| side.steps.iter().map(|step| step.nanos).sum::<f64>();
        let longest = self.sides.iter().map(total).fold(0.0, f64::max);
        let sides: Vec<&SideProfile> =
            self.sides.iter().filter(|side| total(side) > longest * SEEN).collect();
        let rows = sides.iter().map(|side| side.steps.len() + 1).sum::<usize>();
        let view = [0.0, 0.0, LEFT + WIDTH + RIGHT, TOP + STEP * rows as f64 + 6.0];
        let mut drawing = Drawing::in_page("chart", view, &self.sentences(&sides));
        let title = format!("{}: {} ns by the clock", self.title, number(self.nanos));
        drawing.text("title", 8.0, 18.0, title);
        let mut top = TOP;
        for side in sides {
            let header = format!("{}: {} ns", side.name, number(total(side)));
            drawing.text("strong end", LEFT - 8.0, top + BAR - 3.0, header);
            let mut before = 0.0;
            for step in &side.steps {
                top += STEP;
                let x = |nanos: f64| LEFT + nanos / longest * WIDTH;
                bar(&mut drawing, step, x(before), x(before + step.nanos), top);
                before += step.nanos;
            }
            top += STEP;
        }
        drawing.finish()
    }

    /// The description of the drawing, for readers who cannot see it.
    fn sentences(&self, sides: &[&SideProfile]) -> String {
        let mut text = format!(
            "{}: {} ns each by the clock. CPU time per {} in ns.",
            self.title,
            number(self.nanos),
            self.operation
        );
        for side in sides {
            let steps: Vec<String> = side
                .steps
                .iter()
                .map(|step| format!("{} {}", step.name, number(step.nanos)))
                .collect();
            let _ = write!(text, " {}: {}.", side.name, steps.join(", "));
        }
        text
    }
}

fn bar(drawing: &mut Drawing, step: &Step, from: f64, to: f64, top: f64) {
    let waits = step.name.starts_with("wait");
    let class = if waits { "wait" } else { "ours" };
    let width = (to - from).max(1.0);
    let [nanos, low, high] = [step.nanos, step.low, step.high].map(number);
    let title = format!("{}: {nanos} ns, in the rounds {low} to {high}", step.name);
    let rect = Rect { x: from, y: top, width, height: BAR, radius: 2.0 };
    drawing.rect(class, rect, title.as_str());
    let base = top + BAR - 3.0;
    drawing.text("end", LEFT - 8.0, base, &step.name);
    drawing.text("", from + width + 6.0, base, nanos);
}
