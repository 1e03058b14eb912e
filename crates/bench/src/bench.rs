//! A run: its rows, rounds and contenders.
//!
//! Owns the run's data that rows need, and the order of blocks between procpool and a limit. Between
//! procpool and peers that is `peers::contest`.

use std::cell::Cell;
use std::path::Path;

use crate::Outcome;
use crate::arguments::{Arguments, Mode};
use crate::load::Load;
use crate::peers::client::Peer;
use crate::peers::contest::contest;
use crate::peers::protocol::PeerError;
use crate::peers::roster::{self, Entry};
use crate::row::{Better, Chart, Contender, Kind, Row, Sample};

/// Measures a row.
pub(crate) type Measure = fn(&Bench) -> Outcome<Row>;

/// The run.
#[derive(Debug)]
pub(crate) struct Bench {
    mode: Mode,
    rounds: Option<usize>,
    /// Empty in a quick run.
    roster: Vec<Entry>,
    /// All rounds with peers so far. Not all of their processes are reaped by this one, so their CPU time
    /// cannot be separated from that of other programs.
    peers_load: Cell<Load>,
}

/// One side of a [`duel`](Bench::duel).
pub(crate) type Block<'a> = &'a mut dyn FnMut() -> Outcome<Sample>;

impl Bench {
    /// Prepares a run. `folder` holds the peers.
    pub(crate) fn new(arguments: &Arguments, folder: &Path) -> Outcome<Self> {
        let roster = match arguments.mode {
            Mode::Quick | Mode::Profile | Mode::Scale => Vec::new(),
            Mode::Full => roster::read(folder)?,
        };
        Ok(Self {
            mode: arguments.mode,
            rounds: arguments.rounds,
            roster,
            peers_load: Cell::default(),
        })
    }

    /// Runs the rows that `only` names, or all `rows`. A row that ends early records the reason.
    pub(crate) fn run(
        &self,
        rows: &[(&str, Measure)],
        only: &[String],
        shown: &mut dyn FnMut(&Row),
    ) -> Vec<Row> {
        let chosen = rows
            .iter()
            .filter(|(name, _)| only.is_empty() || only.iter().any(|chosen| chosen == name));
        let mut measured = Vec::new();
        for (name, measure) in chosen {
            eprintln!("{name} …");
            let (before, peers_before) = (Load::now(), self.peers_load.get());
            let mut row = measure(self).unwrap_or_else(|error| Row {
                failed: Some(error.to_string()),
                ..Row::new(name, "")
            });
            // A failure here spoils nothing.
            let span = before.and_then(|before| Ok(Load::now()?.since(before)));
            let peers = self.peers_load.get().since(peers_before);
            row.others = span.map(|span| span.since(peers).of_others()).unwrap_or_default();
            shown(&row);
            measured.push(row);
        }
        measured
    }

    pub(crate) fn is_quick(&self) -> bool {
        self.mode == Mode::Quick
    }

    /// Whether charts have rounds with peers.
    pub(crate) fn has_peers(&self) -> bool {
        !self.roster.is_empty()
    }

    /// The number of rounds of a row: from the command line, or else from the row.
    pub(crate) fn rounds(&self, quick: usize, full: usize) -> usize {
        self.rounds.unwrap_or(if self.is_quick() { quick } else { full })
    }

    /// Makes procpool and a limit take turns, a block each.
    pub(crate) fn duel(
        &self,
        rounds: usize,
        ours: Block<'_>,
        limit_name: &str,
        limit: Block<'_>,
    ) -> Outcome<(Contender, Contender)> {
        let (us, [them]) = self.limits(rounds, ours, [(limit_name, limit)])?;
        Ok((us, them))
    }

