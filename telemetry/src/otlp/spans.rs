//! Spans with their energies.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use energy_data::rows::{CallsiteRow, NodeRow, Role, RunRow, SpanRow, ThreadRow};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::{Span, span};

use super::attributes::{add_fields, double, integer, text};
use super::traces::TracePlace;
use crate::names::span as name;

/// Maximum number of threads with a name.
const MAX_THREADS: usize = 65_536;
/// Number of threads that keep their names: the first ones usually live as long as the program.
const FIRST_THREADS: usize = 1_024;

/// Energies of one entry into a span; `None` where unknown.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SpanCost {
    /// Active energy with nested entries of its thread, in joules.
    pub energy_j: Option<f64>,
    /// Active energy without them.
    pub self_j: Option<f64>,
    /// Total energy of root rails in its time, for runs, phases and tokens.
    pub interval_j: Option<f64>,
    /// 90 % interval of `interval_j`.
    pub interval: Option<(f64, f64)>,
}

/// Where energies come from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EnergySource {
    /// Origin of the power: `measured`, `modelled`, ...
    pub provenance: Option<String>,
    /// Number of the attribution.
    pub attribution: Option<u32>,
    /// How energies are determined: `proportional`, `fitted`, ...
    pub basis: Option<String>,
}

/// Makes spans of the rows of one run.
#[derive(Debug)]
pub struct SpanEncoder {
    start_unix_ns: i64,
    run: Vec<KeyValue>,
    callsites: HashMap<u32, CallsiteRow>,
    nodes: HashMap<u32, NodeNames>,
    threads: BTreeMap<u32, ThreadRow>,
    source: EnergySource,
    keeps_fields: bool,
}

/// Names of a call path.
#[derive(Debug)]
struct NodeNames {
    label: Arc<str>,
    attributes: Vec<KeyValue>,
    role: Option<Role>,
    kind: Arc<str>,
}

impl SpanEncoder {
    /// Creates it. `keeps_fields`: data fields of spans become attributes.
    pub fn new(run: &RunRow, keeps_fields: bool) -> Self {
        Self {
            start_unix_ns: run.start_unix_ns,
            run: run_attributes(run),
            callsites: HashMap::new(),
            nodes: HashMap::new(),
            threads: BTreeMap::new(),
            source: EnergySource::default(),
            keeps_fields,
        }
    }

    /// Adds or replaces the run: its tokens may be known only at its end.
    pub fn run(&mut self, run: &RunRow) {
        self.start_unix_ns = run.start_unix_ns;
        self.run = run_attributes(run);
    }

    /// Sets where energies come from.
    pub fn set_source(&mut self, source: EnergySource) {
        self.source = source;
    }

    /// Adds a callsite. Call it before adding its nodes.
    pub fn callsite(&mut self, row: &CallsiteRow) {
        self.callsites.insert(row.id, row.clone());
    }

    /// Adds a node of a kind.
    pub fn node(&mut self, row: &NodeRow, kind: &str) {
        let callsite = row.callsite.and_then(|id| self.callsites.get(&id));
        let role = callsite.and_then(|callsite| callsite.role);
        let mut attributes = vec![text(name::KIND, kind)];
        attributes.extend(role.map(|role| text(name::ROLE, role.name())));
        attributes.extend(callsite.map(|callsite| text(name::TARGET, &callsite.target)));
        let names = NodeNames {
            label: row.label.as_str().into(),
            attributes,
            role,
            kind: kind.into(),
        };
        self.nodes.insert(row.id, names);
    }

    /// Adds a thread. Of very many threads the names of some that began long ago are forgotten.
    pub fn thread(&mut self, row: &ThreadRow) {
        self.threads.insert(row.id, row.clone());
        if self.threads.len() > MAX_THREADS {
            let oldest = self.threads.keys().nth(FIRST_THREADS).copied();
            oldest.map(|id| self.threads.remove(&id));
        }
    }

    /// Returns the kind of a node.
    pub fn kind(&self, node: u32) -> Option<&Arc<str>> {
        self.nodes.get(&node).map(|names| &names.kind)
    }

    /// Returns the role of a node.
    pub fn role(&self, node: u32) -> Option<Role> {
        self.nodes.get(&node).and_then(|names| names.role)
    }

    /// Converts a time of the run to ns since 1970.
    pub fn unix_ns(&self, time_ns: i64) -> u64 {
        u64::try_from(self.start_unix_ns.saturating_add(time_ns)).unwrap_or(0)
    }

