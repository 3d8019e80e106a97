//! Attribution of a recording from its file alone.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::path::Path;

use crate::attribution::{Engine, METHOD, Opened};
use crate::error::Error;
use crate::rows::{Domain, Role, SampleRow, SpanRow};
use crate::sink::AttributionRows;
use crate::store::{AttributionWriter, Store};
use crate::units::Power;

/// Windows are closed whenever this much run time has gone by.
const STEP_NS: i64 = 1_000_000_000;

/// Attributes run `uuid` of the database at `path` again, next to what is there;
/// answers the new attribution's id. Only the file is read, so that any old
/// recording gives the same numbers on any machine.
///
/// # Errors
/// An unknown method or run, or a database that cannot be read and written.
pub fn reattribute(path: &Path, uuid: &str, method: &str) -> Result<u32, Error> {
    if method != METHOD {
        let message = format!("there is no attribution method '{method}'; use '{METHOD}'");
        return Err(Error::Input {
            path: path.to_owned(),
            message,
        });
    }
    let store = Store::open_writable(path)?;
    let run = store.find_run(uuid)?.no;
    store.attribute(run, attribute_stored)
}

/// Repairs the runs of `store` whose process died: closes what was open at the
/// last time seen and attributes. Answers their ids.
///
/// # Errors
/// When the database cannot be read or written; then nothing has changed.
pub fn repair_dead_runs(store: &Store) -> Result<Vec<String>, Error> {
    let mut repaired = Vec::new();
    for (run, life) in store.runs_with_life()? {
        if life == crate::store::Life::Dead && store.repair(run.no, attribute_stored)? {
            repaired.push(run.row.uuid);
        }
    }
    Ok(repaired)
}

/// Reads a recording and writes its attribution.
///
/// # Errors
/// When the database cannot be read or written.
pub fn attribute_stored(writer: &mut AttributionWriter<'_>) -> Result<(), Error> {
    let (store, run) = (writer.store(), writer.run());
    let mut replay = Replay::new(store, run)?;
    let mut coarse = store.node_windows(run)?;
    let mut has_totals = false;
    for window in coarse.iter()? {
        has_totals = true;
        replay.engine.totals(window?);
    }
    let mut spans = store.spans(run)?;
    let mut next_ns = STEP_NS;
    for span in spans.iter()?.take_while(|_| !has_totals) {
        let span = span?;
        while span.start_ns >= next_ns {
            writer.write(&settled(replay.advance(next_ns)))?;
            next_ns += STEP_NS;
        }
        replay.open(span);
    }
    let (rows, _) = replay.finish();
    writer.write(&rows)
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

/// Rows that will not change: totals are written once, at the end.
pub(crate) fn settled(mut rows: AttributionRows) -> AttributionRows {
    rows.node_energy.clear();
    rows.phase_energy.clear();
    rows.balance.clear();
    rows.kind_energy.clear();
    rows.kind_groups.clear();
    rows.kind_fits.clear();
    rows
}

/// Tells a stored recording to an engine in the order of time.
struct Replay {
    engine: Engine,
    samples: std::iter::Peekable<std::vec::IntoIter<SampleRow>>,
    /// Open activations by end, inner ones first.
    open: BinaryHeap<Reverse<(i64, Reverse<u64>)>>,
    instances: HashSet<u64>,
    end_ns: i64,
}

impl Replay {
    fn new(store: &Store, run: i64) -> Result<Self, Error> {
        let mut engine = Engine::new();
        store
            .rails(run)?
            .all()?
            .into_iter()
            .for_each(|rail| engine.rail(rail));
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
        store
            .threads(run)?
            .all()?
            .iter()
            .for_each(|thread| engine.thread(thread.id, thread.role));
        store
            .cpu(run)?
            .all()?
            .into_iter()
            .for_each(|row| engine.cpu(row));
        let samples = store.samples(run)?.all()?.into_iter().peekable();
        let end_ns = run_end(store, run)?;
        Ok(Self {
            engine,
            samples,
            open: BinaryHeap::new(),
            instances: HashSet::new(),
            end_ns,
        })
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

    fn finish(mut self) -> (AttributionRows, crate::attribution::Finished) {
        self.close_until(self.end_ns);
        self.samples
            .by_ref()
            .for_each(|sample| self.engine.sample(sample));
        self.engine.finish(self.end_ns)
    }
}
