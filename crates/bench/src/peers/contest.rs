//! Rounds in which procpool and every peer have a block each.
//!
//! A peer's process lives for one row and its pool for one block: pools that poll would otherwise disturb
//! the others' blocks. A peer that fails is out of the row, with the reason as its entry; the row
//! continues. Must not know the operation that is measured.

use std::io::{self, IsTerminal};
use std::thread;
use std::time::Duration;

use super::client::{ANSWER_TIMEOUT, Peer};
use super::protocol::{Identity, PeerError, Request};
use super::roster::Entry;
use crate::Outcome;
use crate::row::{Contender, Kind, Sample};

/// The number of workers of every pool; of ours too, in comparisons with them.
pub(crate) const WORKERS: usize = 2;

/// How long a closed pool may take to end before the next one's block. With a shorter time, the next one
/// starts processes while the last one's are still torn down; a longer one only costs time.
const SETTLING: Duration = Duration::from_millis(100);

/// A peer's place in the row.
struct Place {
    contender: Contender,
    /// `None` once it is out.
    peer: Option<Peer>,
}

/// Makes procpool and all of `roster` take turns. `ask` measures one block of a peer, whose pool is open.
/// procpool is the first contender in the result.
pub(crate) fn contest(
    roster: &[Entry],
    rounds: usize,
    ours: &mut dyn FnMut() -> Outcome<Sample>,
    ask: &dyn Fn(&mut Peer) -> Result<Sample, PeerError>,
) -> Outcome<Vec<Contender>> {
    let mut procpool = Contender::new("procpool", Kind::Procpool);
    let mut places: Vec<Place> = roster.iter().map(Place::taken_by).collect();
    for round in 0..rounds {
        thread::sleep(SETTLING);
        procpool.record(ours()?);
        for place in &mut places {
            progress(&format!("    round {} of {rounds}: {}", round + 1, place.contender.name));
            place.block(ask);
        }
    }
    progress("");
    let mut contenders = vec![procpool];
    contenders.extend(places.into_iter().map(|place| place.contender));
    Ok(contenders)
}

impl Place {
    fn taken_by(entry: &Entry) -> Self {
        let mut contender = Contender::new(&entry.name, Kind::Peer);
        let peer = match Peer::start(entry, ANSWER_TIMEOUT) {
            Ok(peer) => {
                let Identity { version, runtime, .. } = &peer.identity;
                contender.version = format!("{version}, {runtime}");
                Some(peer)
            }
            Err(error) => {
                contender.absent = Some(error.to_string());
                None
            }
        };
        Self { contender, peer }
    }

    fn block(&mut self, ask: &dyn Fn(&mut Peer) -> Result<Sample, PeerError>) {
        let Some(peer) = &mut self.peer else { return };
        thread::sleep(SETTLING);
        let sample = peer
            .tell(Request::Open { workers: WORKERS })
            .and_then(|()| ask(peer))
            .and_then(|sample| peer.tell(Request::Close).map(|()| sample));
        match sample {
            Ok(sample) => self.contender.record(sample),
            Err(error) => {
                self.contender.absent = Some(error.to_string());
                self.peer = None;
            }
        }
    }
}

/// Replaces the line that a terminal shows; a file gets none of it.
fn progress(text: &str) {
    if io::stderr().is_terminal() {
        eprint!("\r\x1b[K{text}");
    }
}

/// The number of repetitions that take about `seconds`, when `few` took `took` seconds: at least one, and
/// at most `most`.
pub(crate) fn repetitions(few: u64, took: f64, seconds: f64, most: u64) -> u64 {
    let fitting = few as f64 / took.max(1e-9) * seconds;
    (fitting as u64).clamp(1, most.max(1))
}