    /// Returns the span of an entry that ended at `end_ns`.
    pub fn span(
        &self,
        (row, end_ns): (&SpanRow, i64),
        fields: Option<&str>,
        cost: &SpanCost,
        place: &TracePlace,
    ) -> Span {
        let names = self.nodes.get(&row.node);
        let mut attributes = Vec::with_capacity(12);
        attributes.extend(names.into_iter().flat_map(|names| names.attributes.clone()));
        if names.is_some_and(|names| names.role == Some(Role::Run)) {
            attributes.extend_from_slice(&self.run);
        }
        self.add_thread(row.thread, &mut attributes);
        attributes.extend(row.token.map(|token| integer(name::TOKEN, token)));
        self.add_energies(cost, &mut attributes);
        let fields = fields.filter(|_| self.keeps_fields);
        let dropped = fields.map_or(0, |json| add_fields(json, &mut attributes));
        Span {
            trace_id: place.trace.bytes().to_vec(),
            span_id: place.id.to_vec(),
            parent_span_id: place.parent.map(|id| id.to_vec()).unwrap_or_default(),
            name: names.map_or_else(|| "(unknown)".to_owned(), |names| names.label.to_string()),
            kind: span::SpanKind::Internal as i32,
            start_time_unix_nano: self.unix_ns(row.start_ns),
            end_time_unix_nano: self.unix_ns(end_ns),
            links: place.link.map(link).into_iter().collect(),
            attributes,
            dropped_attributes_count: dropped,
            ..Span::default()
        }
    }

    /// Appends the attributes of energies. Unknown ones are omitted.
    pub(super) fn add_energies(&self, cost: &SpanCost, attributes: &mut Vec<KeyValue>) {
        let (low, high) = (
            cost.interval.map(|(low, _)| low),
            cost.interval.map(|(_, high)| high),
        );
        let energies = [
            (name::ENERGY, cost.energy_j),
            (name::SELF_ENERGY, cost.self_j),
            (name::INTERVAL_ENERGY, cost.interval_j),
            (name::LOW, low),
            (name::HIGH, high),
        ];
        // One that is no number is unknown.
        let energies = energies.map(|(key, joules)| (key, joules.filter(|j| j.is_finite())));
        let is_known = energies.iter().any(|(_, joules)| joules.is_some());
        for (key, joules) in energies {
            attributes.extend(joules.map(|joules| double(key, joules)));
        }
        if !is_known {
            return;
        }
        let source = &self.source;
        let basis = source.basis.as_ref();
        attributes.extend(basis.map(|basis| text(name::BASIS, basis)));
        let provenance = source.provenance.as_ref();
        attributes.extend(provenance.map(|origin| text(name::PROVENANCE, origin)));
        let attribution = source.attribution.map(i64::from);
        attributes.extend(attribution.map(|id| integer(name::ATTRIBUTION, id)));
    }

    /// Appends kind and role of a node.
    pub(super) fn add_names(&self, node: u32, attributes: &mut Vec<KeyValue>) {
        let names = self.nodes.get(&node);
        attributes.extend(names.into_iter().flat_map(|names| names.attributes.clone()));
    }

    fn add_thread(&self, thread: u32, attributes: &mut Vec<KeyValue>) {
        let Some(thread) = self.threads.get(&thread) else {
            return;
        };
        attributes.push(integer(name::THREAD_ID, thread.tid));
        let known = thread.name.as_ref();
        attributes.extend(known.map(|known| text(name::THREAD_NAME, known)));
    }
}

fn link((trace, id): (energy_data::trace_context::TraceId, [u8; 8])) -> span::Link {
    span::Link {
        trace_id: trace.bytes().to_vec(),
        span_id: id.to_vec(),
        ..span::Link::default()
    }
}

/// Returns the attributes of the span with the role `run`.
fn run_attributes(run: &RunRow) -> Vec<KeyValue> {
    let metadata = &run.metadata;
    let mut attributes = Vec::new();
    if let Some(model) = &metadata.model {
        attributes.push(text(name::GEN_AI_OPERATION, "text_completion"));
        attributes.push(text(name::GEN_AI_MODEL, model));
    }
    let tokens = [
        (name::GEN_AI_INPUT_TOKENS, metadata.input_tokens),
        (name::GEN_AI_OUTPUT_TOKENS, metadata.output_tokens),
    ];
    let tokens = tokens.into_iter();
    attributes.extend(tokens.filter_map(|(key, count)| Some(integer(key, count?))));
    attributes
}

#[cfg(test)]
mod tests {
    use energy_data::rows::ThreadRole;

    use super::*;

    #[test]
    fn the_names_of_some_of_many_threads_are_forgotten() {
        let mut encoder = SpanEncoder {
            start_unix_ns: 0,
            run: Vec::new(),
            callsites: HashMap::new(),
            nodes: HashMap::new(),
            threads: BTreeMap::new(),
            source: EnergySource::default(),
            keeps_fields: true,
        };
        for id in 0..100_000 {
            encoder.thread(&ThreadRow {
                id,
                tid: id.into(),
                name: None,
                role: ThreadRole::Program,
                process: None,
            });
        }
        assert_eq!(encoder.threads.len(), MAX_THREADS);
        assert!(encoder.threads.contains_key(&0) && encoder.threads.contains_key(&99_999));
    }
}
