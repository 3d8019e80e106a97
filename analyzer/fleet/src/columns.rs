//! The tables of packs with their columns. Any value may be null: unknown.

use self::FleetType::{Flag, Real, Text, Whole};

/// Version of the tables, in the column `schema_version` of `packs`.
pub const PACK_VERSION: i64 = 1;

/// Returns whether a newer program has written a pack of that version: it may have columns that this
/// program does not know.
pub fn is_newer(version: Option<i64>) -> bool {
    version.is_some_and(|version| version > PACK_VERSION)
}

/// Type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FleetType {
    /// Integers: ids, counts, nanoseconds, nanojoules.
    Whole,
    /// Floating-point numbers: watts.
    Real,
    /// Text.
    Text,
    /// True or false.
    Flag,
}

/// A column: its name, with the unit at the end, and its type.
pub type FleetColumn = (&'static str, FleetType);

/// A table of packs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FleetTable {
    /// Name, which is also that of its folder.
    pub name: &'static str,
    /// Its columns, after [`KEYS`].
    pub own: &'static [FleetColumn],
    /// The additive column that `packs.sum_nj` sums; `None`: none.
    pub sum: Option<&'static str>,
}

/// The first columns of every table.
pub const KEYS: &[FleetColumn] = &[
    ("host_id", Text),
    ("host", Text),
    ("service", Text),
    ("run", Text),
    ("attribution", Whole),
    ("bucket", Whole),
];

/// The manifest: one row for each table of a pack. It is written last.
pub const PACKS: FleetTable = FleetTable {
    name: "packs",
    own: &[
        ("start_unix_ns", Whole),
        ("end_unix_ns", Whole),
        ("final", Flag),
        ("schema_version", Whole),
        ("writer", Text),
        ("method", Text),
        ("provenance", Text),
        ("table_name", Text),
        ("object", Text),
        ("rows", Whole),
        ("sum_nj", Whole),
        ("sha256", Text),
    ],
    sum: None,
};

/// Runs: one row.
pub const RUNS: FleetTable = FleetTable {
    name: "runs",
    own: &[
        ("name", Text),
        ("status", Text),
        ("model", Text),
        ("precision", Text),
        ("batch", Whole),
        ("engine", Text),
        ("chip", Text),
        ("os", Text),
        ("version", Text),
        ("program_version", Text),
        ("start_unix_ns", Whole),
        ("bucket_start_unix_ns", Whole),
        ("bucket_end_unix_ns", Whole),
        ("duration_ns", Whole),
        ("input_tokens", Whole),
        ("output_tokens", Whole),
        ("requests", Whole),
        ("measured_nj", Whole),
        ("active_nj", Whole),
        ("tags", Text),
    ],
    sum: None,
};

/// Rails.
pub const RAILS: FleetTable = FleetTable {
    name: "rails",
    own: &[
        ("rail", Text),
        ("source", Text),
        ("name", Text),
        ("kind", Text),
        ("parent", Text),
        ("root", Flag),
        ("provenance", Text),
        ("interval_ns", Whole),
        ("idle_w", Real),
    ],
    sum: None,
};

/// Accounts of each rail.
pub const ACCOUNTS: FleetTable = FleetTable {
    name: "accounts",
    own: &[
        ("rail", Text),
        ("root", Flag),
        ("duration_ns", Whole),
        ("covered_ns", Whole),
        ("measured_nj", Whole),
        ("idle_nj", Whole),
        ("spans_nj", Whole),
        ("unattributed_nj", Whole),
        ("other_processes_nj", Whole),
        ("profiler_nj", Whole),
        ("residual_nj", Whole),
        ("unknown_nj", Whole),
        ("extrapolated_nj", Whole),
    ],
    sum: Some("measured_nj"),
};

/// Operations.
pub const KINDS: FleetTable = FleetTable {
    name: "kinds",
    own: &[
        ("rail", Text),
        ("root", Flag),
        ("kind", Text),
        ("role", Text),
        ("self_nj", Whole),
        ("idle_nj", Whole),
        ("lo_nj", Whole),
        ("hi_nj", Whole),
        ("self_ns", Whole),
        ("covered_ns", Whole),
        ("activations", Whole),
        ("instances", Whole),
        ("basis", Text),
    ],
    sum: Some("self_nj"),
};

/// Phases.
pub const PHASES: FleetTable = FleetTable {
    name: "phases",
    own: &[
        ("rail", Text),
        ("root", Flag),
        ("phase", Text),
        ("node", Whole),
        ("duration_ns", Whole),
        ("covered_ns", Whole),
        ("measured_nj", Whole),
        ("extrapolated_nj", Whole),
        ("idle_nj", Whole),
        ("spans_nj", Whole),
    ],
    sum: Some("measured_nj"),
};

/// Call paths.
pub const NODES: FleetTable = FleetTable {
    name: "nodes",
    own: &[
        ("rail", Text),
        ("root", Flag),
        ("node", Whole),
        ("parent", Whole),
        ("label", Text),
        ("kind", Text),
        ("role", Text),
        ("depth", Whole),
        ("self_nj", Whole),
        ("idle_nj", Whole),
        ("self_ns", Whole),
        ("covered_ns", Whole),
        ("activations", Whole),
        ("instances", Whole),
        ("basis", Text),
    ],
    sum: Some("self_nj"),
};

/// Span entries whose energy is stored one by one. `energy_nj` is the active energy with all below;
/// their own energy is not known.
pub const REQUESTS: FleetTable = FleetTable {
    name: "requests",
    own: &[
        ("span", Whole),
        ("kind", Text),
        ("role", Text),
        ("label", Text),
        ("token", Whole),
        ("trace_id", Text),
        ("start_unix_ns", Whole),
        ("duration_ns", Whole),
        ("rail", Text),
        ("root", Flag),
        ("energy_nj", Whole),
        ("self_nj", Whole),
        ("idle_nj", Whole),
        ("measured_nj", Whole),
        ("covered_ns", Whole),
    ],
    sum: Some("energy_nj"),
};

/// Parts of span entries in the bucket.
pub const SPANS: FleetTable = FleetTable {
    name: "spans",
    own: &[
        ("span", Whole),
        ("parent", Whole),
        ("node", Whole),
        ("kind", Text),
        ("role", Text),
        ("thread", Text),
        ("trace_id", Text),
        ("start_unix_ns", Whole),
        ("duration_ns", Whole),
        ("rail", Text),
        ("root", Flag),
        ("self_nj", Whole),
        ("sample_rate", Whole),
    ],
    sum: Some("self_nj"),
};

/// All tables, the manifest last.
pub const FLEET_TABLES: [FleetTable; 9] = [
    RUNS, RAILS, ACCOUNTS, KINDS, PHASES, NODES, REQUESTS, SPANS, PACKS,
];

impl FleetTable {
    /// Returns all columns.
    pub fn columns(&self) -> impl Iterator<Item = FleetColumn> + use<> {
        KEYS.iter().chain(self.own).copied()
    }

    /// Returns the position of a column among all columns.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.columns().position(|(column, _)| column == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_columns_are_unique_and_sums_exist() {
        for table in FLEET_TABLES {
            let mut names: Vec<&str> = table.columns().map(|(name, _)| name).collect();
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count, "{}", table.name);
            assert!(table.sum.is_none_or(|sum| table.position(sum).is_some()));
            assert!(names.iter().all(|name| !name.ends_with("_j")));
        }
    }
}
