//! Decides which packs count.
//!
//! ```text
//! a1   0 1 2       no last one: counts while no other attribution is complete
//! a2   0 1 2 F     complete: counts
//! a3   0 _ 2 F     a bucket is missing: does not count
//! ```

use std::collections::BTreeMap;

use super::filter::PullFilter;
use super::report::PullReport;
use crate::columns::PACKS;
use crate::compact::{PackKey, is_compacted, is_newer_pack};
use crate::destination::Destination;
use crate::encode::{Cell, decode};
use crate::error::{Error, Result};

/// Rows of the manifest of a pack, of which there is at least one.
#[derive(Debug, Clone, Default)]
pub(super) struct ManifestRows {
    /// Name of the compacted object that holds the pack; `None`: it has objects of its own.
    pub(super) origin: Option<String>,
    pub(super) rows: Vec<Vec<Cell>>,
}

/// Packs of a run that count, in order.
#[derive(Debug, Clone, Default)]
pub(super) struct RunPacks {
    pub(super) packs: Vec<ManifestRows>,
    /// Whether the last one ends the run.
    pub(super) is_complete: bool,
}

impl RunPacks {
    /// Returns a row of the last manifest.
    pub(super) fn manifest(&self) -> Option<&Vec<Cell>> {
        self.packs.last()?.rows.first()
    }

    /// Returns the id of the run.
    pub(super) fn uuid(&self) -> Option<String> {
        PackKey::of(self.manifest()?).map(|key| key.run)
    }
}

/// Buckets of an attribution: the rows of their manifests.
type Buckets = BTreeMap<i64, ManifestRows>;
/// Attributions of a run, by host and run.
type Attributions = BTreeMap<(Option<String>, String), BTreeMap<i64, Buckets>>;

/// Returns the packs that count, of all runs that the filter may select.
pub(super) fn counting_packs(
    source: &dyn Destination,
    filter: &PullFilter,
    report: &mut PullReport,
) -> Result<Vec<RunPacks>> {
    let mut all = Attributions::new();
    let mut newer = 0_u64;
    for object in source.list("v1/packs")? {
        // Removed since it was listed: compacted.
        let Some(bytes) = source.get(&object.path)? else {
            continue;
        };
        let origin = is_compacted(object.name()).then(|| object.name().to_owned());
        let read = decode(&object.path, bytes, &PACKS, &mut |row| {
            newer += u64::from(is_newer_pack(&row));
            if filter.selects_pack(&row) {
                insert(&mut all, row, origin.as_ref());
            }
            Ok(())
        });
        match read {
            Err(Error::Conflict(why)) => report.fault(why),
            read => read?,
        }
    }
    if newer > 0 {
        report.warnings.push(format!(
            "{newer} tables were written by a newer version: columns that this one does not know are \
             left out; update this program"
        ));
    }
    Ok(all.into_values().filter_map(counting).collect())
}

/// Adds a row of a manifest. Of several manifests of a pack, the compacted one with the greatest name
/// counts.
fn insert(all: &mut Attributions, row: Vec<Cell>, origin: Option<&String>) {
    let Some(key) = PackKey::of(&row) else {
        return;
    };
    let run = all.entry((key.host_id, key.run)).or_default();
    let buckets = run.entry(key.attribution).or_default();
    let pack = buckets.entry(key.bucket).or_default();
    if pack.rows.is_empty() || origin > pack.origin.as_ref() {
        *pack = ManifestRows {
            origin: origin.cloned(),
            rows: Vec::new(),
        };
    }
    if origin == pack.origin.as_ref() {
        pack.rows.push(row);
    }
}

/// Returns the highest complete attribution, else the beginning of the highest one.
fn counting(attributions: BTreeMap<i64, Buckets>) -> Option<RunPacks> {
    let mut prefixes: Vec<RunPacks> = attributions.into_values().map(prefix).collect();
    prefixes.retain(|packs| !packs.packs.is_empty());
    let complete = prefixes.iter().rposition(|packs| packs.is_complete);
    let at = complete.or(prefixes.len().checked_sub(1))?;
    prefixes.into_iter().nth(at)
}

/// Returns the buckets without a gap.
fn prefix(buckets: Buckets) -> RunPacks {
    let final_at = PACKS.position("final").unwrap_or(0);
    let mut found = RunPacks::default();
    for (expected, (bucket, pack)) in (0..).zip(buckets) {
        if bucket != expected || found.is_complete {
            break;
        }
        let is_final = |row: &Vec<Cell>| row.get(final_at).is_some_and(Cell::is_true);
        found.is_complete = pack.rows.iter().any(is_final);
        found.packs.push(pack);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(attribution: i64, bucket: i64, is_final: bool) -> Vec<Cell> {
        let mut row = vec![Cell::Null; PACKS.columns().count()];
        row[3] = Cell::from("run");
        row[4] = Cell::Whole(attribution);
        row[5] = Cell::Whole(bucket);
        row[PACKS.position("final").unwrap()] = Cell::Flag(is_final);
        row
    }

    /// Returns attribution and number of buckets that count.
    fn counted(rows: &[(i64, i64, bool)]) -> Option<(i64, usize)> {
        let mut all = Attributions::new();
        rows.iter()
            .for_each(|(a, b, f)| insert(&mut all, row(*a, *b, *f), None));
        let packs = counting(all.into_values().next()?)?;
        Some((packs.packs[0].rows[0][4].whole()?, packs.packs.len()))
    }

    #[test]
    fn the_highest_complete_attribution_counts() {
        let a1 = [(1, 0, false), (1, 1, false)];
        assert_eq!(counted(&a1), Some((1, 2)));
        assert_eq!(counted(&[&a1[..], &[(2, 0, true)]].concat()), Some((2, 1)));
        assert_eq!(counted(&[(1, 0, true), (2, 0, false)]), Some((1, 1)));
        assert_eq!(counted(&[(1, 0, true), (3, 1, true)]), Some((1, 1)));
        assert_eq!(counted(&[(1, 0, false), (1, 2, true)]), Some((1, 1)));
        assert_eq!(counted(&[(2, 1, true)]), None);
    }
}
