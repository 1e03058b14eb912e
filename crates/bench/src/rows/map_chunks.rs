//! Whether `map`'s own choice of chunks is a good one: part of the row `map`.
//!
//! *Against fixed sizes*: all take turns in every round, on the ten million numbers of `map`; the
//! ratio is our time to that of the fixed size whose median is best, block by block.
//!
//! *For items of 1, 10 and 300 µs*: the total time against the ideal one, the total work divided by the
//! number of workers, or of CPUs if there are fewer. The work is a number of loop turns, not a time by the
//! clock, so that an interruption does not shorten it; its duration is measured in this process in the
//! same round, on a tenth of the items, and not assumed.

use std::hint::black_box;
use std::time::Duration;

use procpool::ProcessPoolExecutor;

use crate::Outcome;
use crate::bench::{Bench, empty_chart};
use crate::cpus;
use crate::row::{Better, Chart, Contender, Figure, Kind, Sample};
use crate::statistics::{median, ratios};
use crate::target::{Target, number};
use crate::timing::seconds;

/// The number of items.
pub(crate) const ITEMS: u64 = 10_000_000;
/// The fixed sizes for comparison.
const SIZES: [usize; 4] = [100, 1_000, 10_000, 100_000];
/// The lengths of the items, and how many take 0.4 s on two CPUs.
const LENGTHS: [(Duration, u64); 3] = [
    (Duration::from_micros(1), 800_000),
    (Duration::from_micros(10), 80_000),
    (Duration::from_micros(300), 2_666),
];

/// A whole map; the figure is items per second.
pub(crate) fn block(executor: &ProcessPoolExecutor, chunksize: Option<usize>) -> Outcome<Sample> {
    let (took, sum) = seconds(|| {
        let results = match chunksize {
            Some(chunksize) => {
                executor.map_options().chunksize(chunksize).map(|x: u64| x + 1, 0..ITEMS)
            }
            None => executor.map(|x: u64| x + 1, 0..ITEMS),
        };
        let mut sum = 0;
        for result in results {
            sum += result?;
        }
        Ok(sum)
    })?;
    check(sum, ITEMS * (ITEMS + 1) / 2)?;
    Ok(Sample::from(ITEMS as f64 / took))
}

pub(super) fn check(sum: u64, expected: u64) -> Outcome {
    if sum == expected { Ok(()) } else { Err(format!("the sum is {sum}, not {expected}").into()) }
}

/// The adaptive size against the best fixed one.
pub(crate) fn adaptive(bench: &Bench, executor: &ProcessPoolExecutor) -> Outcome<(Figure, Chart)> {
    let mut contenders = vec![Contender::new("adaptive", Kind::Procpool)];
    let names = SIZES.map(|size| Contender::new(format!("chunks of {size}"), Kind::Procpool));
    contenders.extend(names);
    for _ in 0..bench.rounds(3, 7) {
        contenders[0].record(block(executor, None)?);
        for (contender, size) in contenders[1..].iter_mut().zip(SIZES) {
            contender.record(block(executor, Some(size))?);
        }
    }
    let fixed = contenders[1..].iter();
    let best = fixed.max_by(|a, b| a.median().total_cmp(&b.median())).ok_or("no fixed size")?;
    // Rates: the ratio of the times is the inverse.
    let blocks = ratios(&best.blocks, &contenders[0].blocks);
    let note = format!("{} items/s with {}", number(best.median()), best.name);
    let figure = Figure::judged("time to the best fixed chunk", "×", blocks, Target::AtMost(1.15));
    let title = "Adaptive and fixed chunks";
    let chart = empty_chart("map-chunks", title, "items/s", Better::Higher);
    Ok((figure.with_note(note), Chart { contenders, ..chart }))
}

/// Items of several lengths, each against the ideal.
pub(crate) fn of_any_length(bench: &Bench, executor: &ProcessPoolExecutor) -> Outcome<Vec<Figure>> {
    let per_nano = turns_per_nano()?;
    let at_work = cpus::count()?.min(2) as f64;
    let mut figures = Vec::new();
    for (length, count) in LENGTHS {
        let turns = (length.as_nanos() as f64 * per_nano) as u64;
        let (us, ideal) = bench.duel(
            bench.rounds(5, 11),
            &mut || {
                let (took, ()) = seconds(|| {
                    let mut results = executor.map(turn, (0..count).map(|_| turns));
                    Ok(results.try_for_each(|result| result.map(|_| ()))?)
                })?;
                Ok(Sample::from(took))
            },
            "ideal",
            &mut || {
                let tenth = count / 10;
                let (took, ()) = seconds(|| {
                    (0..tenth).for_each(|_| {
                        black_box(turn(black_box(turns)));
                    });
                    Ok(())
                })?;
                Ok(Sample::from(took / tenth as f64 * count as f64 / at_work))
            },
        )?;
        let name = format!("items of {} µs, to the ideal", length.as_micros());
        let note = format!("{} s, ideal {} s", number(us.median()), number(ideal.median()));
        let blocks = ratios(&us.blocks, &ideal.blocks);
        let figure = Figure::judged(name, "×", blocks, Target::AtMost(1.2));
        figures.push(figure.with_note(note));
    }
    Ok(figures)
}

/// Turns a loop `turns` times that the compiler cannot shorten. Returns a small value: its transfer does
/// not matter.
fn turn(turns: u64) -> u8 {
    let mut state = 1_u64;
    for _ in 0..turns {
        state = black_box(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
    }
    (state >> 56) as u8
}

/// The number of turns in a nanosecond. It sizes the items only; the ideal is measured anew.
fn turns_per_nano() -> Outcome<f64> {
    const TURNS: u64 = 2_000_000;
    let mut rates = Vec::new();
    for _ in 0..9 {
        let (took, _) = seconds(|| Ok(turn(black_box(TURNS))))?;
        rates.push(TURNS as f64 / took / 1e9);
    }
    Ok(median(&rates))
}
