//! Replays a stored recording into an engine in the order of time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::iter::Peekable;

use super::ahead::Spans;
use super::device_times::DeviceTimes;
use crate::error::Error;
use crate::store::Store;
use energy_attribution::batches::{self, BatchActivity, Batched};
use energy_attribution::{Engine, KindNames, Opened, refuted_baselines};
use energy_data::rows::AttributionRows;
use energy_data::rows::{CpuRow, Domain, Role, SampleRow, SpanRow};

/// Interval of run time after which windows are closed.
const STEP_NS: i64 = 1_000_000_000;

/// Feeds CPU times to an engine as they are needed, because there may be many of them.
struct CpuFeed<I: Iterator<Item = Result<CpuRow, Error>>> {
    /// Rows by end.
    rows: Peekable<I>,
    longest_ns: i64,
}

impl<I: Iterator<Item = Result<CpuRow, Error>>> CpuFeed<I> {
    /// Feeds all rows that begin before `until_ns`.
    fn feed(&mut self, engine: &mut Engine, until_ns: i64) -> Result<(), Error> {
        let until_ns = until_ns.saturating_add(self.longest_ns);
        let is_needed = |row: &Result<CpuRow, Error>| match row {
            Ok(row) => row.end_ns <= until_ns,
            Err(_) => true,
        };
        while let Some(row) = self.rows.next_if(is_needed) {
            engine.cpu(row?);
        }
        Ok(())
    }
}

/// Feeds spans and samples to an engine.
pub(super) struct Replay<'s> {
    store: &'s Store,
    run: i64,
    spans: Spans,
    engine: Engine,
    samples: Peekable<std::vec::IntoIter<SampleRow>>,
    /// Open activations by end, inner ones first.
    open: BinaryHeap<Reverse<(i64, Reverse<u64>)>>,
    instances: HashSet<u64>,
    device: DeviceTimes,
    end_ns: i64,
}

impl<'s> Replay<'s> {
    /// Feeds `engine` everything about run number `run` except its spans, CPU times and
    /// samples.
    pub(super) fn new(
        store: &'s Store,
        run: i64,
        spans: Spans,
        mut engine: Engine,
    ) -> Result<Self, Error> {
        let end_ns = run_end(store, run)?;
        for rail in store.rails(run)?.all()? {
            engine.rail(rail);
        }
        let baselines = store.baselines(run)?.all()?;
        let (samples, batched) = readings(store, run)?;
        baselines.iter().for_each(|row| engine.baseline(row));
        engine.refuted(&refuted_baselines(&baselines, &samples, end_ns));
        let mut kinds = KindNames::default();
        let mut callsites: HashMap<u32, (Option<Role>, Domain)> = HashMap::new();
        for row in store.callsites(run)?.all()? {
            kinds.callsite(&row);
            callsites.insert(row.id, (row.role, row.domain));
        }
        for node in store.nodes(run)?.all()? {
            let known = node.callsite.and_then(|callsite| callsites.get(&callsite));
            let (role, domain) = known.copied().unwrap_or_default();
            engine.node(node.id, node.parent, role, domain);
            let (kind, name) = kinds.node(&node);
            engine.kind(node.id, kind, name);
        }
        let device = DeviceTimes::read(store, run)?;
        for thread in store.threads(run)?.all()? {
            for id in [Some(thread.id), device.thread(thread.id)]
                .into_iter()
                .flatten()
            {
                engine.thread(id, thread.role);
                if let Some(process) = thread.process {
                    engine.thread_of(id, process);
                }
            }
        }
        for row in store.device_use(run)?.all()? {
            engine.device_use(row);
        }
        engine.batched(&batched);
        Ok(Self {
            store,
            run,
            spans,
            engine,
            samples: samples.into_iter().peekable(),
            open: BinaryHeap::new(),
            instances: HashSet::new(),
            device,
            end_ns,
        })
    }

