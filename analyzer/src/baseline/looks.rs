//! When a check looks at its runs, and how sure it must be each time.
//!
//! Who looks often, and stops at the first look that says what he fears, is wrong more
//! often than each look is. Each of `k` looks may therefore be wrong in `0.05 / k` of
//! cases only (Bonferroni): a check is wrong in at most 5 %, whatever the looks have in
//! common.

/// Looks of one check.
const MOST: usize = 3;
/// The rate of false alarms of a whole check.
const ALPHA: f64 = 0.05;

/// Numbers of runs at which to look, and the confidence of each look.
pub fn looks(repeat: usize, max_repeat: usize) -> (Vec<usize>, f64) {
    let (first, last) = (repeat.max(1), max_repeat.max(repeat).max(1));
    let step = |at: usize| first + ((last - first) * at).div_ceil(MOST - 1);
    let mut looks: Vec<usize> = (0..MOST).map(step).collect();
    looks.dedup();
    let confidence = 1.0 - ALPHA / looks.len() as f64;
    (looks, confidence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_look_is_after_repeat_and_the_last_after_max_repeat() {
        assert_eq!(looks(5, 10), (vec![5, 8, 10], 1.0 - 0.05 / 3.0));
        assert_eq!(looks(5, 6).0, [5, 6]);
        assert_eq!(looks(5, 5), (vec![5], 0.95));
        assert_eq!(looks(5, 2).0, [5]);
        assert_eq!(looks(0, 0).0, [1]);
    }
}
