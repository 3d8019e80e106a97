//! Data of a run that all formats need in addition to its activations. Its size does not depend
//! on the number of spans.

use std::collections::HashMap;

use energy_data::rows::{CallsiteRow, ProcessRow, RailRow, SampleRow, SpanEventRow, ThreadRow};

use crate::error::Result;
use crate::format::percent;
use crate::query::{self, Node, NodeLedger, Recording, Run, attributions, ledger, run_coverage};
use crate::walk::{
    ActivationVisitor, EntryCost, PricedActivation, WalkFilter, WalkStats, share, walk,
};

/// A run, loaded for export.
pub struct ExportSource<'r> {
    /// The recording that contains it.
    pub recording: &'r Recording,
    /// The run.
    pub run: &'r Run,
    /// The selected part.
    pub filter: WalkFilter,
    /// Its nodes, summed over root rails and over the whole run.
    pub ledger: NodeLedger,
    /// Its threads by id.
    pub threads: Vec<ThreadRow>,
    /// Other processes that joined the run, by id.
    joined: Vec<ProcessRow>,
    /// Its rails by id.
    pub rails: Vec<RailRow>,
    /// Its callsites by id.
    callsites: HashMap<u32, CallsiteRow>,
    /// The callsite of each node that has one.
    callsite_of: HashMap<i64, u32>,
    /// Attribution method: `fitted v1`; `None` if the run is not attributed.
    pub method: Option<String>,
    /// Share of the run's time covered by samples.
    pub coverage: Option<f64>,
}

/// Self cost of a node in the selected part of the run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NodeCost<'s> {
    /// The node.
    pub node: &'s Node,
    /// Active self energy.
    pub self_j: f64,
    /// Its share of idle energy; `None` if unknown.
    pub idle_j: Option<f64>,
    /// Self time, all threads added.
    pub self_ns: i64,
    /// Activations.
    pub activations: i64,
}

/// A process of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process<'s> {
    /// Process id in its operating system.
    pub pid: u32,
    /// Its name; the run's own process has the run's name.
    pub name: &'s str,
    /// Whether it is the recorded process.
    pub is_own: bool,
}

