//! The results of many made-up workers: the data, and its parts of a page of the book.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::curves::{Curve, Panel, draw};
use super::lines;
use super::plot::quantity;
use crate::Outcome;
use crate::machine::Machine;
use crate::statistics::median;
use crate::target::number;

/// The sizes of which the page says what they would need.
const BEYOND: [f64; 2] = [10_000.0, 100_000.0];

/// The results of a run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Scale {
    pub(crate) machine: Machine,
    pub(crate) command: String,
    /// The average number of CPUs that other processes kept busy meanwhile.
    pub(crate) others: f64,
    pub(crate) limits: Limits,
    /// Why no larger pool was measured.
    pub(crate) ended_by: String,
    pub(crate) stars: Vec<Star>,
    pub(crate) networks: Vec<Network>,
    pub(crate) nested: Nested,
}

/// What one process may have.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Limits {
    pub(crate) descriptors: u64,
    /// The most descriptors that the kernel would permit.
    pub(crate) most_descriptors: u64,
    pub(crate) mappings: u64,
}

/// A pool on made-up hosts.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Star {
    pub(crate) workers: usize,
    /// Until all workers have started, in seconds: by the clock, and the CPU time of the manager.
    pub(crate) start: f64,
    pub(crate) start_cpu: f64,
    /// For each worker; memory in bytes.
    pub(crate) descriptors: f64,
    pub(crate) mappings: f64,
    pub(crate) resident: f64,
    /// The same after all tasks.
    pub(crate) resident_after: f64,
    pub(crate) address_space: f64,
    /// Rounds at a moderate rate, and at saturation.
    pub(crate) paced: Vec<Loaded>,
    pub(crate) saturated: Vec<Loaded>,
}

/// A closed loop of tasks.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Loaded {
    pub(crate) tasks: usize,
    /// By the clock.
    pub(crate) seconds: f64,
    /// CPU time of the threads for each task, in µs.
    pub(crate) manager: f64,
    pub(crate) submitting: f64,
    pub(crate) network: f64,
}

/// A pool on real relays of this machine.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Network {
    pub(crate) workers: usize,
    /// For each worker.
    pub(crate) descriptors: f64,
    pub(crate) rounds: Vec<Program>,
}

/// A flat pool, to which no-ops are submitted or mapped, and a pool of pools.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Nested {
    pub(crate) nodes: usize,
    /// How many workers the pool of a node has.
    pub(crate) below: usize,
    /// Whether Slurm has started the relays, on its hosts.
    pub(crate) is_slurm: bool,
    /// How many in a round, and how many a node gets at once.
    pub(crate) tasks: u64,
    pub(crate) share: u64,
    pub(crate) flat: Vec<Program>,
    pub(crate) mapped: Vec<Program>,
    pub(crate) nested: Vec<Program>,
}

/// The threads of a program with a pool on hosts.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Program {
    /// Tasks in a second, by the clock.
    pub(crate) rate: f64,
    /// CPU time for each task, in µs.
    pub(crate) manager: f64,
    pub(crate) submitting: f64,
    pub(crate) server: f64,
}

impl Loaded {
    /// CPU time of the program for each task, in µs.
    fn cost(&self) -> f64 {
        self.manager + self.submitting
    }
}

impl Program {
    fn cost(&self) -> f64 {
        self.manager + self.submitting + self.server
    }
}

impl Star {
    fn paced(&self) -> f64 {
        middle(&self.paced, Loaded::cost)
    }

    fn saturated(&self) -> f64 {
        middle(&self.saturated, Loaded::cost)
    }

    /// Tasks in a second of CPU time: both threads take turns at one lock.
    fn rate(&self) -> f64 {
        1e6 / self.saturated()
    }

    fn rate_by_clock(&self) -> f64 {
        middle(&self.saturated, |round| round.tasks as f64 / round.seconds)
    }
}

/// The median cost, and the least and the largest.
fn ranged(rounds: &[Loaded]) -> String {
    let costs = || rounds.iter().map(Loaded::cost);
    let [least, largest] = [costs().fold(f64::INFINITY, f64::min), costs().fold(0.0, f64::max)];
    format!("{} ({} to {})", micros(middle(rounds, Loaded::cost)), micros(least), micros(largest))
}

