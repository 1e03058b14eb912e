//! Statistics of many measured numbers.
//!
//! Owns medians, quantiles and ratios. Must not know the meaning of the numbers.

/// Returns the middle of `values`, or NaN when there are none.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// Returns the mean of `values`, or NaN when there are none.
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Returns the largest of `values`, or NaN when there are none.
pub(crate) fn largest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NAN, f64::max)
}

/// Returns the smallest value that at least `share` of all `nanos` do not exceed; 0 when there are none.
/// It is always a measured value, never one between two.
pub(crate) fn quantile(nanos: &[u64], share: f64) -> u64 {
    let mut sorted = nanos.to_vec();
    sorted.sort_unstable();
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

/// Divides block by block. Blocks that only one side has are left out.
pub(crate) fn ratios(above: &[f64], below: &[f64]) -> Vec<f64> {
    above.iter().zip(below).map(|(above, below)| above / below).collect()
}

/// Subtracts block by block, as [`ratios`] divides.
pub(crate) fn differences(from: &[f64], what: &[f64]) -> Vec<f64> {
    from.iter().zip(what).map(|(from, what)| from - what).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_ignores_one_wild_block() {
        assert_eq!(median(&[3.0, 1.0, 1000.0]), 3.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn mean_and_largest() {
        assert_eq!(mean(&[1.0, 2.0, 6.0]), 3.0);
        assert_eq!(largest(&[1.0, 6.0, 2.0]), 6.0);
        assert!(largest(&[]).is_nan() && mean(&[]).is_nan());
    }

    #[test]
    fn quantiles_are_measured_values() {
        let nanos: Vec<u64> = (1..=100).rev().collect();
        assert_eq!(quantile(&nanos, 0.5), 50);
        assert_eq!(quantile(&nanos, 0.99), 99);
        assert_eq!(quantile(&nanos, 1.0), 100);
        assert_eq!(quantile(&[7], 0.01), 7);
        assert_eq!(quantile(&[], 0.5), 0);
    }

    #[test]
    fn ratios_pair_the_blocks_of_one_round() {
        // The machine was half as fast in the second round, and the third was not finished.
        assert_eq!(ratios(&[2.0, 4.0, 99.0], &[1.0, 2.0]), [2.0, 2.0]);
        assert_eq!(differences(&[2.0, 4.0], &[1.0, 1.5, 9.0]), [1.0, 2.5]);
    }
}
