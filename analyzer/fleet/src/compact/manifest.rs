//! Rows of manifests.

use crate::columns::{PACKS, is_newer};
use crate::encode::Cell;

/// Beginning of the names of compacted objects.
const COMPACTED: &str = "compacted.";

/// A pack, in the order of rows of compacted objects: all rows of a pack are together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PackKey {
    pub(crate) host_id: Option<String>,
    pub(crate) run: String,
    pub(crate) bucket: i64,
    pub(crate) attribution: i64,
}

impl PackKey {
    /// Returns the pack of a row of any table; `None` if the row lacks one of its keys.
    pub(crate) fn of(row: &[Cell]) -> Option<Self> {
        Some(Self {
            host_id: row.first()?.text().map(str::to_owned),
            run: row.get(3)?.text()?.to_owned(),
            attribution: row.get(4)?.whole()?,
            bucket: row.get(5)?.whole()?,
        })
    }
}

/// Returns whether an object of that name holds many packs.
pub(crate) fn is_compacted(name: &str) -> bool {
    name.starts_with(COMPACTED)
}

/// Returns the name of a compacted object. Names ascend with their numbers.
pub(super) fn compacted_name(generation: u32) -> String {
    format!("{COMPACTED}{generation:08}.parquet")
}

/// Returns the number in the name of a compacted object.
pub(super) fn generation(name: &str) -> Option<u32> {
    name.strip_prefix(COMPACTED)?
        .split('.')
        .next()?
        .parse()
        .ok()
}

/// Returns the object that a row of a manifest names.
pub(crate) fn object_of(row: &[Cell]) -> Option<&str> {
    PACKS.text(row, "object")
}

/// Returns the SHA-256 in a row of a manifest.
pub(crate) fn sha256_in(row: &[Cell]) -> Option<&str> {
    PACKS.text(row, "sha256")
}

/// Returns the table that a row of a manifest describes.
pub(crate) fn table_in(row: &[Cell]) -> Option<&str> {
    PACKS.text(row, "table_name")
}

/// Returns the number of rows that a row of a manifest states.
pub(crate) fn rows_in(row: &[Cell]) -> u64 {
    let rows = PACKS.whole(row, "rows").unwrap_or(0);
    u64::try_from(rows).unwrap_or(0)
}

/// Returns whether a newer program has written the pack of a row of a manifest.
pub(crate) fn is_newer_pack(row: &[Cell]) -> bool {
    is_newer(PACKS.whole(row, "schema_version"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_compacted_objects_ascend() {
        assert_eq!(compacted_name(1), "compacted.00000001.parquet");
        assert!(compacted_name(9) < compacted_name(10));
        assert_eq!(generation(&compacted_name(12)), Some(12));
        assert_eq!(generation("ab.run.0.a1.parquet"), None);
        assert!(is_compacted(&compacted_name(1)) && !is_compacted("5eed.x.0.a1.parquet"));
    }
}
