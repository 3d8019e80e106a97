//! The engine: passes inputs to the window builder, and closes windows into a pipeline.
//!
//! ```text
//! spans, CPU times,                   +--> accounting (method, ledger) --> rows, events
//! device use, samples --> builder ----+
//!                                     `--> observation --> pieces of time, for the fit
//! ```

use energy_data::Batched;
use energy_data::rows::{
    AttributionRows, BaselineRow, CpuRow, DeviceUseRow, Domain, EventRow, NodeWindowRow, RailRow,
    Role, SampleRow, ThreadRole,
};

use crate::allocate::estimated::Estimated;
#[cfg(feature = "fit")]
use crate::allocate::live::Live;
use crate::allocate::proportional::Proportional;
use crate::idle_power::IdlePower;
use crate::observe::{ObservedWindows, PieceConsumer, PieceScope};
use crate::pipeline::accounting::Accounting;
use crate::pipeline::observation::Observation;
use crate::prices::Prices;
use crate::report::finished::Finished;
use crate::spans::segments::Opened;
use crate::spans::track::whole_slots;
use crate::windows::builder::WindowBuilder;

/// Attribution by the method `proportional`, or by an estimate of the whole run or of the
/// windows so far. Inputs may be fed in pieces of any size;
/// [`Engine::advance`] may be called at any time to fetch rows.
#[derive(Debug)]
pub struct Engine {
    builder: WindowBuilder,
    consumer: Consumer,
}

/// The pipeline that windows go to.
#[derive(Debug)]
enum Consumer {
    Account(Box<Accounting>),
    Observe(Observation),
}

impl Default for Engine {
    fn default() -> Self {
        Self {
            builder: WindowBuilder::default(),
            consumer: Consumer::Account(Box::new(Accounting::new(Proportional::default()))),
        }
    }
}

/// Construction. Call these functions before all others.
impl Engine {
    /// Creates an engine without inputs, of the method `proportional`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the number of segments that are retained before the oldest are folded into sums
    /// (default: 400,000).
    pub fn retaining(mut self, segments: usize) -> Self {
        self.builder.inputs.spans.retain(segments);
        self
    }

    /// Sets an estimate, which gives the accounts of the samples that it contains.
    pub fn pricing(mut self, prices: Prices) -> Self {
        let (estimated, kinds) = Estimated::new(prices);
        self.builder.inputs.kinds = kinds;
        self.consumer = Consumer::Account(Box::new(Accounting::new(estimated)));
        self
    }

    /// Attributes windows by a live estimate of the power of kinds, on rails that can be
    /// estimated: method `fitted` during a run. Set the kinds of nodes with [`Engine::kind`].
    #[cfg(feature = "fit")]
    pub fn estimating_live(mut self) -> Self {
        self.builder.inputs.kinds.of_estimate = true;
        self.consumer = Consumer::Account(Box::new(Accounting::new(Live::default())));
        self
    }

    /// Observes instead of accounting: pieces of `scopes` go to `consume`, roughly in order of
    /// time, while windows close. Such an engine has no rows.
    pub fn observing(mut self, scopes: Vec<PieceScope>, consume: PieceConsumer) -> Self {
        self.consumer = Consumer::Observe(Observation::new(scopes, consume));
        self
    }
}

/// Inputs.
impl Engine {
    /// Adds rails with samples that are merged readings; used in diagnostics only.
    pub fn batched(&mut self, batched: &[Batched]) {
        self.builder.inputs.batched.extend_from_slice(batched);
    }

    /// Adds a rail. Call it before adding its samples.
    pub fn rail(&mut self, rail: RailRow) {
        let clock = match &self.consumer {
            Consumer::Account(accounting) => accounting.clock(rail.id),
            Consumer::Observe(_) => (0, 0.0),
        };
        self.builder.rail(rail, clock);
        if let Consumer::Account(accounting) = &mut self.consumer {
            accounting.add_rails(self.builder.inputs.rails.len());
        }
    }

    /// Sets a rail's idle power for windows that close from now on. Before, idle power is
    /// unknown.
    pub fn baseline(&mut self, row: &BaselineRow) {
        let mut rails = self.builder.inputs.rails.iter_mut();
        if let Some(known) = rails.find(|known| known.row.id == row.rail) {
            known.idle = Some(IdlePower::from(row));
        }
    }

    /// Sets the rails whose idle power is not that of the run
    /// ([`refuted_baselines`](super::refuted_baselines)). Call it after adding all rails.
    /// Without it, this is decided at the end of the run, and closed windows keep the idle
    /// power they had.
    pub fn refuted(&mut self, rails: &[u32]) {
        for rail in &mut self.builder.inputs.rails {
            rail.is_refuted = Some(rails.contains(&rail.row.id));
        }
    }

    /// Adds a node. Call it before adding its activations, parents first. Ids are dense and
    /// start at 1.
    pub fn node(&mut self, id: u32, parent: Option<u32>, role: Option<Role>, domain: Domain) {
        // Phases are not observed.
        let role = role.filter(|_| matches!(self.consumer, Consumer::Account(_)));
        self.builder.inputs.spans.node(id, parent, role, domain);
    }

    /// Sets the kind of a node. Call it before adding the node's activations. Kinds are
    /// numbered from 1 ([`Kinds`](super::Kinds)). Without kinds, all activations of a thread
    /// have one power in a window.
    pub fn kind(&mut self, node: u32, kind: u32, name: &str) {
        self.builder.inputs.kinds.set(node, kind, name);
    }