    /// Feeds everything else; rows of closed windows go to `consume`. Returns the engine and
    /// the time at which to finish it.
    pub(super) fn feed(
        mut self,
        mut consume: impl FnMut(AttributionRows) -> Result<(), Error>,
    ) -> Result<(Engine, i64), Error> {
        let mut cpu = self.store.cpu(self.run)?;
        let mut cpu = CpuFeed {
            rows: cpu.iter()?.peekable(),
            longest_ns: self.store.longest_cpu_row(self.run)?,
        };
        let mut coarse = self.store.node_windows(self.run)?;
        let mut has_totals = false;
        for window in coarse.iter()? {
            has_totals = true;
            self.engine.totals(window?);
        }
        if !has_totals {
            let mut next_ns = STEP_NS;
            let spans = self.spans;
            spans.each(self.store, self.run, &mut |span| {
                while span.start_ns >= next_ns {
                    cpu.feed(&mut self.engine, next_ns)?;
                    self.open_on_device(next_ns);
                    consume(self.advance(next_ns))?;
                    next_ns += STEP_NS;
                }
                self.open_on_device(span.start_ns);
                if let Some(span) = self.device.hold(span) {
                    self.open(span);
                }
                Ok(())
            })?;
            self.open_on_device(i64::MAX);
        }
        self.close_until(self.end_ns);
        let Self {
            mut engine,
            samples,
            end_ns,
            ..
        } = self;
        cpu.feed(&mut engine, i64::MAX)?;
        samples.for_each(|sample| engine.sample(sample));
        Ok((engine, end_ns))
    }

    /// Opens what devices begin up to `time_ns`.
    fn open_on_device(&mut self, time_ns: i64) {
        while let Some(span) = self.device.next(time_ns) {
            self.open(span);
        }
    }

    fn open(&mut self, span: SpanRow) {
        self.close_until(span.start_ns);
        if span
            .instance
            .is_none_or(|instance| self.instances.insert(instance))
        {
            self.engine.instance(span.node);
        }
        self.engine.open(Opened {
            seq: span.seq,
            node: span.node,
            parent: span.parent,
            thread: span.thread,
            start_ns: span.start_ns,
        });
        self.open.push(Reverse((
            span.end_ns.unwrap_or(self.end_ns),
            Reverse(span.seq),
        )));
    }

    fn close_until(&mut self, time_ns: i64) {
        while let Some(&Reverse((end_ns, Reverse(seq)))) = self.open.peek()
            && end_ns <= time_ns
        {
            self.open.pop();
            self.engine.close(seq, end_ns);
        }
    }

    fn advance(&mut self, now_ns: i64) -> AttributionRows {
        self.close_until(now_ns);
        while let Some(sample) = self.samples.next_if(|sample| sample.start_ns <= now_ns) {
            self.engine.sample(sample);
        }
        self.engine.advance(now_ns, now_ns)
    }
}

/// Returns the samples of a run, and the rails with readings that came in batches and were
/// merged.
pub(super) fn readings(store: &Store, run: i64) -> Result<(Vec<SampleRow>, Vec<Batched>), Error> {
    let (rails, samples) = (store.rails(run)?.all()?, store.samples(run)?.all()?);
    let mut failed = None;
    let spans = || match activity(store, run) {
        Ok(activity) => activity,
        Err(error) => {
            failed = Some(error);
            None
        }
    };
    let merged = batches::merge(&rails, samples, spans);
    failed.map_or(Ok(merged), Err)
}

/// Returns the times of root spans; `None` if only totals were recorded.
fn activity(store: &Store, run: i64) -> Result<Option<BatchActivity>, Error> {
    let end_ns = run_end(store, run)?;
    let mut roots = Vec::new();
    for span in store.spans(run)?.iter()? {
        let span = span?;
        if span.parent.is_none() {
            roots.push((span.start_ns, span.end_ns.unwrap_or(end_ns)));
        }
    }
    Ok((!roots.is_empty()).then(|| BatchActivity::of(roots)))
}

fn run_end(store: &Store, run: i64) -> Result<i64, Error> {
    let stored = store.runs()?.into_iter().find(|stored| stored.no == run);
    stored
        .and_then(|stored| stored.row.end_ns)
        .ok_or_else(|| Error::Input {
            path: store.path().to_owned(),
            message: format!(
                "run number {run} is still being recorded; attribute it when it has ended"
            ),
        })
}
