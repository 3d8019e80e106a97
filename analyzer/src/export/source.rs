//! What all formats need of a run beside its activations; small, whatever the number
//! of spans.

use std::collections::HashMap;

use tracing_energy::rows::{CallsiteRow, MarkRow, ProcessRow, RailRow, SampleRow, ThreadRow};

use super::cut::share;
use super::{Activation, Cost, Cut, Visit, Walked, walk};
use crate::error::Result;
use crate::format::percent;
use crate::query::{self, Ledger, Node, Recording, Run, attributions, ledger, run_coverage};

/// A run, ready to be written.
pub struct Source<'r> {
    /// Where it is.
    pub recording: &'r Recording,
    /// The run.
    pub run: &'r Run,
    /// What part of it is wanted.
    pub cut: Cut,
    /// Its nodes on root rails, over the whole run.
    pub ledger: Ledger,
    /// Its threads by id.
    pub threads: Vec<ThreadRow>,
    /// Other processes that are part of the run, by id.
    joined: Vec<ProcessRow>,
    /// Its rails by id.
    pub rails: Vec<RailRow>,
    /// Its callsites by id.
    callsites: HashMap<u32, CallsiteRow>,
    /// The callsite of each node that has one.
    callsite_of: HashMap<i64, u32>,
    /// How its energy was divided: `fitted v1`; none where it was not.
    pub method: Option<String>,
    /// Share of the run's time that samples cover.
    pub coverage: Option<f64>,
}

/// What a node cost by itself in the part of the run that is wanted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NodeCost<'s> {
    /// The node.
    pub node: &'s Node,
    /// Active self energy.
    pub self_j: f64,
    /// Its share of idle energy; none where it is not known.
    pub idle_j: Option<f64>,
    /// Self time, all threads added.
    pub self_ns: i64,
    /// Activations.
    pub activations: i64,
}

/// A process of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process<'s> {
    /// Its number in its system.
    pub pid: u32,
    /// What it is called; the run's own is called as the run.
    pub name: &'s str,
    /// Whether it is the run's own.
    pub is_own: bool,
}

impl<'r> Source<'r> {
    /// Reads what is small.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(recording: &'r Recording, run: &'r Run, cut: Cut) -> Result<Self> {
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
            cut,
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

    /// What the run is called.
    pub fn name(&self) -> &str {
        let run = &self.run.row;
        run.metadata.name.as_deref().unwrap_or(&run.uuid)
    }

    /// How its figures came to be, in words: `modelled, not measured; proportional v1`, and
    /// what part of the run they are of.
    pub fn figures(&self) -> String {
        let provenance = match self.run.provenance {
            None => "power was not measured",
            Some(_) => self.run.caveat().unwrap_or("measured"),
        };
        let method = self.method.as_deref().unwrap_or("not attributed");
        let coverage = match query::is_reported(self.coverage) {
            true => format!("; samples cover {} of the time", percent(self.coverage)),
            false => String::new(),
        };
        format!("{provenance}; {method}{coverage}{}", self.cut.words())
    }

    /// The label of a node.
    pub fn label(&self, node: u32) -> &str {
        let node = self.ledger.node(node.into());
        node.map_or("(unknown)", |node| node.label.as_str())
    }

    /// Where the spans of a node come from.
    pub fn callsite(&self, node: i64) -> Option<&CallsiteRow> {
        self.callsites.get(self.callsite_of.get(&node)?)
    }

    /// Whether spans of a node are phases.
    pub fn is_phase(&self, node: u32) -> bool {
        let node = self.ledger.node(node.into());
        node.is_some_and(|node| node.role.as_deref() == Some("phase"))
    }

    /// The thread with that id.
    pub fn thread(&self, id: u32) -> Option<&ThreadRow> {
        let at = self.threads.binary_search_by_key(&id, |thread| thread.id);
        at.ok().map(|at| &self.threads[at])
    }

    /// A thread's number in its system, its id where that is not known.
    pub fn tid(&self, id: u32) -> i64 {
        self.thread(id).map_or(id.into(), |thread| thread.tid)
    }

