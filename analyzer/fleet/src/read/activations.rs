//! Reads single span entries: those with stored energies, and parts of all others.

use std::collections::HashMap;

use energy_data::trace_context::TraceId;

use super::nodes::node_facts;
use super::rails::rails;
use super::traces::{InstanceTraces, SEQ};
use crate::cumulative::NodeFacts;
use crate::encode::Cell;
use crate::error::Result;
use crate::nanojoules::nanojoules;
use crate::query::{Recording, Run};
use crate::walk::{ActivationVisitor, EntryCost, PricedActivation, WalkFilter, walk};

/// Time of span entries that a pack holds, run time: from `from_ns` until before `until_ns`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ActivationWindow {
    /// Start; `i64::MIN`: of everything.
    pub(crate) from_ns: i64,
    /// End; `i64::MAX`: of everything.
    pub(crate) until_ns: i64,
}

/// Passes the entries whose energy is stored and that ended in the window to `emit`: the own columns
/// of the table, one row for each rail.
///
/// # Errors
/// If the file cannot be read, or `emit` fails.
pub(crate) fn requests(
    recording: &Recording,
    run: &Run,
    window: ActivationWindow,
    emit: &mut dyn FnMut(Vec<Cell>) -> Result<()>,
) -> Result<()> {
    let rails = rails(recording, run)?;
    let nodes = NodeIndex::read(recording, run)?;
    let mut traces = InstanceTraces::new(recording, run);
    let (first, last) = energy_store::span_ids(run.no);
    let sql = "
        SELECT e.span, s.node, s.token, f.json, s.start_ns, s.end_ns - s.start_ns, e.rail,
               e.spans_j, e.idle_j, e.energy_j, e.covered_ns, s.instance
        FROM span_energy e
        CROSS JOIN spans s ON s.id = e.span
        LEFT JOIN span_fields f ON f.span = e.span
        WHERE e.span BETWEEN ?1 AND ?2 AND e.attribution = ?3
          AND s.end_ns >= ?4 AND s.end_ns < ?5
        ORDER BY e.span, e.rail";
    let mut statement = recording.connection().prepare_cached(sql)?;
    let bounds = (
        first,
        last,
        run.attribution,
        window.from_ns,
        window.until_ns,
    );
    let mut rows = statement.query(bounds)?;
    while let Some(r) = rows.next()? {
        let Some(rail) = rails.get(&r.get(6)?) else {
            continue;
        };
        let node = nodes.get(r.get(1)?);
        let (seq, fields) = (r.get::<_, i64>(0)? & SEQ, r.get::<_, Option<String>>(3)?);
        let trace = traces.of(seq, r.get(11)?, fields.as_deref())?;
        let energy =
            |at| Ok::<_, rusqlite::Error>(r.get::<_, Option<f64>>(at)?.and_then(nanojoules));
        emit(vec![
            Cell::Whole(seq),
            node.and_then(|node| node.kind.as_deref()).into(),
            node.and_then(|node| node.role.as_deref()).into(),
            node.map(|node| node.label.as_str()).into(),
            r.get::<_, Option<i64>>(2)?.into(),
            trace.map(|id| id.to_string()).as_deref().into(),
            Cell::Whole(run.row.start_unix_ns.saturating_add(r.get(4)?)),
            r.get::<_, Option<i64>>(5)?.into(),
            Cell::from(&rail.rail),
            Cell::Flag(rail.is_root()),
            energy(7)?.into(),
            Cell::Null,
            energy(8)?.into(),
            energy(9)?.into(),
            r.get::<_, Option<i64>>(10)?.into(),
        ])?;
    }
    Ok(())
}

