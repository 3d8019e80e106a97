//! Energy by phase and section, or by root span if no span has the role `phase`.

use std::collections::{BTreeMap, HashMap, HashSet};

use energy_data::BasisSet;
use serde_json::{Value, json};

use super::scope::{LEDGER, ViewScope};
use crate::error::Result;
use crate::format::{Answer, Column, Sheet};
use crate::query::{self, Node, NodeLedger, Recording, Run, SpanTimes};

/// Name of the row for spans of a phase outside of its sections.
const OWN: &str = "(own)";
/// Name of the row for spans outside of phases.
const OUTSIDE_PHASES: &str = "(remainder)";

/// Lists phases and their sections in the order of their first start. The sections of a
/// phase sum to the phase; phases and `(remainder)` sum to the run's ledger. Without phases, root
/// spans are listed by name instead.
///
/// `start_ns` and `end_ns` are the first start and the last end of the spans of a row; rows of other
/// spans have none. A row has an interval if its energy is that of one node: intervals of nodes
/// cannot be added.
///
/// # Errors
/// If the file cannot be read, the run was not attributed, or a name of the scope is
/// unknown.
pub fn pipeline(recording: &Recording, run: &Run, scope: &ViewScope) -> Result<Answer> {
    let ledger = scope.ledger(recording, run)?;
    let total = ledger.energy_j();
    let has_phases = !ledger.phases().is_empty();
    let times = query::span_times(recording, run, &ledger)?;
    let mut rows: Vec<_> = heads(&ledger, &times)
        .iter()
        .flat_map(|head| head.rows(has_phases, total))
        .collect();
    rows.retain(|row| scope.wants(basis_of(row)));
    let heads = if has_phases { "phases" } else { "root spans" };
    let what = format!("{heads} and their sections{}", scope.text());
    let answer = query::run_answer("pipeline", &what, recording, run)?;
    let display = display_columns(has_phases);
    let display = Sheet::new("pipeline", "", display, rows.clone()).display_only();
    rows.iter_mut().for_each(|row| {
        row.as_object_mut().map(|row| row.remove("shown"));
    });
    Ok(answer
        .with("energy_j", json!(total))
        .sheet(display)
        .sheet(Sheet::new("pipeline", "", data_columns(), rows).data_only())
        .note(LEDGER))
}

fn display_columns(has_phases: bool) -> Vec<Column> {
    let (name, head) = match has_phases {
        true => ("phase, section", "of phase"),
        false => ("root span, section", "of root"),
    };
    vec![
        Column::text("shown", name),
        Column::energy("energy_j", "energy"),
        Column::percent("share_of_run", "of spans"),
        Column::percent("share_of_phase", head),
        Column::count("instances", "count"),
        Column::time("busy_ns", "busy"),
        Column::power("avg_w", "power"),
        Column::text("basis", "basis").from_width(100),
        Column::data("extrapolated_j"),
        Column::data("coverage"),
    ]
}

fn data_columns() -> Vec<Column> {
    let mut columns = vec![
        Column::text("phase", ""),
        Column::text("root", ""),
        Column::text("section", ""),
    ];
    columns.extend(display_columns(true).into_iter().skip(1));
    let more = ["activations", "start_ns", "end_ns", "lo_j", "hi_j"];
    columns.extend(more.map(Column::data));
    columns
}

/// A phase, or the root spans of one name.
struct PipelineHead {
    name: String,
    /// Its topmost spans and their activations.
    instances: Option<i64>,
    activations: i64,
    time: Option<SpanTimes>,
    sections: Vec<PipelineSection>,
}

impl PipelineHead {
    /// Returns its row and those of its sections.
    fn rows(&self, is_phase: bool, run_j: f64) -> Vec<Value> {
        let whole = self.sum();
        let name = |row: Value| {
            let key = if is_phase { "phase" } else { "root" };
            named(row, key, &self.name)
        };
        let mut rows = vec![name(whole.row(&self.name, None, run_j))];
        if self.sections.len() > 1 || self.sections.iter().any(|part| part.name != OWN) {
            let section = |part: &PipelineSection| {
                let shown = format!("  {}", part.name);
                name(part.row(&shown, Some(whole.energy_j), run_j))
            };
            rows.extend(self.sections.iter().map(section));
        }
        rows
    }

    fn sum(&self) -> PipelineSection {
        let mut sum = PipelineSection::new(self.name.clone());
        for part in &self.sections {
            sum.energy_j += part.energy_j;
            sum.extrapolated_j += part.extrapolated_j;
            sum.busy_ns += part.busy_ns;
            sum.covered_ns += part.covered_ns;
            sum.basis = BasisSet::union(sum.basis.into_iter().chain(part.basis));
            sum.nodes_with_energy += part.nodes_with_energy;
            if part.nodes_with_energy > 0 {
                sum.ends_j = part.ends_j;
            }
        }
        (sum.instances, sum.activations) = (self.instances, self.activations);
        sum.time = self.time;
        sum
    }

    fn part(&mut self, section: String) -> &mut PipelineSection {
        let at = self.sections.iter().position(|known| known.name == section);
        let at = at.unwrap_or_else(|| {
            self.sections.push(PipelineSection::new(section));
            self.sections.len() - 1
        });
        &mut self.sections[at]
    }
}

/// Returns the bases of a row.
fn basis_of(row: &Value) -> Option<BasisSet> {
    row["basis"].as_str()?.parse().ok()
}