    /// Makes procpool and several limits take turns, a block each.
    pub(crate) fn limits<const N: usize>(
        &self,
        rounds: usize,
        ours: Block<'_>,
        mut limits: [(&str, Block<'_>); N],
    ) -> Outcome<(Contender, [Contender; N])> {
        let mut us = Contender::new("procpool", Kind::Procpool);
        let mut them = limits.each_ref().map(|(name, _)| Contender::new(*name, Kind::Limit));
        for _ in 0..rounds {
            us.record(ours()?);
            for (contender, (_, limit)) in them.iter_mut().zip(&mut limits) {
                contender.record(limit()?);
            }
        }
        Ok((us, them))
    }

    /// Makes a chart: with peers, from rounds with them; without, from `alone`.
    pub(crate) fn chart(
        &self,
        chart: Chart,
        rounds: usize,
        ours: Block<'_>,
        ask: &dyn Fn(&mut Peer) -> Result<Sample, PeerError>,
        alone: Vec<Contender>,
    ) -> Outcome<Chart> {
        let mut contenders = alone;
        if self.has_peers() {
            contenders.retain(|contender| contender.kind == Kind::Limit);
            let before = Load::now()?;
            let mut measured = contest(&self.roster, rounds, ours, ask)?;
            let span = Load::now()?.since(before);
            self.peers_load.set(self.peers_load.get().and(span));
            contenders.splice(0..0, measured.drain(..1));
            contenders.append(&mut measured);
        }
        Ok(Chart { contenders, ..chart })
    }
}

/// A chart without contenders yet.
pub(crate) fn empty_chart(name: &str, title: &str, unit: &'static str, better: Better) -> Chart {
    Chart {
        name: name.to_owned(),
        title: title.to_owned(),
        unit: unit.into(),
        better,
        contenders: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::rows::ROWS;

    fn bench(rounds: Option<usize>, roster: Vec<Entry>) -> Bench {
        Bench { mode: Mode::Quick, rounds, roster, peers_load: Cell::default() }
    }

    fn names(contenders: &[Contender]) -> Vec<&str> {
        contenders.iter().map(|contender| &*contender.name).collect()
    }

    #[test]
    fn contenders_take_turns() {
        let turns = RefCell::new(String::new());
        let turn = |letter: char| {
            turns.borrow_mut().push(letter);
            Ok(Sample::from(turns.borrow().len() as f64))
        };
        let duel = bench(None, Vec::new()).duel(3, &mut || turn('a'), "b", &mut || turn('b'));
        let (us, limit) = duel.unwrap();
        assert_eq!(*turns.borrow(), "ababab");
        assert_eq!((us.blocks, limit.blocks), (vec![1.0, 3.0, 5.0], vec![2.0, 4.0, 6.0]));
        assert_eq!((us.kind, limit.kind), (Kind::Procpool, Kind::Limit));
    }

    #[test]
    fn the_command_line_overrides_the_rounds_of_a_row() {
        assert_eq!(bench(None, Vec::new()).rounds(3, 5), 3);
        assert_eq!(bench(Some(9), Vec::new()).rounds(3, 5), 9);
    }

    #[test]
    fn a_chart_uses_our_blocks_of_the_rounds_that_had_peers() {
        let alone =
            || vec![Contender::new("us", Kind::Procpool), Contender::new("raw", Kind::Limit)];
        let chart = |bench: &Bench| {
            let mut ours = || Ok(Sample::from(1.0));
            let ask = |_: &mut Peer| Ok(Sample::default());
            let empty = empty_chart("c", "C", "µs", Better::Lower);
            bench.chart(empty, 2, &mut ours, &ask, alone()).unwrap().contenders
        };
        assert_eq!(names(&chart(&bench(None, Vec::new()))), ["us", "raw"]);
        let gone: Entry = serde_json::from_str(r#"{"name":"gone","command":[]}"#).unwrap();
        let with_peer = chart(&bench(None, vec![gone]));
        assert_eq!(names(&with_peer), ["procpool", "raw", "gone"]);
        assert_eq!(with_peer[0].blocks, [1.0, 1.0]);
        assert_eq!(with_peer[2].absent.as_deref(), Some("cannot be started: its command is empty"));
    }

    #[test]
    fn a_row_that_cannot_be_measured_gives_the_reason() {
        // The quickest row, and not one of the others.
        let mut shown = Vec::new();
        let only = ["idle".to_owned()];
        let bench = bench(Some(1), Vec::new());
        // Its workers would be this test program, which cannot become one.
        let rows = bench.run(&ROWS, &only, &mut |row| shown.push(row.name.clone()));
        assert_eq!(shown, ["idle"]);
        let why = rows[0].failed.as_deref().unwrap_or_default();
        assert!(why.contains("init"), "{why}");
        assert!(rows[0].fails());
    }
}
