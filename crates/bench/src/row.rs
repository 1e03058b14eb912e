//! The result of a row of the measurements.
//!
//! Owns the format of the results: a machine, rows of figures with targets, and charts of contenders. The
//! JSON file is these types, written and read. Must not know how anything was measured or how it is shown.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::machine::Machine;
use crate::statistics::{median, quantile, ratios};
use crate::target::{Target, Verdict};

/// The results of a run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Results {
    pub(crate) machine: Machine,
    /// The options by which the run differs from a full one; empty for a full one.
    #[serde(default)]
    pub(crate) partial: String,
    pub(crate) rows: Vec<Row>,
}

/// One row: its comparison, and the results.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    /// The operation, in a sentence.
    pub(crate) what: String,
    pub(crate) figures: Vec<Figure>,
    pub(crate) charts: Vec<Chart>,
    /// The number of CPUs that others kept busy at the same time.
    pub(crate) others: f64,
    /// The reason why the row ended early.
    pub(crate) failed: Option<String>,
}

/// A number that is judged, or only shown.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Figure {
    pub(crate) name: String,
    #[serde(deserialize_with = "or_nan")]
    pub(crate) value: f64,
    pub(crate) unit: Cow<'static, str>,
    pub(crate) target: Option<Target>,
    pub(crate) verdict: Option<Verdict>,
    /// The numbers behind `value`, one per block.
    #[serde(deserialize_with = "each_or_nan")]
    pub(crate) blocks: Vec<f64>,
    /// The absolute times behind a ratio.
    pub(crate) note: String,
}

/// Contenders in the same operation.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Chart {
    /// The name of its file.
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) unit: Cow<'static, str>,
    pub(crate) better: Better,
    pub(crate) contenders: Vec<Contender>,
}

/// The end of a chart at which values are better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Better {
    Lower,
    Higher,
}

/// A contender, with the result of each of its blocks.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Contender {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Of a peer, with its runtime.
    pub(crate) version: String,
    #[serde(deserialize_with = "each_or_nan")]
    pub(crate) blocks: Vec<f64>,
    /// Each operation's duration, where single ones were timed.
    #[serde(rename = "latency", serialize_with = "latency", deserialize_with = "durations")]
    pub(crate) nanos: Vec<u64>,
    /// Whether its pool has no such operation, and its user wrote one. It is shown, but not compared with
    /// ours: the user of any pool could write the same.
    pub(crate) by_hand: bool,
    /// The reason why there is nothing, no more, or less than requested.
    pub(crate) absent: Option<String>,
}

/// The kind of a contender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Procpool,
    /// The machine without any pool.
    Limit,
    /// Another pool.
    Peer,
}

/// The result of one block: its figure, and the durations of its single operations, if they were timed.
#[derive(Debug, Default)]
pub(crate) struct Sample {
    pub(crate) figure: f64,
    pub(crate) nanos: Vec<u64>,
    /// The reason why it is less than requested.
    pub(crate) remark: Option<String>,
    /// See [`Contender::by_hand`].
    pub(crate) by_hand: bool,
}

impl From<f64> for Sample {
    fn from(figure: f64) -> Self {
        Self { figure, ..Self::default() }
    }
}

impl Row {
    /// A row without figures yet.
    pub(crate) fn new(name: &str, what: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            what: what.into(),
            figures: Vec::new(),
            charts: Vec::new(),
            others: 0.0,
            failed: None,
        }
    }

    /// Whether it ended early or a target was missed by more than is tolerated.
    pub(crate) fn fails(&self) -> bool {
        self.failed.is_some()
            || self.figures.iter().any(|figure| figure.verdict.is_some_and(Verdict::fails))
    }
}

impl Figure {
    /// The median of `blocks`, not judged.
    pub(crate) fn told(name: impl Into<String>, unit: &'static str, blocks: Vec<f64>) -> Self {
        Self {
            name: name.into(),
            value: median(&blocks),
            unit: unit.into(),
            target: None,
            verdict: None,
            blocks,
            note: String::new(),
        }
    }

    /// The median of `blocks`, judged.
    pub(crate) fn judged(
        name: impl Into<String>,
        unit: &'static str,
        blocks: Vec<f64>,
        target: Target,
    ) -> Self {
        let mut figure = Self::told(name, unit, blocks);
        figure.target = Some(target);
        figure.verdict = Some(target.verdict(figure.value));
        figure
    }

    /// Adds the absolute times behind the number.
    pub(crate) fn with_note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }
}

impl Contender {
    pub(crate) fn new(name: impl Into<String>, kind: Kind) -> Self {
        Self {
            name: name.into(),
            kind,
            version: String::new(),
            blocks: Vec::new(),
            nanos: Vec::new(),
            by_hand: false,
            absent: None,
        }
    }

    /// Adds the result of a block.
    pub(crate) fn record(&mut self, sample: Sample) {
        self.blocks.push(sample.figure);
        self.nanos.extend(sample.nanos);
        self.by_hand |= sample.by_hand;
        self.absent = sample.remark.or(self.absent.take());
    }

    pub(crate) fn median(&self) -> f64 {
        median(&self.blocks)
    }

    /// The duration in microseconds that `share` of the operations did not exceed.
    pub(crate) fn micros(&self, share: f64) -> Option<f64> {
        (!self.nanos.is_empty()).then(|| quantile(&self.nanos, share) as f64 / 1e3)
    }
}

impl Better {
    /// How many times as good `ours` was as `theirs`, block by block.
    pub(crate) fn advantages(self, ours: &[f64], theirs: &[f64]) -> Vec<f64> {
        match self {
            Self::Lower => ratios(theirs, ours),
            Self::Higher => ratios(ours, theirs),
        }
    }
}