/// Passes the parts of span entries that are in the window to `emit`: the own columns of the table.
/// Of `sample_rate` entries one is passed, the same one always.
///
/// # Errors
/// If the file cannot be read, or `emit` fails.
pub(crate) fn spans(
    recording: &Recording,
    run: &Run,
    window: ActivationWindow,
    sample_rate: u32,
    emit: &mut dyn FnMut(Vec<Cell>) -> Result<()>,
) -> Result<()> {
    let whole = window.from_ns == i64::MIN && window.until_ns == i64::MAX;
    let filter = WalkFilter {
        window: (!whole).then_some((window.from_ns, window.until_ns)),
        least_j: None,
    };
    let roots = rails(recording, run)?;
    let mut roots = roots.into_values().filter(|rail| rail.is_root());
    // The walk sums over root rails: a name is known where there is one.
    let only = roots.next().filter(|_| roots.next().is_none());
    let mut visitor = SpanRows {
        nodes: NodeIndex::read(recording, run)?,
        threads: threads(recording, run)?,
        rail: only.map(|rail| rail.rail),
        start_unix_ns: run.row.start_unix_ns,
        sample_rate: u64::from(sample_rate.max(1)),
        instances: InstanceTraces::new(recording, run),
        traces: HashMap::new(),
        emit,
    };
    walk(recording, run, &filter, &mut visitor).map(drop)
}

struct SpanRows<'e> {
    nodes: NodeIndex,
    threads: HashMap<i64, String>,
    rail: Option<String>,
    start_unix_ns: i64,
    sample_rate: u64,
    instances: InstanceTraces<'e>,
    /// Traces of the entries that are open, by their numbers.
    traces: HashMap<u64, TraceId>,
    emit: &'e mut dyn FnMut(Vec<Cell>) -> Result<()>,
}

impl ActivationVisitor for SpanRows<'_> {
    fn enter(&mut self, activation: &PricedActivation) -> Result<()> {
        let row = &activation.row;
        let number = |value: u64| i64::try_from(value).unwrap_or(SEQ);
        let (seq, instance) = (number(row.seq), row.instance.map(number));
        let own = self
            .instances
            .of(seq, instance, activation.fields.as_deref())?;
        let outer = || self.traces.get(&row.parent?).copied();
        let trace = own.or_else(outer);
        self.traces.extend(trace.map(|trace| (row.seq, trace)));
        Ok(())
    }

    fn exit(&mut self, activation: &PricedActivation, cost: &EntryCost) -> Result<()> {
        let row = &activation.row;
        let trace = self.traces.remove(&row.seq);
        if !row.seq.is_multiple_of(self.sample_rate) {
            return Ok(());
        }
        let number = |value: u64| i64::try_from(value).ok();
        let node = self.nodes.get(row.node.into());
        (self.emit)(vec![
            number(row.seq).into(),
            row.parent.and_then(number).into(),
            Cell::Whole(row.node.into()),
            node.and_then(|node| node.kind.as_deref()).into(),
            node.and_then(|node| node.role.as_deref()).into(),
            self.threads.get(&row.thread.into()).into(),
            trace.map(|id| id.to_string()).as_deref().into(),
            Cell::Whole(self.start_unix_ns.saturating_add(activation.start_ns)),
            Cell::Whole(activation.end_ns - activation.start_ns),
            (&self.rail).into(),
            Cell::Flag(true),
            cost.self_j.and_then(nanojoules).into(),
            number(self.sample_rate).into(),
        ])
    }
}

/// Returns the names of threads; the id of the operating system without a name.
fn threads(recording: &Recording, run: &Run) -> Result<HashMap<i64, String>> {
    let sql = "SELECT id, coalesce(name, CAST(tid AS TEXT)) FROM threads WHERE run = ?1";
    let mut statement = recording.connection().prepare_cached(sql)?;
    let rows = statement.query_map([run.no], |r| Ok((r.get(0)?, r.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

struct NodeIndex(HashMap<i64, NodeFacts>);

impl NodeIndex {
    fn read(recording: &Recording, run: &Run) -> Result<Self> {
        let all = node_facts(recording, run)?.into_iter();
        Ok(Self(all.map(|node| (node.node, node)).collect()))
    }

    fn get(&self, node: i64) -> Option<&NodeFacts> {
        self.0.get(&node)
    }
}
