//! Targets, and whether a figure meets one.
//!
//! Must not know how a figure was measured.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

/// A miss up to this share is reported and does not fail the run. A larger one hides real losses; a
/// smaller one fails on a machine that others use at the same time.
const TOLERANCE: f64 = 0.20;

/// The target of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    /// Lower is better.
    AtMost(f64),
    /// Higher is better.
    AtLeast(f64),
}

/// The verdict on a figure. The share missed is 0.35 for 35 %.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    Met,
    /// Missed, within the tolerance.
    Close {
        #[serde(deserialize_with = "or_infinity")]
        missed_by: f64,
    },
    Missed {
        #[serde(deserialize_with = "or_infinity")]
        missed_by: f64,
    },
}

impl Target {
    /// Judges `figure`. One that is not a number misses every target.
    pub(crate) fn verdict(self, figure: f64) -> Verdict {
        let missed_by = match self {
            _ if figure.is_nan() => f64::INFINITY,
            Self::AtMost(bound) if figure <= bound => return Verdict::Met,
            // A bound of 0 has no share.
            Self::AtMost(bound) if bound <= 0.0 => f64::INFINITY,
            Self::AtMost(bound) => figure / bound - 1.0,
            Self::AtLeast(bound) if figure >= bound => return Verdict::Met,
            Self::AtLeast(bound) => 1.0 - figure / bound,
        };
        // A rounding error must not decide on a figure that is off by exactly the tolerance.
        if missed_by <= TOLERANCE + 1e-9 {
            Verdict::Close { missed_by }
        } else {
            Verdict::Missed { missed_by }
        }
    }
}

impl Verdict {
    /// Whether it fails the run.
    pub(crate) fn fails(self) -> bool {
        matches!(self, Self::Missed { .. })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(bound) => write!(f, "≤ {}", number(*bound)),
            Self::AtLeast(bound) => write!(f, "≥ {}", number(*bound)),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Met => f.write_str("met"),
            Self::Close { missed_by } => write!(f, "close: missed by {:.0} %", missed_by * 100.0),
            Self::Missed { missed_by } if missed_by.is_infinite() => f.write_str("MISSED"),
            Self::Missed { missed_by } => write!(f, "MISSED by {:.0} %", missed_by * 100.0),
        }
    }
}

/// Writes a number with about three significant digits, and thousands separated.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    let digits = match size {
        _ if value.fract() == 0.0 => 0,
        100.0.. => 0,
        10.0..100.0 => 1,
        0.1..10.0 => 2,
        _ => 3,
    };
    let text = format!("{value:.digits$}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        let left = whole.len() - index;
        if index > 0 && left.is_multiple_of(3) && digit.is_ascii_digit() && !grouped.ends_with('-')
        {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if fraction.is_empty() { grouped } else { format!("{grouped}.{fraction}") }
}

/// JSON has no infinity; it is written as null.
fn or_infinity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::INFINITY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_lower_is_better_a_fifth_above_is_tolerated() {
        let target = Target::AtMost(100.0);
        assert_eq!(target.verdict(100.0), Verdict::Met);
        assert!(matches!(target.verdict(119.0), Verdict::Close { .. }));
        assert!(!target.verdict(119.0).fails());
        assert!(!target.verdict(120.0).fails());
        assert!(target.verdict(121.0).fails());
    }

    #[test]
    fn where_higher_is_better_a_fifth_below_is_tolerated() {
        let target = Target::AtLeast(100.0);
        assert_eq!(target.verdict(100.0), Verdict::Met);
        assert!(matches!(target.verdict(81.0), Verdict::Close { .. }));
        assert!(!target.verdict(81.0).fails());
        assert!(!target.verdict(80.0).fails());
        assert!(target.verdict(79.0).fails());
    }

    #[test]
    fn a_target_of_zero_has_no_tolerance_and_nan_fails() {
        assert_eq!(Target::AtMost(0.0).verdict(0.0), Verdict::Met);
        assert!(Target::AtMost(0.0).verdict(1.0).fails());
        assert!(Target::AtMost(1.0).verdict(f64::NAN).fails());
        assert!(Target::AtLeast(1.0).verdict(f64::NAN).fails());
        // A difference may be negative.
        assert_eq!(Target::AtMost(0.3).verdict(-2.0), Verdict::Met);
    }

    #[test]
    fn a_verdict_gives_the_margin() {
        assert_eq!(Target::AtMost(1.3).verdict(2.6).to_string(), "MISSED by 100 %");
        assert_eq!(Target::AtLeast(40.0).verdict(36.0).to_string(), "close: missed by 10 %");
        assert_eq!(Target::AtMost(0.0).verdict(3.0).to_string(), "MISSED");
        assert_eq!(Target::AtMost(1.3).to_string(), "≤ 1.30");
        assert_eq!(Target::AtLeast(2_500_000.0).to_string(), "≥ 2,500,000");
    }

    #[test]
    fn numbers_are_printed_in_short_form() {
        let texts = [0.012_34, 0.5, 1.2345, 12.345, 123.45, 1234.5, 1_234_567.8, -1234.5, 0.0];
        let texts = texts.map(number);
        let expected =
            ["0.012", "0.50", "1.23", "12.3", "123", "1,234", "1,234,568", "-1,234", "0"];
        assert_eq!(texts, expected);
    }
}