/// The median of what the rounds have.
fn middle<T>(rounds: &[T], of: impl Fn(&T) -> f64) -> f64 {
    median(&rounds.iter().map(of).collect::<Vec<_>>())
}

impl Scale {
    /// Writes `scale.json` into `folder` and returns its path.
    pub(crate) fn write(&self, folder: &Path) -> Outcome<PathBuf> {
        fs::create_dir_all(folder)?;
        let path = folder.join("scale.json");
        fs::write(&path, serde_json::to_string_pretty(self)? + "\n")?;
        Ok(path)
    }

    /// The book's part of it: names of files, and their texts.
    ///
    /// # Errors
    ///
    /// A part of the run is missing.
    pub(crate) fn parts(&self) -> Outcome<Vec<(String, String)>> {
        let largest = self.stars.last().ok_or("no pool was measured")?;
        let parts = [
            ("scale-machine.md", self.head()),
            ("scale.svg", self.chart()),
            ("scale-costs.md", self.costs()),
            ("scale-starts.md", self.starts()),
            ("scale-room.md", self.room(largest)),
            ("scale-beyond.md", self.beyond(largest)),
            ("scale-network.md", self.network()),
            ("scale-nested.md", self.nested.table()),
        ];
        Ok(parts.map(|(name, text)| (name.to_owned(), text)).into())
    }

    fn head(&self) -> String {
        let Self { machine, command, others, .. } = self;
        format!(
            "Made by `{command}`. {}. Other processes kept {} CPUs busy meanwhile.\n",
            lines::machine(machine),
            number(*others),
        )
    }

    fn chart(&self) -> String {
        let curve = |name, class, of: fn(&Star) -> f64| {
            let points = self.stars.iter().map(|star| (star.workers as f64, of(star))).collect();
            Curve { name, class, points }
        };
        let moderate = curve("at a moderate rate", "peer", Star::paced);
        let saturated = curve("at saturation", "ours", Star::saturated);
        let rate = curve("in a second of CPU time", "ours", Star::rate);
        let by_clock = curve("by the clock, in this run", "peer", Star::rate_by_clock);
        let costs = Panel {
            title: "CPU time of the program for each task",
            unit: "µs",
            curves: vec![moderate, saturated],
        };
        let rates = Panel {
            title: "Tasks in a second, at saturation",
            unit: "",
            curves: vec![rate, by_clock],
        };
        draw("A pool on made-up hosts, on logarithmic scales.", "workers", &[costs, rates])
    }

