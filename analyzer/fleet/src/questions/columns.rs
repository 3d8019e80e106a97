//! Columns of packs as views show them.

use crate::columns::{FLEET_TABLES, FleetTable, PACKS};

/// Returns all tables except the manifest: their rows count if their pack counts.
pub(super) fn tables() -> impl Iterator<Item = &'static FleetTable> {
    FLEET_TABLES.iter().filter(|table| **table != PACKS)
}

/// Returns whether sums of a column exceed 64 bits: energies and durations.
pub(super) fn is_summed(column: &str) -> bool {
    let is_duration = column.ends_with("_ns") && !column.ends_with("_unix_ns");
    column.ends_with("_nj") || is_duration
}

/// Returns the columns of a table's view: its own, and those that views add.
pub(super) fn view_columns(table: &FleetTable) -> Vec<&'static str> {
    let own = table.columns().map(|(name, _)| name);
    own.chain(["date", "file"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn energies_and_durations_have_wide_sums_and_times_of_day_do_not() {
        assert!(is_summed("measured_nj") && is_summed("covered_ns"));
        assert!(!is_summed("bucket") && !is_summed("start_unix_ns"));
    }
}
