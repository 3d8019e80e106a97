//! Passes all rows of a run to the batch and to the attribution engine.

use crate::record::{Activation, AssemblerOutput, Loss};
use crate::recorder::batch;
use crate::recorder::losses::LossCounts;
use crate::recorder::writer::SinkWriter;
use energy_attribution::{Engine, KindNames, Opened};
use energy_data::rows::{
    BaselineRow, CallsiteRow, CpuRow, DeviceUseRow, Domain, EventRow, FieldsRow, InstanceRow,
    LinkRow, NodeRow, NodeWindowRow, RailRow, Role, SpanEventRow, SpanRow, ThreadRole, ThreadRow,
};
use energy_data::sink::Batch;
use energy_host as host;

/// Time of the first totals of a run; the next ones are due when twice the time has passed.
const FIRST_TOTALS_NS: i64 = 1_000_000_000;
/// Longest time between totals: they cost a write for each node.
const TOTALS_EVERY_NS: i64 = 30_000_000_000;

/// Progress of the traced program so far.
#[derive(Debug, Default)]
pub(super) struct ProgramProgress {
    /// Activations begun.
    pub(super) activations: u64,
    /// Start of the first activation.
    pub(super) first_ns: Option<i64>,
    /// Kinds of nodes.
    pub(super) kinds: KindNames,
}

/// The rows since the last flush, and the engine that attributes them.
pub(super) struct RunRows {
    pub(super) engine: Engine,
    pub(super) batch: Batch,
    pub(super) losses: LossCounts,
    pub(super) progress: ProgramProgress,
    /// Messages of the run's summary.
    pub(super) warnings: Vec<String>,
    next_thread: u32,
    /// Run time of the latest totals.
    totalled_ns: i64,
}

impl RunRows {
    /// Begins with the rows of `batch`.
    pub(super) fn new(mut engine: Engine, batch: Batch, warnings: Vec<String>) -> Self {
        let rails = batch.rails.iter();
        rails.for_each(|rail| engine.rail(rail.clone()));
        Self {
            engine,
            batch,
            losses: LossCounts::default(),
            progress: ProgramProgress::default(),
            warnings,
            next_thread: 1,
            totalled_ns: 0,
        }
    }

    /// Adds a thread by its system id. Returns its id in the run.
    pub(super) fn thread(&mut self, tid: i64, name: Option<String>, role: ThreadRole) -> u32 {
        let id = self.next_thread;
        self.next_thread += 1;
        self.engine.thread(id, role);
        self.batch.threads.push(ThreadRow {
            id,
            tid,
            name,
            role,
            process: None,
        });
        id
    }

    pub(super) fn cpu(&mut self, row: CpuRow) {
        self.engine.cpu(row);
        self.batch.cpu.push(row);
    }

    pub(super) fn device_use(&mut self, row: DeviceUseRow) {
        self.engine.device_use(row);
        self.batch.device_use.push(row);
    }

    pub(super) fn rail(&mut self, row: RailRow) {
        self.engine.rail(row.clone());
        self.batch.rails.push(row);
    }

    pub(super) fn baseline(&mut self, row: BaselineRow) {
        self.engine.baseline(&row);
        self.batch.baselines.push(row);
    }

    /// Adds an event that is also a warning of the summary.
    pub(super) fn event(&mut self, time_ns: i64, kind: &str, message: String) {
        self.report(EventRow {
            time_ns,
            kind: kind.to_owned(),
            count: 1,
            message,
        });
    }

    /// Adds an event that is also a warning of the summary.
    pub(super) fn report(&mut self, event: EventRow) {
        self.warnings.push(event.message.clone());
        self.batch.events.push(event);
    }

    /// Adds an event for each count of losses that grew.
    pub(super) fn report_losses(&mut self, now_ns: i64) {
        let Self { losses, batch, .. } = self;
        losses.new_events(now_ns, &mut |event| batch.events.push(event));
    }

    /// Sends the batch. If the queue is full, rows are dropped and counted, but those needed
    /// by attribution stay for the next batch. Between flushes `batch.time_ns` is the time of
    /// the last sent batch.
    pub(super) fn send(&mut self, writer: &SinkWriter, time_ns: i64) {
        let flushed_ns = self.batch.time_ns;
        let mut full = std::mem::take(&mut self.batch);
        (full.time_ns, full.heartbeat_unix_ns) = (time_ns, host::unix_ns());
        batch::tidy(&mut full);
        match writer.send(full) {
            Ok(()) => self.batch.time_ns = time_ns,
            Err(back) => {
                self.batch = *back;
                self.batch.time_ns = flushed_ns;
                let lost = batch::strip(&mut self.batch, flushed_ns);
                self.losses.add_rows(lost);
            }
        }
    }

    /// Attributes the windows that are complete. Records are known up to `complete_ns`, CPU
    /// times of threads up to `cpu_ns`.
    pub(super) fn advance(&mut self, complete_ns: i64, cpu_ns: i64) {
        let rows = self.engine.advance(complete_ns, cpu_ns);
        self.batch.attribution.append(rows);
        for event in self.engine.take_events() {
            self.report(event);
        }
    }

    /// Adds totals up to now, if they are due.
    pub(super) fn total(&mut self, now_ns: i64) {
        let since_ns = now_ns.saturating_sub(self.totalled_ns);
        if since_ns >= self.totalled_ns.clamp(FIRST_TOTALS_NS, TOTALS_EVERY_NS) {
            self.totalled_ns = now_ns;
            self.batch.attribution.append(self.engine.current_totals());
        }
    }
}

impl AssemblerOutput for RunRows {
    fn callsite(&mut self, row: CallsiteRow) {
        self.progress.kinds.callsite(&row);
        self.batch.callsites.push(row);
    }
    fn node(&mut self, row: NodeRow, role: Option<Role>, domain: Domain) {
        self.engine.node(row.id, row.parent, role, domain);
        let (kind, name) = self.progress.kinds.node(&row);
        self.engine.kind(row.id, kind, name);
        self.batch.nodes.push(row);
    }
    fn open(&mut self, activation: Activation) {
        let Activation {
            seq,
            node,
            parent,
            thread,
            start_ns,
        } = activation;
        self.engine.open(Opened {
            seq,
            node,
            parent,
            thread,
            start_ns,
        });
        self.progress.activations += 1;
        self.progress.first_ns.get_or_insert(start_ns);
    }
    fn close(&mut self, seq: u64, end_ns: i64) {
        self.engine.close(seq, end_ns);
    }
    fn first_activation(&mut self, node: u32) {
        self.engine.instance(node);
    }
    fn span(&mut self, row: SpanRow) {
        self.batch.spans.push(row);
    }
    fn instance(&mut self, row: InstanceRow) {
        self.batch.instances.push(row);
    }
    fn fields(&mut self, span: u64, json: String) {
        self.batch.fields.push(FieldsRow { span, json });
    }
    fn link(&mut self, row: LinkRow) {
        self.batch.links.push(row);
    }
    fn span_event(&mut self, row: SpanEventRow) {
        self.batch.span_events.push(row);
    }
    fn node_window(&mut self, row: NodeWindowRow) {
        self.batch.node_windows.push(row);
    }
    fn loss(&mut self, loss: Loss) {
        self.losses.add(loss);
    }
}
