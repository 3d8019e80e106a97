//! Finds times from before a clock was set. A sensor that starts with a clock in 1970 would
//! make a run of 56 years.

/// Longest pause of a recording; a clock that is set jumps by more.
const LONGEST_PAUSE_NS: i64 = 180 * 86_400 * 1_000_000_000;

/// Returns the range of the largest group of `times` that are separated by pauses of half a
/// year, or the latest of equal ones. Returns `None` if all times are one group.
pub fn main_group(times: impl IntoIterator<Item = i64>) -> Option<(i64, i64)> {
    let mut times: Vec<i64> = times.into_iter().collect();
    times.sort_unstable();
    let is_near = |a: &i64, b: &i64| b - a < LONGEST_PAUSE_NS;
    let groups = times.chunk_by(is_near);
    times.chunk_by(is_near).nth(1)?;
    let largest = groups.max_by_key(|group| group.len())?;
    Some((*largest.first()?, *largest.last()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_group_is_found() {
        const NOW: i64 = 1_790_000_000_000_000_000;
        const MONTH: i64 = 30 * 86_400_000_000_000;
        for (times, expected) in [
            (vec![], None),
            (vec![5], None),
            (vec![NOW, NOW + MONTH, NOW + 6 * MONTH - 1], None),
            (vec![0, NOW, NOW + 1], Some((NOW, NOW + 1))),
            (vec![NOW, 0, NOW + MONTH], Some((NOW, NOW + MONTH))),
            (vec![1, 2, 3, NOW], Some((1, 3))),
            (vec![0, NOW], Some((NOW, NOW))),
        ] {
            assert_eq!(main_group(times.clone()), expected, "{times:?}");
        }
    }
}