/// Sets the name of a row's phase or root span.
fn named(mut row: Value, key: &str, name: &str) -> Value {
    (row["phase"], row["root"]) = (Value::Null, Value::Null);
    row[key] = json!(name);
    row
}

/// A section of a phase, or a phase.
struct PipelineSection {
    name: String,
    energy_j: f64,
    extrapolated_j: f64,
    busy_ns: i64,
    instances: Option<i64>,
    covered_ns: i64,
    activations: i64,
    basis: Option<BasisSet>,
    time: Option<SpanTimes>,
    nodes_with_energy: usize,
    /// Interval of the energy of the last of these nodes.
    ends_j: (Option<f64>, Option<f64>),
}

impl PipelineSection {
    fn new(name: String) -> Self {
        Self {
            name,
            energy_j: 0.0,
            extrapolated_j: 0.0,
            busy_ns: 0,
            instances: Some(0),
            covered_ns: 0,
            activations: 0,
            basis: None,
            time: None,
            nodes_with_energy: 0,
            ends_j: (None, None),
        }
    }

    fn add(&mut self, node: &Node) {
        if node.energy_j() != 0.0 {
            self.nodes_with_energy += 1;
            self.ends_j = node.interval_j();
        }
        self.energy_j += node.energy_j();
        self.extrapolated_j += node.whole_j() - node.energy_j();
        self.busy_ns += node.self_ns;
        self.covered_ns += node.covered_ns;
        self.basis = BasisSet::union(self.basis.into_iter().chain(node.basis));
    }

    /// Converts to a row. `head_j` is the energy of the phase that a section belongs to.
    fn row(&self, shown: &str, head_j: Option<f64>, run_j: f64) -> Value {
        let share = |of: f64| (of > 0.0).then(|| self.energy_j / of);
        let whole_j = self.energy_j + self.extrapolated_j;
        let (lo_j, hi_j) = match self.nodes_with_energy {
            1 => self.ends_j,
            _ => (None, None),
        };
        json!({
            "section": head_j.map(|_| &self.name),
            "shown": shown,
            "energy_j": self.energy_j,
            "share_of_run": share(run_j),
            "share_of_phase": head_j.and_then(share),
            "instances": self.instances.filter(|_| self.activations > 0),
            "activations": (self.activations > 0).then_some(self.activations),
            "busy_ns": self.busy_ns,
            "avg_w": query::average_w(Some(whole_j), Some(self.busy_ns)),
            "extrapolated_j": self.extrapolated_j,
            "coverage": query::coverage(self.covered_ns, self.busy_ns),
            "basis": self.basis,
            "start_ns": self.time.map(|time| time.start_ns),
            "end_ns": self.time.map(|time| time.end_ns),
            "lo_j": lo_j,
            "hi_j": hi_j,
        })
    }
}

/// Returns phases or root spans by name, `(remainder)` last.
fn heads(ledger: &NodeLedger, times: &HashMap<i64, SpanTimes>) -> Vec<PipelineHead> {
    let tops: HashSet<i64> = ledger.heads().iter().map(|node| node.id).collect();
    // Topmost nodes of each node's head and section. Parents come first.
    let mut places: BTreeMap<i64, (Option<i64>, Option<i64>)> = BTreeMap::new();
    let mut heads: Vec<PipelineHead> = Vec::new();
    for node in &ledger.nodes {
        let above = node.parent.and_then(|id| places.get(&id)).copied();
        let (mut head, mut section) = above.unwrap_or_default();
        if head.is_none() && tops.contains(&node.id) {
            head = Some(node.id);
        }
        if section.is_none() && node.role.as_deref() == Some("section") {
            section = Some(node.id);
        }
        places.insert(node.id, (head, section));
        let label = |id: Option<i64>| id.and_then(|id| ledger.node(id)).map(name);
        let head_name = label(head).unwrap_or_else(|| OUTSIDE_PHASES.to_owned());
        let section_name = label(section).unwrap_or_else(|| OWN.to_owned());
        let of_head = head_named(&mut heads, head_name);
        if head == Some(node.id) {
            count(&mut of_head.instances, &mut of_head.activations, node);
            extend(&mut of_head.time, times.get(&node.id));
        }
        let part = of_head.part(section_name);
        part.add(node);
        if section == Some(node.id) {
            count(&mut part.instances, &mut part.activations, node);
            extend(&mut part.time, times.get(&node.id));
        }
    }
    let (outside, mut heads): (Vec<PipelineHead>, _) =
        heads.into_iter().partition(|p| p.name == OUTSIDE_PHASES);
    heads.extend(outside);
    heads
}

/// Adds a node's spans and activations.
fn count(instances: &mut Option<i64>, activations: &mut i64, node: &Node) {
    *instances = instances.zip(node.instances).map(|(a, b)| a + b);
    *activations += node.activations;
}

/// Extends a time by that of a node.
fn extend(time: &mut Option<SpanTimes>, more: Option<&SpanTimes>) {
    if let Some(more) = more {
        *time = Some(time.map_or(*more, |time| time.join(*more)));
    }
}

fn head_named(heads: &mut Vec<PipelineHead>, name: String) -> &mut PipelineHead {
    let at = heads.iter().position(|known| known.name == name);
    let at = at.unwrap_or_else(|| {
        heads.push(PipelineHead {
            name,
            instances: Some(0),
            activations: 0,
            time: None,
            sections: Vec::new(),
        });
        heads.len() - 1
    });
    &mut heads[at]
}

fn name(node: &Node) -> String {
    node.name.clone().unwrap_or_else(|| node.label.clone())
}
