//! The checked-in results, which a quick run is compared with if they are of the same CPU model.
//!
//! Only ratios to limits of the same run are compared: absolute figures depend on the moment. Must not know
//! how a figure was measured.

use std::path::Path;

use crate::Outcome;
use crate::machine::Machine;
use crate::row::{Figure, Results, Row};
use crate::target::{Target, number};

/// A figure is worse if it is so by more than this share, and lies beyond each block of the earlier run.
/// Less reports the noise of a machine that others use; more hides a loss.
const WORSE: f64 = 0.25;

/// The results of an earlier run, if they can be compared.
#[derive(Debug)]
pub(crate) struct Earlier(Vec<Row>);

impl Earlier {
    /// Reads the results at `path`. Those of another CPU model, or with another number of CPUs, say nothing
    /// about this machine.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is not one of this program.
    pub(crate) fn read(path: &Path, here: &Machine) -> Outcome<Self> {
        let Results { machine, rows, .. } = serde_json::from_str(&std::fs::read_to_string(path)?)?;
        let is_same = machine.cpu == here.cpu && machine.cpus == here.cpus;
        Ok(Self(if is_same { rows } else { Vec::new() }))
    }

    /// Whether there is anything to compare with.
    pub(crate) fn is_comparable(&self) -> bool {
        !self.0.is_empty()
    }

    /// Describes each figure of `row` that has become worse.
    pub(crate) fn worse(&self, row: &Row) -> Vec<String> {
        let Some(before) = self.0.iter().find(|before| before.name == row.name) else {
            return Vec::new();
        };
        let same = |now: &Figure| before.figures.iter().find(|before| before.name == now.name);
        let compared = |now: &Figure| worse(same(now)?, now);
        let found = row.figures.iter().filter(|figure| figure.unit == "×");
        found.filter_map(compared).map(|text| format!("{:<19} {text}", row.name)).collect()
    }
}

fn worse(before: &Figure, now: &Figure) -> Option<String> {
    let blocks = || before.blocks.iter().copied().filter(|block| block.is_finite());
    let (share, is_beyond) = match now.target? {
        Target::AtMost(_) => (now.value / before.value - 1.0, blocks().all(|it| now.value > it)),
        Target::AtLeast(_) => (before.value / now.value - 1.0, blocks().all(|it| now.value < it)),
    };
    (share > WORSE && is_beyond).then(|| {
        format!(
            "{:<36} WORSE by {:.0} % than the checked-in figure of this CPU model: {}, now {}",
            now.name,
            share * 100.0,
            number(before.value),
            number(now.value)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(unit: &'static str, blocks: &[f64], target: Target) -> Row {
        let mut row = Row::new("r", "");
        row.figures.push(Figure::judged("f", unit, blocks.to_vec(), target));
        row
    }

    fn compared(before: &[f64], now: f64, target: Target) -> Vec<String> {
        Earlier(vec![row("×", before, target)]).worse(&row("×", &[now], target))
    }

    #[test]
    fn a_ratio_that_has_become_worse_is_reported_in_either_direction() {
        let text = "r                   f                                    WORSE by 50 % than the \
                    checked-in figure of this CPU model: 1, now 1.50";
        assert_eq!(compared(&[0.9, 1.0, 1.1], 1.5, Target::AtMost(9.0)), [text]);
        let slower = compared(&[3.0], 2.0, Target::AtLeast(1.0));
        assert!(slower[0].contains("WORSE by 50 %"), "{slower:?}");
        assert_eq!(compared(&[3.0], 1.0, Target::AtMost(9.0)), [""; 0], "it is better");
        assert_eq!(compared(&[1.0], 9.0, Target::AtLeast(1.0)), [""; 0], "it is better");
    }

    #[test]
    fn noise_is_not_reported() {
        assert_eq!(compared(&[1.0], 1.2, Target::AtMost(9.0)), [""; 0], "by less than a quarter");
        assert_eq!(
            compared(&[0.9, 1.0, 1.6], 1.5, Target::AtMost(9.0)),
            [""; 0],
            "a block was worse"
        );
    }

    #[test]
    fn only_ratios_and_rows_of_the_same_name_are_compared() {
        let target = Target::AtMost(9.0);
        let earlier = Earlier(vec![row("µs", &[1.0], target)]);
        assert_eq!(earlier.worse(&row("µs", &[5.0], target)), [""; 0]);
        assert_eq!(
            earlier.worse(&Row { name: "other".into(), ..row("×", &[5.0], target) }),
            [""; 0]
        );
    }

    #[test]
    fn results_of_another_cpu_say_nothing() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../book/bench/results.json");
        let there = std::fs::read_to_string(&path).unwrap();
        let Results { machine, .. } = serde_json::from_str(&there).unwrap();
        assert!(Earlier::read(&path, &machine).unwrap().is_comparable());
        let other = Machine { cpu: format!("not {}", machine.cpu), ..machine };
        assert!(!Earlier::read(&path, &other).unwrap().is_comparable());
    }
}