    /// Adds a thread. Call it before adding its spans and CPU times.
    pub fn thread(&mut self, id: u32, role: ThreadRole) {
        self.builder.inputs.processes.thread(id, role);
        self.builder.inputs.spans.stacks.thread_mut(id);
    }

    /// Assigns a thread to the child process with that id. Call it before adding the thread's
    /// spans.
    pub fn thread_of(&mut self, thread: u32, process: u32) {
        self.builder.inputs.processes.assign(thread, process);
    }

    /// Counts an instance that entered a node for the first time.
    pub fn instance(&mut self, node: u32) {
        self.builder.inputs.spans.node_mut(node).instances += 1;
    }

    /// Opens an activation. Openings and closings of all threads must be in order of time.
    pub fn open(&mut self, opened: Opened) {
        self.builder.inputs.spans.open(&opened);
    }

    /// Closes an activation; others of its thread stay open.
    pub fn close(&mut self, seq: u64, end_ns: i64) {
        let inputs = &mut self.builder.inputs;
        if let Some((closed, role)) = inputs.spans.close(seq, end_ns)
            && let Consumer::Account(accounting) = &mut self.consumer
        {
            accounting.add_activation(closed, role, inputs.shortest_ns);
        }
    }

    /// Adds totals of a node and thread in a window, instead of openings and closings.
    /// Totals lack waiting times, idle shares and phases.
    pub fn totals(&mut self, window: NodeWindowRow) {
        self.builder.inputs.spans.totals(&window);
    }

    /// Adds CPU time. Rows of one series must be in order of time.
    pub fn cpu(&mut self, row: CpuRow) {
        self.builder.cpu(row);
    }

    /// Adds use of a rail's device by process. Rows of one rail must be in order of time, and
    /// complete up to the same time as CPU times.
    pub fn device_use(&mut self, row: DeviceUseRow) {
        self.builder.device_use(row);
    }

    /// Adds a sample. Those of one rail must be in order of time. Samples of unknown rails are
    /// only counted.
    pub fn sample(&mut self, sample: SampleRow) {
        self.builder.sample(sample);
    }
}

/// Results.
impl Engine {
    /// Closes every window with complete inputs and returns their rows, without totals.
    ///
    /// The caller guarantees that all openings and closings before `spans_until_ns` were
    /// added (windows close at whole milliseconds of it), and all CPU times before
    /// `cpu_until_ns`: no later row of a process or thread begins before it, and every
    /// machine row that ended by it was added. Without CPU times it is `i64::MAX`. Both
    /// must be below the run's end.
    pub fn advance(&mut self, spans_until_ns: i64, cpu_until_ns: i64) -> AttributionRows {
        let sealed = whole_slots(spans_until_ns);
        let builder = &mut self.builder;
        builder.inputs.spans.seal(sealed);
        builder.inputs.spans.seal_edges(sealed);
        let until = (sealed, cpu_until_ns);
        match &mut self.consumer {
            Consumer::Account(accounting) => accounting.advance(builder, until),
            Consumer::Observe(observation) => {
                observation.advance(builder, until);
                AttributionRows::default()
            }
        }
    }

    /// Returns totals up to the last call of [`Engine::advance`]: balances, phases, and the nodes
    /// that have changed since the last call.
    pub fn current_totals(&mut self) -> AttributionRows {
        match &mut self.consumer {
            Consumer::Account(accounting) => accounting.totals(&self.builder),
            Consumer::Observe(_) => AttributionRows::default(),
        }
    }

    /// Returns the events since the last call, such as unmeasured time and late samples.
    pub fn take_events(&mut self) -> Vec<EventRow> {
        match &mut self.consumer {
            Consumer::Account(accounting) => accounting.take_events(),
            Consumer::Observe(_) => Vec::new(),
        }
    }

    /// Ends the run: closes open activations, then every window, cut to `end_ns`. An observing
    /// engine has no results; see [`Engine::finish_observing`].
    pub fn finish(mut self, end_ns: i64) -> (AttributionRows, Finished) {
        self.end(end_ns);
        match self.consumer {
            Consumer::Account(accounting) => accounting.finish(&mut self.builder, end_ns),
            Consumer::Observe(_) => Default::default(),
        }
    }

    /// Ends the run and returns the observations about samples.
    pub fn finish_observing(mut self, end_ns: i64) -> ObservedWindows {
        self.end(end_ns);
        match self.consumer {
            Consumer::Account(_) => ObservedWindows::default(),
            Consumer::Observe(observation) => observation.finish(&mut self.builder, end_ns),
        }
    }

    /// Returns the mean load of the processes of the run without the recorder's threads, in
    /// cores; `None` without CPU times.
    pub fn program_cores(&self, start_ns: i64, end_ns: i64) -> Option<f64> {
        self.builder.inputs.program_cores(start_ns, end_ns)
    }

    /// Whether a live estimate was requested, and any rail can be estimated.
    pub fn is_estimating(&self) -> bool {
        match &self.consumer {
            Consumer::Account(accounting) => accounting.is_estimating(&self.builder.inputs.rails),
            Consumer::Observe(_) => false,
        }
    }

    /// Closes all activations.
    fn end(&mut self, end_ns: i64) {
        let open = self.builder.inputs.spans.stacks.open_numbers();
        for seq in open.into_iter().rev() {
            self.close(seq, end_ns);
        }
        let inputs = &mut self.builder.inputs;
        inputs.spans.seal(i64::MAX);
        inputs.cpu.finished = true;
        inputs.run_end = end_ns;
    }
}
