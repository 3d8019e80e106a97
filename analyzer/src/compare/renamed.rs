//! Finds kinds that may be one kind under two names.
//!
//! A renamed span appears as one removed and one added kind. If two paths of equal length
//! differ in a single name and have a similar share of the energy, a rename is likely but not
//! certain: it is suggested, without further conclusions. Kinds below a renamed one differ from
//! their old paths in the same single name.
//!
//! ```text
//! removed  run > mlp > up    12 %  ---  renamed?  ---  added  run > ffn > up   11 %
//! removed  run > mlp > down   9 %       two names      added  run > ffn > out   9 %
//! ```

/// Maximum ratio of the shares.
const SIMILAR: f64 = 1.25;

/// Returns pairs of a removed and an added name, each given with its share: the most similar
/// shares first, each name at most once.
pub(super) fn renamed<'n>(
    removed: &[(&'n str, f64)],
    added: &[(&'n str, f64)],
) -> Vec<(&'n str, &'n str)> {
    let distance = |old: &(&str, f64), new: &(&str, f64)| {
        let distance = (old.1 / new.1).ln().abs();
        (differ_in_one_name(old.0, new.0) && distance <= SIMILAR.ln()).then_some(distance)
    };
    let mut candidates: Vec<(f64, &str, &str)> = removed
        .iter()
        .flat_map(|old| added.iter().map(move |new| (old, new)))
        .filter_map(|(old, new)| Some((distance(old, new)?, old.0, new.0)))
        .collect();
    candidates.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    for (_, old, new) in candidates {
        if !pairs.iter().any(|(a, b)| *a == old || *b == new) {
            pairs.push((old, new));
        }
    }
    pairs
}

fn differ_in_one_name(old: &str, new: &str) -> bool {
    let parts = |path: &str| -> Vec<String> { path.split(" > ").map(str::to_owned).collect() };
    let (old, new) = (parts(old), parts(new));
    old.len() == new.len() && old.iter().zip(&new).filter(|(a, b)| a != b).count() == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_changed_name_with_a_similar_share_is_suggested() {
        let removed = [
            ("run > mlp > up", 0.12),
            ("run > mlp > down", 0.09),
            ("run > x", 0.30),
        ];
        let added = [
            ("run > ffn > up", 0.11),
            ("run > ffn > out", 0.09),
            ("run > y", 0.02),
        ];
        assert_eq!(
            renamed(&removed, &added),
            [("run > mlp > up", "run > ffn > up")]
        );
    }

    #[test]
    fn the_most_similar_are_paired_and_no_name_twice() {
        let removed = [("r > a", 0.20), ("r > b", 0.22)];
        let added = [("r > c", 0.22), ("r > d", 0.19)];
        assert_eq!(
            renamed(&removed, &added),
            [("r > b", "r > c"), ("r > a", "r > d")]
        );
        assert_eq!(renamed(&removed, &added[..1]), [("r > b", "r > c")]);
        assert_eq!(renamed(&[("r > a", 0.0)], &added), []);
    }
}