    /// The process that was recorded, and those that joined it.
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

    /// The number of a thread's process in its system.
    pub fn pid(&self, thread: u32) -> u32 {
        let process = self.thread(thread).and_then(|thread| thread.process);
        let joined = process.and_then(|id| self.joined.iter().find(|row| row.id == id));
        joined.map_or(self.run.row.pid, |row| row.pid)
    }

    /// Rails that no other contains.
    pub fn roots(&self) -> impl Iterator<Item = &RailRow> {
        self.rails.iter().filter(|rail| rail.parent.is_none())
    }

    /// What a counter of a rail's power is called.
    pub fn counter(rail: &RailRow) -> String {
        format!("{} {}", rail.source, rail.name)
    }

    /// Activations in the part of the run that is wanted.
    ///
    /// # Errors
    /// As [`walk`].
    pub fn walk(&self, visitor: &mut dyn Visit) -> Result<Walked> {
        walk(self.recording, self.run, &self.cut, visitor)
    }

    /// Samples in that part, by start, each with its rail. A sample that reaches beyond
    /// is cut: its power holds for all of it.
    ///
    /// # Errors
    /// When the file cannot be read, or `tell` refuses.
    pub fn samples(&self, mut tell: impl FnMut(&RailRow, &SampleRow) -> Result<()>) -> Result<()> {
        for sample in self.recording.store().samples(self.run.no)?.iter()? {
            let sample = sample?;
            let rail = self.rails.iter().find(|rail| rail.id == sample.rail);
            let part = self.cut.part(sample.start_ns, sample.end_ns);
            if let (Some(rail), Some((start_ns, end_ns))) = (rail, part) {
                let share = share((start_ns, end_ns), (sample.start_ns, sample.end_ns));
                let energy_j = sample.energy_j.map(|energy_j| energy_j * share);
                let part = SampleRow {
                    start_ns,
                    end_ns,
                    energy_j,
                    ..sample
                };
                tell(rail, &part)?;
            }
        }
        Ok(())
    }

    /// `tracing` events in that part, in the order of time.
    ///
    /// # Errors
    /// When the file cannot be read, or `tell` refuses.
    pub fn marks(&self, mut tell: impl FnMut(&MarkRow, &str) -> Result<()>) -> Result<()> {
        for mark in self.recording.store().marks(self.run.no)?.iter()? {
            let mark = mark?;
            let callsite = self.callsites.get(&mark.callsite);
            let name = callsite.map_or("event", |callsite| callsite.name.as_str());
            if self.cut.part(mark.time_ns, mark.time_ns).is_some() {
                tell(&mark, name)?;
            }
        }
        Ok(())
    }

    /// Active energy of all spans of the run.
    pub fn spans_j(&self) -> f64 {
        self.ledger.nodes.iter().map(|node| node.self_j).sum()
    }

    /// What no activation holds of it: of those that were not recorded one by one, or
    /// whose time was not measured, and what was left out. It is not known for a window.
    pub fn rest_j(&self, walked: &Walked) -> Option<f64> {
        let whole = self.cut.window.is_none();
        whole.then(|| self.spans_j() - walked.self_j)
    }

    /// What each node cost, parents first. A part of a run is added up from its
    /// activations, and the share of idle energy is not known then.
    ///
    /// # Errors
    /// As [`walk`].
    pub fn node_costs(&self) -> Result<Vec<NodeCost<'_>>> {
        let nodes = self.ledger.nodes.iter();
        if self.cut.is_whole() {
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
        let mut sums = Sums::default();
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

/// Costs of activations by node.
#[derive(Default)]
struct Sums(HashMap<u32, Sum>);

#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    self_j: f64,
    self_ns: i64,
    activations: i64,
}

impl Visit for Sums {
    fn exit(&mut self, activation: &Activation, cost: &Cost) -> Result<()> {
        let sum = self.0.entry(activation.row.node).or_default();
        sum.self_j += cost.self_j.unwrap_or(0.0);
        sum.self_ns += cost.self_ns;
        sum.activations += 1;
        Ok(())
    }
}
