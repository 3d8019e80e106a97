//! Tells a stored recording to an engine in the order of time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

use super::ahead::Spans;
use crate::attribution::{Engine, Opened};
use crate::error::Error;
use crate::rows::{Domain, Role, SampleRow, SpanRow};
use crate::sink::AttributionRows;
use crate::store::Store;
use crate::units::Power;

/// Windows are closed whenever this much run time has gone by.
const STEP_NS: i64 = 1_000_000_000;

/// Spans and samples on their way to an engine.
pub(super) struct Replay<'s> {
    store: &'s Store,
    run: i64,
    spans: Spans,
    engine: Engine,
    samples: std::iter::Peekable<std::vec::IntoIter<SampleRow>>,
    /// Open activations by end, inner ones first.
    open: BinaryHeap<Reverse<(i64, Reverse<u64>)>>,
    instances: HashSet<u64>,
    end_ns: i64,
}

impl<'s> Replay<'s> {
    /// Tells `engine` all that is known of run number `run` beside its spans and
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
        for baseline in store.baselines(run)?.all()? {
            engine.baseline(baseline.rail, Some(Power::from_watts(baseline.power_w)));
        }
        let callsites: HashMap<u32, (Option<Role>, Domain)> = store
            .callsites(run)?
            .all()?
            .into_iter()
            .map(|row| (row.id, (row.role, row.domain)))
            .collect();
        for node in store.nodes(run)?.all()? {
            let known = node.callsite.and_then(|callsite| callsites.get(&callsite));
            let (role, domain) = known.copied().unwrap_or_default();
            engine.node(node.id, node.parent, role, domain);
        }
        for thread in store.threads(run)?.all()? {
            engine.thread(thread.id, thread.role);
            if let Some(process) = thread.process {
                engine.thread_of(thread.id, process);
            }
        }
        for row in store.cpu(run)?.all()? {
            engine.cpu(row);
        }
        let samples = store.samples(run)?.all()?;
        Ok(Self {
            store,
            run,
            spans,
            engine,
            samples: samples.into_iter().peekable(),
            open: BinaryHeap::new(),
            instances: HashSet::new(),
            end_ns,
        })
    }

    /// Tells everything; rows of windows that closed go to `take`. Gives back the
    /// engine and the time at which to finish it.
    pub(super) fn tell(
        mut self,
        mut take: impl FnMut(AttributionRows) -> Result<(), Error>,
    ) -> Result<(Engine, i64), Error> {
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
                    take(self.advance(next_ns))?;
                    next_ns += STEP_NS;
                }
                self.open(span);
                Ok(())
            })?;
        }
        self.close_until(self.end_ns);
        let Self {
            mut engine,
            samples,
            end_ns,
            ..
        } = self;
        samples.for_each(|sample| engine.sample(sample));
        Ok((engine, end_ns))
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