    fn costs(&self) -> String {
        let mut text = "| workers | a task, moderate rate | a further worker adds | a task, at \
                        saturation | a further worker adds | rate at saturation | the same, by the \
                        clock |\n|--:|--:|--:|--:|--:|--:|--:|\n"
            .to_owned();
        let mut before: Option<&Star> = None;
        for star in &self.stars {
            let added = |of: fn(&Star) -> f64| {
                let per_worker = |earlier: &Star| {
                    micros((of(star) - of(earlier)) / (star.workers - earlier.workers) as f64)
                };
                before.map_or_else(String::new, per_worker)
            };
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {}/s | {}/s |",
                number(star.workers as f64),
                ranged(&star.paced),
                added(Star::paced),
                ranged(&star.saturated),
                added(Star::saturated),
                number(star.rate().round()),
                number(star.rate_by_clock().round()),
            );
            before = Some(star);
        }
        text
    }

    fn starts(&self) -> String {
        let mut text = "| workers | all, CPU time | each, CPU time | all, by the clock |\n\
                        |--:|--:|--:|--:|\n"
            .to_owned();
        for star in &self.stars {
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} |",
                number(star.workers as f64),
                micros(star.start_cpu * 1e6),
                micros(star.start_cpu * 1e6 / star.workers as f64),
                micros(star.start * 1e6),
            );
        }
        text
    }

    /// What one worker takes in the program, and what the largest pool therefore is.
    fn room(&self, largest: &Star) -> String {
        let Limits { descriptors, most_descriptors, mappings } = &self.limits;
        let each = self.descriptors_each().round();
        let kib = |bytes: f64| format!("{} KiB", number((bytes / 1024.0).round()));
        let most = |limit: u64, each: f64| number((limit as f64 / each).floor());
        let mapped = largest.mappings.round();
        let first = self.stars.first().map_or(0.0, |star| star.resident_after);
        format!(
            "| a worker takes | here | room for |\n|---|--:|---|\n\
             | descriptors, with its connection | {} | {} workers at this process's limit of {}; {} at the \
             kernel's, {} |\n\
             | mappings | {} | {} workers at `vm.max_map_count`, {} |\n\
             | address space | {} | no limit |\n\
             | resident memory, idle | {} | |\n\
             | resident memory, after {} tasks each | {} | |\n",
            number(each),
            most(*descriptors, each),
            number(*descriptors as f64),
            most(*most_descriptors, each),
            number(*most_descriptors as f64),
            number(mapped),
            most(*mappings, mapped),
            number(*mappings as f64),
            kib(largest.address_space),
            kib(largest.resident),
            self.stars.first().map_or_else(String::new, |star| number(star.tasks_each())),
            kib(first),
        )
    }

    /// What one more real relay adds in the program.
    fn descriptors_each(&self) -> f64 {
        let all = |network: &Network| network.descriptors * network.workers as f64;
        match (self.networks.first(), self.networks.last()) {
            (Some(few), Some(many)) if few.workers < many.workers => {
                (all(many) - all(few)) / (many.workers - few.workers) as f64
            }
            _ => f64::NAN,
        }
    }

    fn beyond(&self, largest: &Star) -> String {
        let measured = largest.workers as f64;
        let mut text = format!(
            "The run ended with {} workers, because {}. By the cost at saturation, they are all busy if a \
             task takes {} or longer.",
            number(measured),
            self.ended_by,
            micros(largest.saturated() * measured),
        );
        for (index, workers) in BEYOND.iter().filter(|workers| **workers > measured).enumerate() {
            let times = workers / measured;
            let lead = if index == 0 {
                " If every cost grew in proportion from there, which nobody has measured, a task would take"
            } else {
                ";"
            };
            let _ = write!(
                text,
                "{lead} {} at the moderate rate and {} at saturation with {} workers, which is about {} \
                 tasks a second",
                micros(largest.paced() * times),
                micros(largest.saturated() * times),
                number(*workers),
                number((largest.rate() / times).round()),
            );
        }
        if BEYOND.iter().any(|workers| *workers > measured) {
            text.push('.');
        }
        text.push('\n');
        text
    }

    fn network(&self) -> String {
        let mut text =
            "| relays | the server's thread | manager and submitting thread |\n|--:|--:|--:|\n"
                .to_owned();
        for network in &self.networks {
            let _ = writeln!(
                text,
                "| {} | {} | {} |",
                network.workers,
                micros(middle(&network.rounds, |round| round.server)),
                micros(middle(&network.rounds, |round| round.manager + round.submitting)),
            );
        }
        text
    }
}

impl Star {
    /// How many tasks each of its workers has had, about.
    fn tasks_each(&self) -> f64 {
        let rounds = self.paced.iter().chain(&self.saturated);
        let tasks: usize = rounds.map(|round| round.tasks).sum();
        (tasks as f64 / self.workers as f64).round()
    }
}

impl Nested {
    fn table(&self) -> String {
        let Self { nodes, below, share, .. } = self;
        let flat = middle(&self.flat, |round| round.rate);
        let mut text =
            "| pool | tasks a second | to the first | CPU time of the program, a task |\n|---|--:|--:|--:|\n"
                .to_owned();
        let all = nodes * below;
        let rows = [
            (format!("{all} workers, `submit`"), &self.flat),
            (format!("{all} workers, `map`"), &self.mapped),
            (
                format!(
                    "{nodes} nodes with {below} workers each, {} tasks a message",
                    number(*share as f64)
                ),
                &self.nested,
            ),
        ];
        for (name, rounds) in rows {
            let _ = writeln!(
                text,
                "| {name} | {} | {} × | {} |",
                number(middle(rounds, |round| round.rate).round()),
                number(middle(rounds, |round| round.rate) / flat),
                micros(middle(rounds, Program::cost)),
            );
        }
        text
    }
}

