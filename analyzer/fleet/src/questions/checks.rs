//! Checks of a fleet: queries that must return no row.

use energy_query::format::Column;

/// A check: each row of its query is a fault.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// Its name.
    pub name: &'static str,
    /// What holds if it has no rows.
    pub about: &'static str,
    /// Its SQL: one SELECT over the views of what was sent.
    pub sql: &'static str,
}

/// All checks.
pub const CHECKS: [Check; 8] = [
    Check {
        name: "balance",
        about: "accounts of each rail sum to its measured energy",
        sql: include_str!("sql/checks/balance.sql"),
    },
    Check {
        name: "kinds",
        about: "operations of each rail sum to the account of spans",
        sql: include_str!("sql/checks/kinds.sql"),
    },
    Check {
        name: "nodes",
        about: "call paths of each rail sum to the account of spans",
        sql: include_str!("sql/checks/nodes.sql"),
    },
    Check {
        name: "tables",
        about: "tables have the rows and sums of their manifest",
        sql: include_str!("sql/checks/tables.sql"),
    },
    Check {
        name: "sequence",
        about: "buckets of each run have no gap",
        sql: include_str!("sql/checks/sequence.sql"),
    },
    Check {
        name: "manifests",
        about: "rows older than a day have a manifest",
        sql: include_str!("sql/checks/manifests.sql"),
    },
    Check {
        name: "hosts",
        about: "a host id is used by one host at a time",
        sql: include_str!("sql/checks/hosts.sql"),
    },
    Check {
        name: "duplicates",
        about: "no pack exists in two versions",
        sql: include_str!("sql/checks/duplicates.sql"),
    },
];

/// Returns the columns of all checks.
pub(super) fn columns() -> Vec<Column> {
    vec![
        Column::text("check", "check"),
        Column::text("problem", "problem"),
        Column::text("object", "object"),
        Column::text("rail", "rail").from_width(200),
        Column::text("expected", "expected"),
        Column::text("found", "found"),
        Column::data("host_id"),
        Column::data("host"),
        Column::data("run"),
        Column::data("attribution"),
        Column::data("bucket"),
    ]
}
