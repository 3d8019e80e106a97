//! Where does a run's energy go, phase by phase and section by section?

use std::collections::{BTreeMap, HashSet};

use serde_json::json;

use super::{LEDGER, Scope};
use crate::error::Result;
use crate::format::{Answer, Column, Sheet};
use crate::query::{Ledger, Node, Recording, Run, join_bases};

/// What stands for spans of a phase that are in none of its sections, and for those
/// outside of every phase.
const OWN: &str = "(own)";
const REST: &str = "(rest)";

/// Phases with their sections, in the order in which they first began. Rows of one
/// phase sum to the phase; phases and `(rest)` sum to the run's ledger.
///
/// # Errors
/// When the file cannot be read, the run was not attributed, or a name of the scope is
/// unknown.
pub fn pipeline(recording: &Recording, run: &Run, scope: &Scope) -> Result<Answer> {
    let ledger = scope.ledger(recording, run)?;
    let total = ledger.energy_j();
    let mut rows = Vec::new();
    for phase in phases(&ledger) {
        let whole = phase.sum();
        let mut lines = vec![whole.row(&phase.name, None, total, whole.energy_j)];
        if phase.sections.len() > 1 || phase.sections.iter().any(|part| part.name != OWN) {
            let section =
                |part: &Part| part.row(&phase.name, Some(&part.name), total, whole.energy_j);
            lines.extend(phase.sections.iter().map(section));
        }
        rows.extend(lines);
    }
    rows.retain(|row| scope.wants(row["basis"].as_str()));
    let what = format!("phases and their sections{}", scope.words());
    let answer = Answer::of_run("pipeline", &what, recording, run)?;
    let people = Sheet::new("pipeline", "", people(), rows.clone()).for_people();
    rows.iter_mut().for_each(|row| {
        row.as_object_mut().map(|row| row.remove("shown"));
    });
    Ok(answer
        .with("energy_j", json!(total))
        .sheet(people)
        .sheet(Sheet::new("pipeline", "", programs(), rows).for_programs())
        .note(LEDGER))
}

fn people() -> Vec<Column> {
    vec![
        Column::text("shown", "phase, section"),
        Column::energy("energy_j", "energy"),
        Column::percent("share_of_run", "of run"),
        Column::percent("share_of_phase", "of phase"),
        Column::count("activations", "times"),
        Column::time("busy_ns", "busy"),
        Column::power("avg_w", "power"),
        Column::text("basis", "basis").from_width(100),
    ]
}

fn programs() -> Vec<Column> {
    let mut columns = vec![Column::text("phase", ""), Column::text("section", "")];
    columns.extend(people().into_iter().skip(1));
    columns
}

/// One phase.
struct Phase {
    name: String,
    sections: Vec<Part>,
}

impl Phase {
    fn sum(&self) -> Part {
        let mut sum = Part::new(self.name.clone());
        for part in &self.sections {
            sum.energy_j += part.energy_j;
            sum.busy_ns += part.busy_ns;
            let bases = [sum.basis.take(), part.basis.clone()];
            sum.basis = join_bases(bases.iter().flatten().map(String::as_str));
        }
        sum.activations = self.sections.iter().map(|part| part.of_phase).sum();
        sum
    }
}

/// A section of a phase, or a phase.
struct Part {
    name: String,
    energy_j: f64,
    busy_ns: i64,
    activations: i64,
    /// Activations of the phase's own spans.
    of_phase: i64,
    basis: Option<String>,
}

impl Part {
    fn new(name: String) -> Self {
        Self {
            name,
            energy_j: 0.0,
            busy_ns: 0,
            activations: 0,
            of_phase: 0,
            basis: None,
        }
    }

    fn add(&mut self, node: &Node) {
        self.energy_j += node.energy_j();
        self.busy_ns += node.self_ns;
        let bases = [&self.basis, &node.basis];
        self.basis = join_bases(bases.into_iter().flatten().map(String::as_str));
    }

    fn row(&self, phase: &str, section: Option<&str>, run: f64, whole: f64) -> serde_json::Value {
        let share = |of: f64| (of > 0.0).then(|| self.energy_j / of);
        let shown = section.map_or(phase.to_owned(), |section| format!("  {section}"));
        json!({
            "phase": phase,
            "section": section,
            "shown": shown,
            "energy_j": self.energy_j,
            "share_of_run": share(run),
            "share_of_phase": section.and_then(|_| share(whole)),
            "activations": (self.activations > 0).then_some(self.activations),
            "busy_ns": self.busy_ns,
            "avg_w": (self.busy_ns > 0).then(|| self.energy_j * 1e9 / self.busy_ns as f64),
            "basis": self.basis,
        })
    }
}

/// Phases by name, `(rest)` last.
fn phases(ledger: &Ledger) -> Vec<Phase> {
    let heads: HashSet<i64> = ledger.phases().iter().map(|node| node.id).collect();
    // For each node its phase's and its section's topmost node. Parents come first.
    let mut places: BTreeMap<i64, (Option<i64>, Option<i64>)> = BTreeMap::new();
    let mut phases: Vec<Phase> = Vec::new();
    for node in &ledger.nodes {
        let above = node.parent.and_then(|id| places.get(&id)).copied();
        let (mut phase, mut section) = above.unwrap_or_default();
        if phase.is_none() && heads.contains(&node.id) {
            phase = Some(node.id);
        }
        if section.is_none() && node.role.as_deref() == Some("section") {
            section = Some(node.id);
        }
        places.insert(node.id, (phase, section));
        let label = |id: Option<i64>| id.and_then(|id| ledger.node(id)).map(name);
        let phase_name = label(phase).unwrap_or_else(|| REST.to_owned());
        let section_name = label(section).unwrap_or_else(|| OWN.to_owned());
        let part = part(&mut phases, phase_name, section_name);
        part.add(node);
        if section == Some(node.id) {
            part.activations += node.activations;
        }
        if phase == Some(node.id) {
            part.of_phase += node.activations;
        }
    }
    let (rest, mut phases): (Vec<Phase>, _) = phases.into_iter().partition(|p| p.name == REST);
    phases.extend(rest);
    phases
}

fn part(phases: &mut Vec<Phase>, phase: String, section: String) -> &mut Part {
    let at = phases.iter().position(|known| known.name == phase);
    let at = at.unwrap_or_else(|| {
        let sections = Vec::new();
        phases.push(Phase {
            name: phase,
            sections,
        });
        phases.len() - 1
    });
    let sections = &mut phases[at].sections;
    let at = sections.iter().position(|known| known.name == section);
    let at = at.unwrap_or_else(|| {
        sections.push(Part::new(section));
        sections.len() - 1
    });
    &mut sections[at]
}

fn name(node: &Node) -> String {
    node.name.clone().unwrap_or_else(|| node.label.clone())
}
