//! A sink that keeps all rows in memory, for tests and for in-process inspection.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use energy_data::rows::{AttributionRows, ConditionTime};

use energy_data::sink::{Batch, Sink, SinkError};

/// Keeps all rows in memory. Clones are handles to the same rows.
///
/// ```
/// use tracing_energy::{EnergyLayer, MemorySink};
/// use tracing_subscriber::prelude::*;
///
/// # fn main() -> Result<(), tracing_energy::Error> {
/// let sink = MemorySink::new();
/// let (layer, guard) = EnergyLayer::builder().sink(sink.clone()).build()?;
/// tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
///     let _outer = tracing::info_span!("outer").entered();
///     tracing::info_span!("inner").in_scope(|| {});
/// });
/// guard.finish();
/// assert!(sink.is_finished());
/// assert_eq!(sink.rows().spans.len(), 2);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct MemorySink(Arc<Mutex<MemoryRows>>);

#[derive(Debug, Default)]
struct MemoryRows {
    rows: Batch,
    /// Indexes of replaceable rows in their tables.
    places: MemoryPlaces,
    batches: usize,
    finished: bool,
}

impl MemorySink {
    /// Creates a sink without rows.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns all rows as one batch; later rows replace earlier ones.
    pub fn rows(&self) -> Batch {
        self.with(|recorded| recorded.rows.clone())
    }

    /// Returns the spans received so far as an indented tree with energies, for comparison in
    /// tests.
    pub fn tree(&self) -> String {
        super::tree::tree(&self.rows())
    }

    /// Returns the number of batches written.
    pub fn batches(&self) -> usize {
        self.with(|recorded| recorded.batches)
    }

    /// Returns whether the recording has ended.
    pub fn is_finished(&self) -> bool {
        self.with(|recorded| recorded.finished)
    }

    fn with<T>(&self, act: impl FnOnce(&mut MemoryRows) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Sink for MemorySink {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn write(&mut self, batch: &Batch) -> Result<(), SinkError> {
        self.with(|recorded| recorded.add(batch));
        Ok(())
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        self.with(|recorded| recorded.finished = true);
        Ok(())
    }
}

#[derive(Debug, Default)]
struct MemoryPlaces {
    rails: BTreeMap<u32, usize>,
    threads: BTreeMap<u32, usize>,
    callsites: BTreeMap<u32, usize>,
    nodes: BTreeMap<u32, usize>,
    instances: BTreeMap<u64, usize>,
    spans: BTreeMap<u64, usize>,
    fields: BTreeMap<u64, usize>,
    baselines: BTreeMap<u32, usize>,
    conditions: BTreeMap<(ConditionTime, String), usize>,
    phase_energy: BTreeMap<(Option<u32>, u32), usize>,
    node_energy: BTreeMap<(u32, u32), usize>,
    balance: BTreeMap<u32, usize>,
    span_energy: BTreeMap<(u64, u32), usize>,
    kind_energy: BTreeMap<(u32, u32), usize>,
    kind_groups: BTreeMap<(u32, u32), usize>,
    kind_fits: BTreeMap<u32, usize>,
}

impl MemoryRows {
    fn add(&mut self, batch: &Batch) {
        let (rows, places) = (&mut self.rows, &mut self.places);
        if batch.run.is_some() {
            rows.run.clone_from(&batch.run);
        }
        put(&mut rows.rails, &mut places.rails, &batch.rails, |r| r.id);
        put(
            &mut rows.threads,
            &mut places.threads,
            &batch.threads,
            |r| r.id,
        );
        put(
            &mut rows.callsites,
            &mut places.callsites,
            &batch.callsites,
            |r| r.id,
        );
        put(&mut rows.nodes, &mut places.nodes, &batch.nodes, |r| r.id);
        put(
            &mut rows.instances,
            &mut places.instances,
            &batch.instances,
            |r| r.id,
        );
        put(&mut rows.spans, &mut places.spans, &batch.spans, |r| r.seq);
        put(&mut rows.fields, &mut places.fields, &batch.fields, |r| {
            r.span
        });
        put(
            &mut rows.baselines,
            &mut places.baselines,
            &batch.baselines,
            |r| r.rail,
        );
        let conditions = &mut places.conditions;
        put(&mut rows.conditions, conditions, &batch.conditions, |r| {
            (r.time_point, r.key.clone())
        });
        rows.node_windows.extend_from_slice(&batch.node_windows);
        rows.links.extend_from_slice(&batch.links);
        rows.span_events.extend_from_slice(&batch.span_events);
        rows.cpu.extend_from_slice(&batch.cpu);
        rows.samples.extend_from_slice(&batch.samples);
        rows.device_use.extend_from_slice(&batch.device_use);
        rows.events.extend_from_slice(&batch.events);
        add_attribution(&mut rows.attribution, places, &batch.attribution);
        rows.time_ns = batch.time_ns;
        rows.heartbeat_unix_ns = batch.heartbeat_unix_ns;
        self.batches += 1;
    }
}

fn add_attribution(rows: &mut AttributionRows, places: &mut MemoryPlaces, new: &AttributionRows) {
    if new.head.is_some() {
        rows.head.clone_from(&new.head);
    }
    rows.sample_balance.extend_from_slice(&new.sample_balance);
    rows.window_power.extend_from_slice(&new.window_power);
    let spans = &mut places.span_energy;
    put(&mut rows.span_energy, spans, &new.span_energy, |r| {
        (r.span, r.rail)
    });
    let phases = &mut places.phase_energy;
    put(&mut rows.phase_energy, phases, &new.phase_energy, |r| {
        (r.node, r.rail)
    });
    let nodes = &mut places.node_energy;
    put(&mut rows.node_energy, nodes, &new.node_energy, |r| {
        (r.node, r.rail)
    });
    put(&mut rows.balance, &mut places.balance, &new.balance, |r| {
        r.rail
    });
    let kinds = &mut places.kind_energy;
    put(&mut rows.kind_energy, kinds, &new.kind_energy, |r| {
        (r.rail, r.kind)
    });
    let groups = &mut places.kind_groups;
    put(&mut rows.kind_groups, groups, &new.kind_groups, |r| {
        (r.rail, r.grouping)
    });
    let fits = &mut places.kind_fits;
    put(&mut rows.kind_fits, fits, &new.kind_fits, |r| r.rail);
}

/// Appends `new` rows, or replaces those with a known key.
fn put<T: Clone, K: Ord>(
    rows: &mut Vec<T>,
    places: &mut BTreeMap<K, usize>,
    new: &[T],
    key: impl Fn(&T) -> K,
) {
    for row in new {
        match places.get(&key(row)) {
            Some(&place) => rows[place] = row.clone(),
            None => {
                places.insert(key(row), rows.len());
                rows.push(row.clone());
            }
        }
    }
}