/// A time in µs, with its unit.
fn micros(value: f64) -> String {
    if value < 1.0 {
        format!("{} ns", number((value * 1e3).round()))
    } else {
        quantity(value, "µs")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(rate: f64) -> Program {
        Program { rate, manager: 1.0, submitting: 2.0, server: 30.0 }
    }

    fn star(workers: usize, cost: f64) -> Star {
        let loaded = |tasks, cost: f64| Loaded {
            tasks,
            seconds: 2.0,
            manager: cost * 0.25,
            submitting: cost * 0.75,
            network: 1.0,
        };
        Star {
            workers,
            start: 3.0,
            start_cpu: 2.0,
            descriptors: 6.02,
            mappings: 2.01,
            resident: 51_200.0,
            resident_after: 1_024_000.0,
            address_space: 4_194_304.0,
            paced: vec![loaded(1_000, cost)],
            saturated: [0.1, 0.2, 0.7].map(|share| loaded(40_000, cost * share)).into(),
        }
    }

    fn scale() -> Scale {
        let machine = Machine {
            date: "2026-01-31T12:00:00Z".into(),
            cpu: "A CPU".into(),
            cpus: 2,
            kernel: "6.18".into(),
            memory_mib: 1000,
            rustc: "rustc 1.95.0".into(),
            procpool: "0.1.0".into(),
        };
        let rounds = || vec![program(100.0)];
        Scale {
            machine,
            command: "just bench scale".into(),
            others: 1.5,
            limits: Limits { descriptors: 20_000, most_descriptors: 1 << 20, mappings: 65_530 },
            ended_by: "there is no room".into(),
            stars: vec![star(10, 20.0), star(1_000, 500.0)],
            networks: vec![
                Network { workers: 2, descriptors: 12.0, rounds: rounds() },
                Network { workers: 4, descriptors: 9.5, rounds: rounds() },
            ],
            nested: Nested {
                nodes: 4,
                below: 2,
                is_slurm: false,
                tasks: 32_000,
                share: 2_000,
                flat: rounds(),
                mapped: vec![program(250.0)],
                nested: vec![program(4_000.0)],
            },
        }
    }

    #[test]
    fn each_part_has_the_measured_figures() {
        let parts: std::collections::BTreeMap<_, _> =
            scale().parts().unwrap().into_iter().collect();
        for (name, line) in [
            ("scale-machine.md", "Other processes kept 1.50 CPUs busy"),
            // The median of the rounds at saturation, and what a second of CPU time has room for.
            (
                "scale-costs.md",
                "| 1,000 | 500 µs (500 µs to 500 µs) | 485 ns | 100 µs (50 µs to 350 µs) |",
            ),
            ("scale-costs.md", "| 97 ns | 10,000/s | 20,000/s |"),
            ("scale-starts.md", "| 1,000 | 2 s | 2 ms | 3 s |"),
            ("scale-room.md", "| 7 | 2,857 workers at this process's limit of 20,000; 149,796 at"),
            ("scale-room.md", "| mappings | 2 | 32,765 workers"),
            ("scale-room.md", "after 12,100 tasks each | 1,000 KiB |"),
            (
                "scale-beyond.md",
                "with 1,000 workers, because there is no room. By the cost at saturation, they are all busy if a task takes 100 ms",
            ),
            (
                "scale-beyond.md",
                "would take 5 ms at the moderate rate and 1 ms at saturation with 10,000",
            ),
            ("scale-beyond.md", "tasks a second; 50 ms at the moderate"),
            ("scale-network.md", "| 4 | 30 µs | 3 µs |"),
            ("scale-nested.md", "| 8 workers, `map` | 250 | 2.50 × | 33 µs |"),
            ("scale-nested.md", "2,000 tasks a message | 4,000 | 40 × | 33 µs |"),
            ("scale.svg", "by the clock, in this run: 20 k with 10 workers"),
            ("scale.svg", "at saturation: 4 µs with 10 workers, 100 µs with 1,000 workers."),
        ] {
            assert!(parts[name].contains(line), "{name}: {line}\n{}", parts[name]);
        }
        assert_eq!(parts.len(), 8);
        assert!(Scale { stars: Vec::new(), ..scale() }.parts().is_err());
    }

    #[test]
    fn a_run_is_read_as_it_was_written() {
        let json = serde_json::to_string(&scale()).unwrap();
        let read: Scale = serde_json::from_str(&json).unwrap();
        assert_eq!(format!("{read:?}"), format!("{:?}", scale()));
    }
}