impl Chart {
    /// The peer whose median is the best of all peers'.
    pub(crate) fn best_peer(&self) -> Option<&Contender> {
        let peers = self.contenders.iter().filter(|contender| contender.kind == Kind::Peer);
        let measured = peers.filter(|peer| !peer.blocks.is_empty() && !peer.by_hand);
        measured.min_by(|a, b| match self.better {
            Better::Lower => a.median().total_cmp(&b.median()),
            Better::Higher => b.median().total_cmp(&a.median()),
        })
    }

    /// Our advantage over the best peer, to be judged. Without peers there is none.
    pub(crate) fn against_best_peer(&self, what: &str, target: Target) -> Option<Figure> {
        let ours = self.contenders.iter().find(|contender| contender.kind == Kind::Procpool)?;
        let best = self.best_peer()?;
        let blocks = self.better.advantages(&ours.blocks, &best.blocks);
        let note = format!(
            "{} {} against {} {} of {}",
            crate::target::number(ours.median()),
            self.unit,
            crate::target::number(best.median()),
            self.unit,
            best.name
        );
        Some(Figure::judged(what, "×", blocks, target).with_note(note))
    }
}

#[derive(Serialize, Deserialize)]
struct Latency {
    operations: usize,
    p50_us: f64,
    p99_us: f64,
}

/// A hundred thousand durations would make the file unreadable: only the quantiles that are shown are
/// written.
fn latency<S: Serializer>(nanos: &[u64], serializer: S) -> Result<S::Ok, S::Error> {
    let micros = |share| quantile(nanos, share) as f64 / 1e3;
    let latency = (!nanos.is_empty()).then(|| Latency {
        operations: nanos.len(),
        p50_us: micros(0.5),
        p99_us: micros(0.99),
    });
    latency.serialize(serializer)
}

/// Two durations with the same quantiles: the lower is their p50, the upper their p99.
fn durations<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u64>, D::Error> {
    let latency = Option::<Latency>::deserialize(deserializer)?;
    let nanos =
        |latency: Latency| [latency.p50_us, latency.p99_us].map(|us| (us * 1e3).round() as u64);
    Ok(latency.map(nanos).into_iter().flatten().collect())
}

/// JSON has no NaN; it is written as null.
fn or_nan<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

fn each_or_nan<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
    let values = Vec::<Option<f64>>::deserialize(deserializer)?;
    Ok(values.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contender(name: &str, kind: Kind, blocks: &[f64]) -> Contender {
        Contender { blocks: blocks.to_vec(), ..Contender::new(name, kind) }
    }

    fn chart(better: Better) -> Chart {
        let mut by_hand = contender("by hand", Kind::Peer, &[1.0, 1000.0]);
        by_hand.record(Sample { by_hand: true, ..Sample::from(1.0) });
        let contenders = vec![
            contender("procpool", Kind::Procpool, &[10.0, 20.0]),
            by_hand,
            contender("slow", Kind::Peer, &[100.0, 200.0]),
            contender("fast", Kind::Peer, &[30.0, 60.0]),
            contender("gone", Kind::Peer, &[]),
            contender("raw", Kind::Limit, &[1.0, 2.0]),
        ];
        Chart { name: "c".into(), title: "C".into(), unit: "µs".into(), better, contenders }
    }

    #[test]
    fn the_best_peer_is_the_one_nearest_to_the_good_end() {
        assert_eq!(chart(Better::Lower).best_peer().map(|peer| &*peer.name), Some("fast"));
        assert_eq!(chart(Better::Higher).best_peer().map(|peer| &*peer.name), Some("slow"));
    }

    #[test]
    fn an_advantage_is_above_one_when_we_are_better() {
        let lower = chart(Better::Lower).against_best_peer("x", Target::AtLeast(3.0)).unwrap();
        assert_eq!((lower.value, lower.verdict), (3.0, Some(Verdict::Met)));
        let higher = chart(Better::Higher).against_best_peer("x", Target::AtLeast(3.0)).unwrap();
        assert_eq!(higher.value, 0.1);
        assert!(higher.verdict.is_some_and(Verdict::fails));
    }

    #[test]
    fn without_peers_the_comparison_is_left_out() {
        let mut chart = chart(Better::Lower);
        chart.contenders.retain(|contender| contender.kind != Kind::Peer);
        assert!(chart.against_best_peer("x", Target::AtLeast(3.0)).is_none());
    }

    #[test]
    fn a_row_fails_for_a_missed_target_or_an_early_end_only() {
        let mut row = Row::new("r", "");
        row.figures.push(Figure::told("told", "µs", vec![9.0]));
        row.figures.push(Figure::judged("close", "×", vec![1.19], Target::AtMost(1.0)));
        assert!(!row.fails());
        row.figures.push(Figure::judged("missed", "×", vec![1.21], Target::AtMost(1.0)));
        assert!(row.fails());
        let ended = Row { failed: Some("no room".into()), ..Row::new("r", "") };
        assert!(ended.fails());
    }

    #[test]
    fn latencies_are_written_as_quantiles() {
        let mut contender = contender("c", Kind::Peer, &[]);
        assert_eq!(serde_json::to_value(&contender).unwrap()["latency"], serde_json::Value::Null);
        contender.record(Sample {
            figure: 1.0,
            nanos: vec![1_000, 3_000, 2_000],
            ..Sample::default()
        });
        let value = serde_json::to_value(&contender).unwrap();
        assert_eq!(value["latency"]["p50_us"], 2.0);
        assert_eq!(value["latency"]["operations"], 3);
        assert_eq!(value["blocks"], serde_json::json!([1.0]));
    }
}
