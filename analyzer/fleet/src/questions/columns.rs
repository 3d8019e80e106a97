//! Columns of packs, version 1.

/// Type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// UTF-8 text.
    Text,
    /// 64-bit integer.
    Whole,
    /// Energy in nJ or a duration in ns: a 64-bit integer whose sums are wider.
    Summed,
    /// 64-bit floating point.
    Real,
    /// True or false.
    Flag,
}

/// A table of packs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackTable {
    /// Name of its folder and of its view.
    pub name: &'static str,
    texts: &'static str,
    wholes: &'static str,
    flags: &'static str,
    reals: &'static str,
}

const KEY_TEXTS: &str = "host_id host service run";
const KEY_WHOLES: &str = "attribution bucket";

/// All tables. `packs` is the first, the others are read by joining it.
pub const TABLES: [PackTable; 9] = [
    PackTable {
        name: "packs",
        texts: "writer method provenance table_name object sha256",
        wholes: "start_unix_ns end_unix_ns schema_version rows sum_nj",
        flags: "final",
        reals: "",
    },
    PackTable {
        name: "runs",
        texts: "name status model precision engine chip os version program_version tags",
        wholes: "batch start_unix_ns bucket_start_unix_ns bucket_end_unix_ns duration_ns \
                 input_tokens output_tokens requests measured_nj active_nj",
        flags: "",
        reals: "",
    },
    PackTable {
        name: "rails",
        texts: "rail source name kind parent provenance",
        wholes: "interval_ns",
        flags: "root",
        reals: "idle_w",
    },
    PackTable {
        name: "accounts",
        texts: "rail",
        wholes: "duration_ns covered_ns measured_nj idle_nj spans_nj unattributed_nj \
                 other_processes_nj profiler_nj residual_nj unknown_nj extrapolated_nj",
        flags: "root",
        reals: "",
    },
    PackTable {
        name: "kinds",
        texts: "rail kind role basis",
        wholes: "self_nj idle_nj lo_nj hi_nj self_ns covered_ns activations instances",
        flags: "root",
        reals: "",
    },
    PackTable {
        name: "phases",
        texts: "rail phase",
        wholes: "node duration_ns covered_ns measured_nj extrapolated_nj idle_nj spans_nj",
        flags: "root",
        reals: "",
    },
    PackTable {
        name: "nodes",
        texts: "rail label kind role basis",
        wholes: "node parent depth self_nj idle_nj self_ns activations instances",
        flags: "root",
        reals: "",
    },
    PackTable {
        name: "requests",
        texts: "kind role label trace_id rail",
        wholes: "span token start_unix_ns duration_ns energy_nj self_nj idle_nj measured_nj \
                 covered_ns",
        flags: "root",
        reals: "",
    },
    PackTable {
        name: "spans",
        texts: "kind role thread trace_id rail",
        wholes: "span parent node start_unix_ns duration_ns self_nj sample_rate",
        flags: "root",
        reals: "",
    },
];

impl PackTable {
    /// Returns its columns with their types.
    pub fn columns(&self) -> impl Iterator<Item = (&'static str, ColumnType)> {
        let named = [
            (KEY_TEXTS, ColumnType::Text),
            (KEY_WHOLES, ColumnType::Whole),
            (self.texts, ColumnType::Text),
            (self.wholes, ColumnType::Whole),
            (self.flags, ColumnType::Flag),
            (self.reals, ColumnType::Real),
        ];
        named
            .into_iter()
            .flat_map(|(names, kind)| names.split_whitespace().map(move |name| (name, kind)))
            .map(|(name, kind)| (name, summed(name, kind)))
    }

    /// Returns the names of its columns and of those that views add: `date` and `file`.
    pub fn view_columns(&self) -> Vec<&'static str> {
        let own = self.columns().map(|(name, _)| name);
        own.chain(["date", "file"]).collect()
    }
}

fn summed(name: &str, kind: ColumnType) -> ColumnType {
    let is_sum = name.ends_with("_nj") || (name.ends_with("_ns") && !name.ends_with("_unix_ns"));
    if is_sum { ColumnType::Summed } else { kind }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn energies_and_durations_have_wide_sums_and_times_of_day_do_not() {
        let accounts = TABLES
            .iter()
            .find(|table| table.name == "accounts")
            .unwrap();
        let of = |wanted: &str| {
            accounts
                .columns()
                .find(|(name, _)| *name == wanted)
                .unwrap()
                .1
        };
        assert_eq!(of("measured_nj"), ColumnType::Summed);
        assert_eq!(of("covered_ns"), ColumnType::Summed);
        assert_eq!(of("bucket"), ColumnType::Whole);
        let packs = TABLES[0]
            .columns()
            .find(|(name, _)| *name == "start_unix_ns");
        assert_eq!(packs.unwrap().1, ColumnType::Whole);
    }
}
