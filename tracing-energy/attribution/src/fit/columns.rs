//! Columns of the fit: kinds that are fitted alone or together.

use std::collections::BTreeMap;

use super::input::KindInfo;

/// Share of the time below which kinds are fitted together if there are many.
const SMALL_SHARE: f64 = 5e-4;

/// The unknowns of a fit: one per kind that ran, or per parent for small ones.
#[derive(Debug, Clone, Default)]
pub(super) struct Columns {
    /// The column of each kind; `None` if it never ran.
    pub(super) of_kind: Vec<Option<u32>>,
    /// Index of each column's parent among all parents.
    pub(super) parent: Vec<u32>,
    /// The kinds of each column.
    pub(super) members: Vec<Vec<u32>>,
    /// Number of kinds in columns of several kinds.
    pub(super) pooled: usize,
}

impl Columns {
    /// Creates at most about `most` columns. `seconds` is the time of each kind.
    pub(super) fn new(kinds: &[KindInfo], seconds: &[f64], most: usize) -> Self {
        let ran: Vec<u32> = (0..kinds.len() as u32)
            .filter(|&k| seconds[k as usize] > 0.0)
            .collect();
        let total: f64 = seconds.iter().sum();
        let parent_of = |k: u32| kinds[k as usize].parent.map_or(0, |p| p + 1);
        let mut bar = if ran.len() > most {
            SMALL_SHARE * total
        } else {
            0.0
        };
        let mut whole_tree = false;
        loop {
            let mut keys: BTreeMap<(u32, u32), Vec<u32>> = BTreeMap::new();
            for &k in &ran {
                let small = seconds[k as usize] < bar;
                let key = match (small, whole_tree) {
                    (false, _) => (parent_of(k), k + 1),
                    (true, false) => (parent_of(k), 0),
                    (true, true) => (0, 0),
                };
                keys.entry(key).or_default().push(k);
            }
            if keys.len() <= most.max(2) {
                return Self::from_keys(kinds.len(), keys);
            }
            // Too many parents: merge all small kinds into one column, and raise the bar.
            bar = if whole_tree { bar * 2.0 } else { bar };
            whole_tree = true;
        }
    }

    fn from_keys(kinds: usize, keys: BTreeMap<(u32, u32), Vec<u32>>) -> Self {
        let mut columns = Self {
            of_kind: vec![None; kinds],
            ..Self::default()
        };
        let mut parents = BTreeMap::new();
        for ((parent, _), members) in keys {
            let next = parents.len() as u32;
            columns.parent.push(*parents.entry(parent).or_insert(next));
            for &k in &members {
                columns.of_kind[k as usize] = Some(columns.members.len() as u32);
            }
            if members.len() > 1 {
                columns.pooled += members.len();
            }
            columns.members.push(members);
        }
        columns
    }

    pub(super) fn len(&self) -> usize {
        self.members.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_kinds_become_few_columns_and_none_is_lost() {
        let kinds: Vec<KindInfo> = (0..10_000)
            .map(|k| KindInfo {
                parent: (k % 7 != 0).then_some(k / 3),
            })
            .collect();
        let seconds: Vec<f64> = (0..10_000).map(|k| 1.0 / f64::from(k + 1)).collect();
        let columns = Columns::new(&kinds, &seconds, 300);
        assert!(columns.len() <= 300);
        assert!(columns.of_kind.iter().all(Option::is_some));
        assert_eq!(columns.members.iter().map(Vec::len).sum::<usize>(), 10_000);
    }

    #[test]
    fn few_kinds_stay_alone() {
        let columns = Columns::new(&[KindInfo::default(); 3], &[1.0, 0.0, 1e-9], 300);
        assert_eq!(columns.len(), 2);
        assert_eq!(columns.of_kind, [Some(0), None, Some(1)]);
        assert_eq!(columns.pooled, 0);
    }
}
