//! Rows of the tables of totals.

use super::{PackPlan, object_path};
use crate::columns::{
    ACCOUNTS, FleetTable, KINDS, NODES, PACK_VERSION, PACKS, PHASES, RAILS, RUNS,
};
use crate::cumulative::{Cumulative, NodeFacts, TotalEntry};
use crate::encode::Cell;

/// Position of `measured_nj` and `idle_nj` among the totals of an account.
const MEASURED_AT: usize = 2;
const IDLE_AT: usize = 3;

/// Returns the values of the key columns.
pub fn keys(plan: &PackPlan) -> Vec<Cell> {
    let run = &plan.run;
    vec![
        (&run.host_id).into(),
        (&run.host).into(),
        (&run.service).into(),
        Cell::from(&run.uuid),
        Cell::Whole(plan.attribution),
        Cell::Whole(plan.bucket),
    ]
}

/// Returns the rows of each table of totals, without key columns.
pub fn table_rows(plan: &PackPlan) -> Vec<(&'static FleetTable, Vec<Vec<Cell>>)> {
    let bucket = plan.after.since(&plan.before);
    let mut tables: Vec<(&FleetTable, Vec<Vec<Cell>>)> = vec![
        (&RUNS, vec![run_row(plan, &bucket)]),
        (&RAILS, rail_rows(&bucket)),
        (&ACCOUNTS, account_rows(&bucket)),
        (&KINDS, kind_rows(plan, &bucket)),
        (&PHASES, phase_rows(&bucket)),
    ];
    if plan.contents.nodes {
        tables.push((&NODES, node_rows(&bucket)));
    }
    tables
}

fn run_row(plan: &PackPlan, bucket: &Cumulative) -> Vec<Cell> {
    let run = &plan.run;
    let measured = root_sum(bucket, |values| values[MEASURED_AT]);
    let active = |totals: &Cumulative| {
        root_sum(totals, |values| {
            values[MEASURED_AT]?.checked_sub(values[IDLE_AT]?)
        })
    };
    // Unknown, too, if an idle energy that was known is not known any more.
    let active = active(&plan.after).and_then(|_| active(bucket));
    // Tokens are known when the run has ended.
    let at_end = |tokens: Option<i64>| Cell::from(tokens.filter(|_| plan.is_final));
    vec![
        (&run.name).into(),
        Cell::from(&run.status),
        (&run.model).into(),
        (&run.precision).into(),
        run.batch.into(),
        (&run.engine).into(),
        (&run.chip).into(),
        (&run.os).into(),
        Cell::from(&run.version),
        (&run.program_version).into(),
        Cell::Whole(run.start_unix_ns),
        Cell::Whole(plan.start_unix_ns()),
        Cell::Whole(plan.end_unix_ns()),
        Cell::Whole(plan.end_ns - plan.start_ns),
        at_end(run.input_tokens),
        at_end(run.output_tokens),
        bucket.requests.into(),
        measured.into(),
        active.into(),
        (&run.tags).into(),
    ]
}

/// Sums over root rails; `None` if there is none, or if one is unknown.
fn root_sum(bucket: &Cumulative, value: impl Fn(&[Option<i64>]) -> Option<i64>) -> Option<i64> {
    let mut sum = None;
    for rail in bucket.rails.iter().filter(|rail| rail.is_root()) {
        let account = bucket
            .accounts
            .iter()
            .find(|one| one.key.rail == rail.rail)?;
        sum = Some(sum.unwrap_or(0_i64).checked_add(value(&account.values)?)?);
    }
    sum
}

fn rail_rows(bucket: &Cumulative) -> Vec<Vec<Cell>> {
    let row = |rail: &crate::cumulative::RailFacts| {
        vec![
            Cell::from(&rail.rail),
            Cell::from(&rail.source),
            Cell::from(&rail.name),
            Cell::from(&rail.kind),
            (&rail.parent).into(),
            Cell::Flag(rail.is_root()),
            Cell::from(&rail.provenance),
            Cell::Whole(rail.interval_ns),
            rail.idle_w.into(),
        ]
    };
    bucket.rails.iter().map(row).collect()
}

