//! pprof: `go tool pprof`, Pyroscope, speedscope and others.
//!
//! One sample for each node of the calling-context tree, gzipped:
//!
//! | value | unit | what |
//! |---|---|---|
//! | `energy` | nanojoules | active self energy; the default type |
//! | `idle_energy` | nanojoules | share of idle energy; omitted if unknown |
//! | `self_time` | nanoseconds | self time, all threads added |
//! | `activations` | count | number of span entries |

mod proto;

use std::collections::HashMap;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use prost::Message;

use super::format::{ExportFormat, FormatOutput};
use super::nano::Nanojoules;
use super::output::ExportWriter;
use super::source::{ExportSource, NodeCost};
use crate::error::Result;
use crate::query::Node;
use crate::walk::WalkStats;
use proto::{Function, Line, Location, PprofSample, Profile, ValueType};

/// The pprof format.
pub(super) struct Pprof;

impl ExportFormat for Pprof {
    fn name(&self) -> &'static str {
        "pprof"
    }

    fn about(&self) -> &'static str {
        "pprof: go tool pprof, Pyroscope"
    }

    fn output(&self) -> FormatOutput {
        FormatOutput::File("pb.gz")
    }

    fn write(&self, source: &ExportSource<'_>, out: &mut ExportWriter<'_>) -> Result<WalkStats> {
        let costs = source.node_costs()?;
        let profile = profile(source, &costs);
        let mut gz = GzEncoder::new(out, Compression::default());
        gz.write_all(&profile.encode_to_vec())?;
        gz.finish()?;
        Ok(WalkStats::default())
    }
}

fn profile(source: &ExportSource<'_>, costs: &[NodeCost<'_>]) -> Profile {
    let mut strings = Strings::default();
    // pprof requires the empty string at index 0.
    strings.index_of("");
    let has_idle = costs.iter().all(|cost| cost.idle_j.is_some());
    let mut types = vec![("energy", "nanojoules")];
    types.extend(has_idle.then_some(("idle_energy", "nanojoules")));
    types.extend([("self_time", "nanoseconds"), ("activations", "count")]);
    let sample_type = types.iter().map(|(name, unit)| ValueType {
        r#type: strings.index_of(name),
        unit: strings.index_of(unit),
    });
    let sample_type: Vec<ValueType> = sample_type.collect();
    let comment = format!("{}: {}", source.name(), source.provenance());
    let mut profile = Profile {
        default_sample_type: strings.index_of("energy"),
        comment: vec![strings.index_of(&comment)],
        time_nanos: source.run.row.start_unix_ns,
        duration_nanos: source.run.row.end_ns.unwrap_or(0),
        sample_type,
        ..Profile::default()
    };
    for cost in costs {
        let (function, location) = place(source, cost.node, &mut strings);
        profile.function.push(function);
        profile.location.push(location);
    }
    profile.sample = samples(source, costs, has_idle);
    profile.string_table = strings.all;
    profile
}

/// Returns a sample for each node with a value other than zero, with the stack above it.
fn samples(source: &ExportSource<'_>, costs: &[NodeCost<'_>], has_idle: bool) -> Vec<PprofSample> {
    let (mut energy, mut idle) = (Nanojoules::default(), Nanojoules::default());
    let mut samples = Vec::new();
    for cost in costs {
        let mut value = vec![energy.next(cost.self_j)];
        if has_idle {
            value.push(idle.next(cost.idle_j.unwrap_or(0.0)));
        }
        value.extend([cost.self_ns, cost.activations]);
        if value.iter().any(|value| *value != 0) {
            let stack = source.ledger.down_to(cost.node);
            samples.push(PprofSample {
                location_id: stack.iter().rev().map(|node| node.id as u64).collect(),
                value,
            });
        }
    }
    samples
}

fn place(source: &ExportSource<'_>, node: &Node, strings: &mut Strings) -> (Function, Location) {
    let callsite = source.callsite(node.id);
    let line = callsite
        .and_then(|callsite| callsite.line)
        .map_or(0, i64::from);
    let file = callsite.and_then(|callsite| callsite.file.as_deref());
    let id = node.id as u64;
    let function = Function {
        id,
        name: strings.index_of(&node.label),
        system_name: strings.index_of(node.name.as_deref().unwrap_or(&node.label)),
        filename: strings.index_of(file.unwrap_or_default()),
        start_line: line,
    };
    let location = Location {
        id,
        line: vec![Line {
            function_id: id,
            line,
        }],
    };
    (function, location)
}

/// The string table: each text once.
#[derive(Default)]
struct Strings {
    all: Vec<String>,
    indices: HashMap<String, i64>,
}

impl Strings {
    fn index_of(&mut self, text: &str) -> i64 {
        if let Some(at) = self.indices.get(text) {
            return *at;
        }
        let at = self.all.len() as i64;
        self.all.push(text.to_owned());
        self.indices.insert(text.to_owned(), at);
        at
    }
}