impl<'r> ExportSource<'r> {
    /// Reads everything but activations, samples and events.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn read(recording: &'r Recording, run: &'r Run, filter: WalkFilter) -> Result<Self> {
        let store = recording.store();
        let callsites = store.callsites(run.no)?.all()?;
        let nodes = store.nodes(run.no)?.all()?;
        let callsite_of = nodes
            .iter()
            .filter_map(|node| Some((node.id.into(), node.callsite?)));
        let method = attributions(recording, run)?
            .into_iter()
            .find(|one| Some(one.id) == run.attribution)
            .map(|one| one.title());
        Ok(Self {
            recording,
            run,
            filter,
            ledger: ledger(recording, run, None)?,
            threads: store.threads(run.no)?.all()?,
            joined: store.processes(run.no)?.all()?,
            rails: store.rails(run.no)?.all()?,
            callsite_of: callsite_of.collect(),
            callsites: callsites.into_iter().map(|row| (row.id, row)).collect(),
            method,
            coverage: run_coverage(recording, run)?,
        })
    }

    /// Returns the run's name, or its id if it has none.
    pub fn name(&self) -> &str {
        let run = &self.run.row;
        run.metadata.name.as_deref().unwrap_or(&run.uuid)
    }

    /// Describes the source of its energies, such as `modelled, not measured; proportional v1`,
    /// and the selected part.
    pub fn provenance(&self) -> String {
        let energy_source = match self.run.provenance {
            None => "power was not measured",
            Some(_) => self.run.caveat().unwrap_or("measured"),
        };
        let method = self.method.as_deref().unwrap_or("not attributed");
        let coverage = match query::is_reported(self.coverage) {
            true => format!("; samples cover {} of the time", percent(self.coverage)),
            false => String::new(),
        };
        format!(
            "{energy_source}; {method}{coverage}{}",
            self.filter.description()
        )
    }

    /// Returns the label of a node.
    pub fn label(&self, node: u32) -> &str {
        let node = self.ledger.node(node.into());
        node.map_or("(unknown)", |node| node.label.as_str())
    }

    /// Returns the callsite of a node's spans.
    pub fn callsite(&self, node: i64) -> Option<&CallsiteRow> {
        self.callsites.get(self.callsite_of.get(&node)?)
    }

    /// Returns whether spans of a node are phases.
    pub fn is_phase(&self, node: u32) -> bool {
        let node = self.ledger.node(node.into());
        node.is_some_and(|node| node.role.as_deref() == Some("phase"))
    }

    /// Returns the thread with this id.
    pub fn thread(&self, id: u32) -> Option<&ThreadRow> {
        let at = self.threads.binary_search_by_key(&id, |thread| thread.id);
        at.ok().map(|at| &self.threads[at])
    }

    /// Returns a thread's id in its operating system, or its id in the run if that is unknown.
    pub fn tid(&self, id: u32) -> i64 {
        self.thread(id).map_or(id.into(), |thread| thread.tid)
    }

    /// Returns the recorded process and those that joined it.
    pub fn processes(&self) -> impl Iterator<Item = Process<'_>> {
        let own = Process {
            pid: self.run.row.pid,
            name: self.name(),
            is_own: true,
        };
        let joined = self.joined.iter().map(|row| Process {
            pid: row.pid,
            name: row.name.as_deref().unwrap_or("process"),
            is_own: false,
        });
        std::iter::once(own).chain(joined)
    }

    /// Returns the process id of a thread.
    pub fn pid(&self, thread: u32) -> u32 {
        let process = self.thread(thread).and_then(|thread| thread.process);
        let joined = process.and_then(|id| self.joined.iter().find(|row| row.id == id));
        joined.map_or(self.run.row.pid, |row| row.pid)
    }

    /// Returns rails without a parent rail.
    pub fn roots(&self) -> impl Iterator<Item = &RailRow> {
        self.rails.iter().filter(|rail| rail.parent.is_none())
    }

    /// Returns the name of a rail's power counter.
    pub fn counter(rail: &RailRow) -> String {
        format!("{} {}", rail.source, rail.name)
    }

    /// Visits activations of the selected part.
    ///
    /// # Errors
    /// See [`walk`].
    pub fn walk(&self, visitor: &mut dyn ActivationVisitor) -> Result<WalkStats> {
        walk(self.recording, self.run, &self.filter, visitor)
    }

    /// Passes samples of the selected part to `emit`, by start, each with its rail. A sample
    /// that crosses the window's edge is clipped, with constant power assumed.
    ///
    /// # Errors
    /// Fails if the file cannot be read, or if `emit` fails.
    pub fn samples(&self, mut emit: impl FnMut(&RailRow, &SampleRow) -> Result<()>) -> Result<()> {
        for sample in self.recording.store().samples(self.run.no)?.iter()? {
            let sample = sample?;
            let rail = self.rails.iter().find(|rail| rail.id == sample.rail);
            let part = self.filter.clip(sample.start_ns, sample.end_ns);
            if let (Some(rail), Some((start_ns, end_ns))) = (rail, part) {
                let share = share((start_ns, end_ns), (sample.start_ns, sample.end_ns));
                let energy_j = sample.energy_j.map(|energy_j| energy_j * share);
                let part = SampleRow {
                    start_ns,
                    end_ns,
                    energy_j,
                    ..sample
                };
                emit(rail, &part)?;
            }
        }
        Ok(())
    }

    /// Passes `tracing` events of the selected part to `emit`, in time order.
    ///
    /// # Errors
    /// Fails if the file cannot be read, or if `emit` fails.
    pub fn span_events(
        &self,
        mut emit: impl FnMut(&SpanEventRow, &str) -> Result<()>,
    ) -> Result<()> {
        for span_event in self.recording.store().span_events(self.run.no)?.iter()? {
            let span_event = span_event?;
            let callsite = self.callsites.get(&span_event.callsite);
            let name = callsite.map_or("event", |callsite| callsite.name.as_str());
            if self
                .filter
                .clip(span_event.time_ns, span_event.time_ns)
                .is_some()
            {
                emit(&span_event, name)?;
            }
        }
        Ok(())
    }

    /// Returns the active energy of all spans of the run, in joules.
    pub fn spans_j(&self) -> f64 {
        self.ledger.nodes.iter().map(|node| node.self_j).sum()
    }

    /// Returns the spans' energy that no exported activation holds, in joules: activations that
    /// were not recorded individually, whose time was not measured, or that were dropped.
    /// `None` for a window.
    pub fn remaining_j(&self, walked: &WalkStats) -> Option<f64> {
        let is_unwindowed = self.filter.window.is_none();
        is_unwindowed.then(|| self.spans_j() - walked.self_j)
    }

    /// Returns the cost of each node, parents first. For a part of a run it is summed over
    /// activations, without the share of idle energy.
    ///
    /// # Errors
    /// See [`walk`].
    pub fn node_costs(&self) -> Result<Vec<NodeCost<'_>>> {
        let nodes = self.ledger.nodes.iter();
        if self.filter.is_whole() {
            return Ok(nodes
                .map(|node| NodeCost {
                    node,
                    self_j: node.self_j,
                    idle_j: node.idle_j,
                    self_ns: node.self_ns,
                    activations: node.activations,
                })
                .collect());
        }
        let mut sums = NodeSums::default();
        self.walk(&mut sums)?;
        let cost = |node| {
            let sum = sums.0.get(&node_id(node)).copied().unwrap_or_default();
            NodeCost {
                node,
                self_j: sum.self_j,
                idle_j: None,
                self_ns: sum.self_ns,
                activations: sum.activations,
            }
        };
        Ok(nodes.map(cost).collect())
    }
}

fn node_id(node: &Node) -> u32 {
    u32::try_from(node.id).unwrap_or(0)
}

/// Sums costs of activations by node.
#[derive(Default)]
struct NodeSums(HashMap<u32, CostSum>);

#[derive(Debug, Clone, Copy, Default)]
struct CostSum {
    self_j: f64,
    self_ns: i64,
    activations: i64,
}

impl ActivationVisitor for NodeSums {
    fn exit(&mut self, activation: &PricedActivation, cost: &EntryCost) -> Result<()> {
        let sum = self.0.entry(activation.row.node).or_default();
        sum.self_j += cost.self_j.unwrap_or(0.0);
        sum.self_ns += cost.self_ns;
        sum.activations += 1;
        Ok(())
    }
}