/// Returns rail and root, with which most rows begin.
fn rail_cells(bucket: &Cumulative, rail: &str) -> Vec<Cell> {
    vec![Cell::from(rail), Cell::Flag(bucket.is_root(rail))]
}

fn values<K>(entry: &TotalEntry<K>) -> impl Iterator<Item = Cell> + '_ {
    entry.values.iter().map(|value| Cell::from(*value))
}

fn account_rows(bucket: &Cumulative) -> Vec<Vec<Cell>> {
    let row = |entry: &TotalEntry<crate::cumulative::AccountKey>| {
        let mut row = rail_cells(bucket, &entry.key.rail);
        row.extend(values(entry));
        row
    };
    bucket.accounts.iter().map(row).collect()
}

fn kind_rows(plan: &PackPlan, bucket: &Cumulative) -> Vec<Vec<Cell>> {
    let row = |entry: &TotalEntry<crate::cumulative::KindKey>| {
        let (lo, hi) = match plan.is_whole() {
            true => entry.interval,
            false => (None, None),
        };
        let mut row = rail_cells(bucket, &entry.key.rail);
        row.extend([Cell::from(&entry.key.kind), (&entry.key.role).into()]);
        let mut values = values(entry);
        row.extend(values.by_ref().take(2));
        row.extend([lo.into(), hi.into()]);
        row.extend(values);
        row.push((&entry.basis).into());
        row
    };
    bucket.kinds.iter().map(row).collect()
}

fn phase_rows(bucket: &Cumulative) -> Vec<Vec<Cell>> {
    let row = |entry: &TotalEntry<crate::cumulative::PhaseKey>| {
        let mut row = rail_cells(bucket, &entry.key.rail);
        row.extend([Cell::from(&entry.key.phase), entry.key.node.into()]);
        row.extend(values(entry));
        row
    };
    bucket.phases.iter().map(row).collect()
}

fn node_rows(bucket: &Cumulative) -> Vec<Vec<Cell>> {
    let facts = &bucket.node_facts;
    let find = |node: i64| -> Option<&NodeFacts> {
        let at = facts.binary_search_by_key(&node, |facts| facts.node);
        facts.get(at.ok()?)
    };
    let row = |entry: &TotalEntry<crate::cumulative::NodeKey>| {
        let facts = find(entry.key.node);
        let mut row = rail_cells(bucket, &entry.key.rail);
        row.extend([
            Cell::Whole(entry.key.node),
            facts.and_then(|facts| facts.parent).into(),
            facts.map(|facts| facts.label.as_str()).into(),
            facts.and_then(|facts| facts.kind.as_deref()).into(),
            facts.and_then(|facts| facts.role.as_deref()).into(),
            facts.map(|facts| facts.depth).into(),
        ]);
        row.extend(values(entry));
        row.push((&entry.basis).into());
        row
    };
    bucket.nodes.iter().map(row).collect()
}

/// Returns the manifest's row of a table, without key columns. `object`: path below the root and
/// SHA-256; `None` if the table has no rows.
pub fn manifest_row(
    plan: &PackPlan,
    table: &FleetTable,
    rows: u64,
    sum_nj: Option<i64>,
    sha256: Option<&str>,
) -> Vec<Cell> {
    debug_assert_eq!(PACKS.own.len(), 12);
    vec![
        Cell::Whole(plan.start_unix_ns()),
        Cell::Whole(plan.end_unix_ns()),
        Cell::Flag(plan.is_final),
        Cell::Whole(PACK_VERSION),
        Cell::from(&plan.writer),
        (&plan.method).into(),
        (&plan.run.provenance).into(),
        Cell::from(table.name),
        sha256.map(|_| object_path(table, plan)).as_ref().into(),
        i64::try_from(rows).ok().into(),
        sum_nj.into(),
        sha256.into(),
    ]
}
