//! Writes an imported run.

use std::path::Path;

use tracing_energy::host;
use tracing_energy::rows::{
    BaselineRow, EventRow, RunMetadata, RunRow, RunStatus, SpanRow, ThreadRole, ThreadRow,
};
use tracing_energy::sink::{Batch, Sink};
use tracing_energy::store::SqliteSink;

use super::power::{Power, baselines};
use super::spans::Trace;
use super::tree::Tree;
use super::{ImportOptions, Oddity};
use crate::error::{Error, Result};

/// Spans in one batch.
const SPANS: usize = 8192;
/// The run begins before all and ends after all that is in the files by this much:
/// samples stay in it, if the sensor's clock is off by no more.
const MARGIN_NS: i64 = 50_000_000;
/// A clock that reads more than this at the first event did not start with the
/// program: such a run begins at its first event.
const OTHER_CLOCK_NS: i64 = 3_600_000_000_000;
/// 2001: a clock that reads more counts from 1970.
const UNIX_CLOCK_NS: i64 = 1_000_000_000_000_000_000;

/// A run, ready to be written.
#[derive(Debug)]
pub(super) struct Run {
    row: RunRow,
    trace: Trace,
    tree: Tree,
    power: Power,
    baselines: Vec<BaselineRow>,
    /// What the files' clock reads at the run's start.
    zero_ns: i64,
}

impl Run {
    pub(super) fn new(options: &ImportOptions, trace: Trace, tree: Tree, power: Power) -> Self {
        let spans = trace.spans.iter().map(|span| (span.start_ns, span.end_ns));
        let busy = extent(spans);
        let samples = power.samples.iter().map(|s| (s.start_ns, s.end_ns));
        let whole = extent(samples.chain([busy]));
        let whole = (whole.0 - MARGIN_NS, whole.1 + MARGIN_NS);
        let zero_ns = match whole.0 {
            first if first > OTHER_CLOCK_NS => first,
            first => first.min(0),
        };
        let mut run = Self {
            row: row(options, zero_ns, whole.1 - zero_ns),
            baselines: baselines(&power.samples, busy),
            trace,
            tree,
            power,
            zero_ns,
        };
        run.count_from_zero();
        run
    }

    pub(super) fn uuid(&self) -> &str {
        &self.row.uuid
    }

    pub(super) fn spans(&self) -> usize {
        self.trace.spans.len()
    }

    pub(super) fn samples(&self) -> usize {
        self.power.samples.len()
    }

    pub(super) fn warnings(&self) -> Vec<String> {
        let odd = self.oddities().map(|odd| odd.message.clone());
        let is_known = |id| self.baselines.iter().any(|row| row.rail == id);
        let unknown = self.power.rails.iter().filter(|rail| !is_known(rail.id));
        let unknown: Vec<&str> = unknown.map(|rail| rail.name.as_str()).collect();
        let idle = (!unknown.is_empty()).then(|| {
            format!(
                "idle power of {} is not known: half a second of samples before or after the \
                 spans would tell it",
                unknown.join(", ")
            )
        });
        odd.chain(idle).collect()
    }

    fn oddities(&self) -> impl Iterator<Item = &Oddity> {
        self.tree.oddities.iter().chain(&self.power.oddities)
    }

    fn count_from_zero(&mut self) {
        let zero_ns = self.zero_ns;
        for span in &mut self.trace.spans {
            span.start_ns -= zero_ns;
            span.end_ns -= zero_ns;
        }
        for sample in &mut self.power.samples {
            sample.start_ns -= zero_ns;
            sample.end_ns -= zero_ns;
        }
        for row in &mut self.baselines {
            row.start_ns -= zero_ns;
            row.end_ns -= zero_ns;
        }
    }

    /// Writes all of it to the recording at `db`, and at the very end that it is
    /// complete.
    pub(super) fn write(self, db: &Path) -> Result<()> {
        let mut sink = SqliteSink::create(db)?;
        let mut write = |batch: &Batch| sink.write(batch).map_err(Error::Sink);
        let running = RunRow {
            status: RunStatus::Running,
            end_ns: None,
            ..self.row.clone()
        };
        write(&Batch {
            run: Some(running),
            threads: self.threads(),
            rails: self.power.rails.clone(),
            callsites: self.tree.callsites.clone(),
            nodes: self.tree.nodes.clone(),
            baselines: self.baselines.clone(),
            samples: self.power.samples.clone(),
            events: self.events(),
            ..self.batch(0)
        })?;
        for first in (0..self.trace.spans.len()).step_by(SPANS) {
            let spans = self.span_rows(first);
            let time_ns = spans.last().map_or(0, |span| span.start_ns);
            write(&Batch {
                spans,
                ..self.batch(time_ns)
            })?;
        }
        let last = Batch {
            run: Some(self.row.clone()),
            ..self.batch(self.row.end_ns.unwrap_or(0))
        };
        write(&last)?;
        sink.finish().map_err(Error::Sink)
    }

    fn batch(&self, time_ns: i64) -> Batch {
        Batch {
            time_ns,
            heartbeat_unix_ns: host::unix_ns(),
            ..Batch::default()
        }
    }

    /// Numbered threads keep their number, the others their name.
    fn threads(&self) -> Vec<ThreadRow> {
        (1..)
            .zip(&self.trace.threads)
            .map(|(id, name)| ThreadRow {
                id,
                tid: name.parse().unwrap_or(i64::from(id)),
                name: name.parse::<i64>().is_err().then(|| name.clone()),
                role: ThreadRole::Program,
                process: None,
            })
            .collect()
    }

    fn span_rows(&self, first: usize) -> Vec<SpanRow> {
        let nodes = self.tree.node_of.iter().skip(first);
        let spans = self.trace.spans.iter().skip(first).take(SPANS);
        (first as u64 + 1..)
            .zip(spans.zip(nodes))
            .map(|(seq, (span, &node))| SpanRow {
                seq,
                node,
                instance: None,
                parent: span.parent.map(|parent| u64::from(parent) + 1),
                thread: span.thread + 1,
                start_ns: span.start_ns,
                end_ns: Some(span.end_ns),
                token: None,
            })
            .collect()
    }

    fn events(&self) -> Vec<EventRow> {
        let event = |odd: &Oddity| EventRow {
            time_ns: 0,
            kind: odd.kind.to_owned(),
            count: odd.count,
            message: odd.message.clone(),
        };
        self.oddities().map(event).collect()
    }
}

/// The first start and the last end.
fn extent(times: impl Iterator<Item = (i64, i64)>) -> (i64, i64) {
    times.fold((i64::MAX, i64::MIN), |(first, last), (start, end)| {
        (first.min(start), last.max(end))
    })
}

/// The machine that was measured is not known.
fn row(options: &ImportOptions, zero_ns: i64, end_ns: i64) -> RunRow {
    let config = serde_json::json!({
        "spans": options.spans.display().to_string(),
        "samples": options.samples.display().to_string(),
        "zero_ns": zero_ns,
    });
    RunRow {
        uuid: uuid::Uuid::new_v4().to_string(),
        status: RunStatus::Complete,
        pid: std::process::id(),
        pid_start: host::process_start(std::process::id()),
        boot_id: host::Host::here().boot_id,
        start_unix_ns: if zero_ns > UNIX_CLOCK_NS {
            zero_ns
        } else {
            host::unix_ns()
        },
        end_ns: Some(end_ns),
        host: None,
        os: None,
        chip: None,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        joins: None,
        metadata: RunMetadata {
            name: options.name.clone(),
            engine: Some("import".to_owned()),
            config: Some(config.to_string()),
            ..RunMetadata::default()
        },
    }
}
