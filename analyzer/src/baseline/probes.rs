//! Interim analyses of a check and the confidence that each requires.
//!
//! Stopping at the first significant of several analyses raises the rate of false alarms.
//! Each of `k` analyses therefore has an error rate of `0.05 / k` (Bonferroni), so that the
//! error rate of a check is at most 5 % regardless of how the analyses correlate.

/// Maximum number of analyses of a check.
const MAX_ANALYSES: usize = 3;
/// Rate of false alarms of a whole check.
const ALPHA: f64 = 0.05;

/// Returns the numbers of runs at which to analyse, and the confidence of each analysis.
pub fn analyses(repeat: usize, max_repeat: usize) -> (Vec<usize>, f64) {
    let (first, last) = (repeat.max(1), max_repeat.max(repeat).max(1));
    let step = |at: usize| first + ((last - first) * at).div_ceil(MAX_ANALYSES - 1);
    let mut analyses: Vec<usize> = (0..MAX_ANALYSES).map(step).collect();
    analyses.dedup();
    let confidence = 1.0 - ALPHA / analyses.len() as f64;
    (analyses, confidence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_analysis_is_after_repeat_and_the_last_after_max_repeat() {
        assert_eq!(analyses(5, 10), (vec![5, 8, 10], 1.0 - 0.05 / 3.0));
        assert_eq!(analyses(5, 6).0, [5, 6]);
        assert_eq!(analyses(5, 5), (vec![5], 0.95));
        assert_eq!(analyses(5, 2).0, [5]);
        assert_eq!(analyses(0, 0).0, [1]);
    }
}
