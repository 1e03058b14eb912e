//! The expectations of a process pool's users, by the names of the rows: the list that this crate's tests and
//! the cases of the conformance suite both account for.

use std::ops::RangeInclusive;

/// The areas and the numbers of their rows. A number that was given up is not used again.
pub(crate) const AREAS: [(&str, &[RangeInclusive<u8>]); 18] = [
    ("CFG", &[1..=13]),
    ("SUB", &[1..=19, 21..=27]),
    ("MAP", &[1..=25]),
    ("FUT", &[1..=12, 14..=17]),
    ("WAIT", &[1..=15]),
    ("SHUT", &[1..=24, 26..=33]),
    ("BRK", &[1..=7, 10..=25]),
    ("INIT", &[1..=12]),
    ("CAN", &[1..=7]),
    ("TMO", &[1..=8]),
    ("MTC", &[1..=4, 6..=8]),
    ("SPAWN", &[1..=8]),
    ("SER", &[1..=16]),
    ("PAR", &[1..=4]),
    ("NEST", &[1..=5]),
    ("FORK", &[1..=6]),
    ("OUT", &[1..=4]),
    ("LEAK", &[1..=7]),
];

/// Every row, in the order of the areas.
pub(crate) fn rows() -> Vec<String> {
    let numbers = |(area, ranges): &(&str, &[RangeInclusive<u8>])| {
        let numbers = ranges.iter().cloned().flatten();
        numbers.map(|number| format!("{area}-{number:02}")).collect::<Vec<_>>()
    };
    AREAS.iter().flat_map(numbers).collect()
}
