//! Writes an imported run.

use std::path::Path;

use energy_data::rows::{
    BaselineRow, EventRow, FieldsRow, RunMetadata, RunRow, RunStatus, SpanEventRow, SpanRow,
    ThreadRole, ThreadRow,
};
use energy_data::sink::{Batch, Sink};
use energy_host as host;
use energy_store::SqliteSink;

use super::anomaly::Anomaly;
use super::idle::baselines;
use super::imported::Imported;
use super::power::PowerRecording;
use super::trace::{ImportedTrace, SpanEvent, extent};
use super::tree::NodeTree;
use crate::error::{Error, Result};

/// Number of spans in one batch.
const SPANS: usize = 8192;
/// Margin of the run before and after all data of the files, so that samples stay within the
/// run if the sensor's clock differs by no more.
const MARGIN_NS: i64 = 50_000_000;
/// Clock time of the first event beyond which the clock did not start with the program: the run
/// then starts at its first event.
const OTHER_CLOCK_NS: i64 = 3_600_000_000_000;
/// 2001 in ns since 1970: a larger clock time counts from 1970.
const UNIX_CLOCK_NS: i64 = 1_000_000_000_000_000_000;

/// Metadata of an imported run.
#[derive(Debug, Clone, Default)]
pub(super) struct RunDescription {
    pub(super) name: Option<String>,
    /// Imported files and options: a JSON object.
    pub(super) config: serde_json::Value,
    /// Time at which the spans' clock read zero, ns since 1970.
    pub(super) zero_unix_ns: Option<i64>,
}

/// A run, ready to be written.
#[derive(Debug)]
pub(super) struct ImportedRun {
    row: RunRow,
    trace: ImportedTrace,
    tree: NodeTree,
    power: PowerRecording,
    baselines: Vec<BaselineRow>,
    /// Time of the files' clock at the run's start.
    zero_ns: i64,
}

impl ImportedRun {
    /// Creates the run; `power` must be on the clock of the spans.
    pub(super) fn new(
        description: RunDescription,
        trace: ImportedTrace,
        tree: NodeTree,
        mut power: PowerRecording,
    ) -> Self {
        let busy = trace.extent();
        let samples = power.samples.iter().map(|s| (s.start_ns, s.end_ns));
        let whole = extent(samples.chain([busy]));
        let whole = (whole.0 - MARGIN_NS, whole.1 + MARGIN_NS);
        let zero_ns = match whole.0 {
            first if first > OTHER_CLOCK_NS => first,
            first => first.min(0),
        };
        let (baselines, idle_anomalies) = baselines(&power.rails, &power.samples, busy);
        power.anomalies.extend(idle_anomalies);
        let mut run = Self {
            row: row(description, zero_ns, whole.1 - zero_ns),
            baselines,
            trace,
            tree,
            power,
            zero_ns,
        };
        run.count_from_zero();
        run
    }

    /// Returns the result of the import.
    pub(super) fn imported(&self) -> Imported {
        Imported {
            uuid: self.row.uuid.clone(),
            spans: self.trace.spans.len(),
            samples: self.power.samples.len(),
            notes: Vec::new(),
            warnings: self.warnings(),
        }
    }

    fn warnings(&self) -> Vec<String> {
        let messages = self.anomalies().map(|anomaly| anomaly.message.clone());
        let is_known = |id| self.baselines.iter().any(|row| row.rail == id);
        let unknown = self.power.rails.iter().filter(|rail| !is_known(rail.id));
        let unknown: Vec<&str> = unknown.map(|rail| rail.name.as_str()).collect();
        let idle = (!unknown.is_empty()).then(|| {
            format!(
                "idle power of {} is unknown: record at least half a second of samples before or \
                 after the \
                 spans",
                unknown.join(", ")
            )
        });
        messages.chain(idle).collect()
    }

    fn anomalies(&self) -> impl Iterator<Item = &Anomaly> {
        let spans = self.trace.anomalies.iter().chain(&self.tree.anomalies);
        spans.chain(&self.power.anomalies)
    }

    fn count_from_zero(&mut self) {
        let zero_ns = self.zero_ns;
        for span in &mut self.trace.spans {
            span.start_ns -= zero_ns;
            span.end_ns -= zero_ns;
        }
        for span_event in &mut self.trace.span_events {
            span_event.time_ns -= zero_ns;
        }
        self.power.move_by(-zero_ns);
        for row in &mut self.baselines {
            row.start_ns -= zero_ns;
            row.end_ns -= zero_ns;
        }
    }

    /// Writes everything to the recording at `db`, and last its status complete.
    pub(super) fn write(self, db: &Path) -> Result<()> {
        let mut sink = SqliteSink::create(db)?;
        let mut write = |batch: &Batch| sink.write(batch).map_err(Error::from);
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
                fields: self.field_rows(first),
                ..self.batch(time_ns)
            })?;
        }
        for span_events in self.trace.span_events.chunks(SPANS) {
            write(&Batch {
                span_events: span_events
                    .iter()
                    .map(|span_event| self.span_event_row(span_event))
                    .collect(),
                ..self.batch(self.row.end_ns.unwrap_or(0))
            })?;
        }
        let last = Batch {
            run: Some(self.row.clone()),
            ..self.batch(self.row.end_ns.unwrap_or(0))
        };
        write(&last)?;
        sink.finish().map_err(Error::from)
    }

    fn batch(&self, time_ns: i64) -> Batch {
        Batch {
            time_ns,
            heartbeat_unix_ns: host::unix_ns(),
            ..Batch::default()
        }
    }

    fn threads(&self) -> Vec<ThreadRow> {
        (1..)
            .zip(&self.trace.threads)
            .map(|(id, thread)| ThreadRow {
                id,
                tid: thread.tid.unwrap_or(i64::from(id)),
                name: thread.name.clone(),
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
                token: self.trace.detail(span).token,
            })
            .collect()
    }

    fn field_rows(&self, first: usize) -> Vec<FieldsRow> {
        let spans = self.trace.spans.iter().skip(first).take(SPANS);
        let row = |(span, row)| {
            let json = self.trace.text(self.trace.detail(row).fields);
            (!json.is_empty()).then(|| FieldsRow {
                span,
                json: json.to_owned(),
            })
        };
        (first as u64 + 1..).zip(spans).filter_map(row).collect()
    }

    fn span_event_row(&self, span_event: &SpanEvent) -> SpanEventRow {
        let json = self.trace.text(span_event.fields);
        SpanEventRow {
            time_ns: span_event.time_ns,
            thread: span_event.thread + 1,
            span: span_event.span.map(|span| u64::from(span) + 1),
            callsite: span_event.kind + 1,
            json: if json.is_empty() { "{}" } else { json }.to_owned(),
        }
    }

    fn events(&self) -> Vec<EventRow> {
        let event = |anomaly: &Anomaly| EventRow {
            time_ns: 0,
            kind: anomaly.kind.to_owned(),
            count: anomaly.count,
            message: anomaly.message.clone(),
        };
        self.anomalies().map(event).collect()
    }
}

/// Builds the run's row. The measured machine is unknown.
fn row(mut description: RunDescription, zero_ns: i64, end_ns: i64) -> RunRow {
    description.config["zero_ns"] = zero_ns.into();
    let start_unix_ns = match description.zero_unix_ns {
        Some(unix_ns) => unix_ns.saturating_add(zero_ns),
        None if zero_ns > UNIX_CLOCK_NS => zero_ns,
        None => host::unix_ns(),
    };
    RunRow {
        uuid: uuid::Uuid::new_v4().to_string(),
        status: RunStatus::Complete,
        pid: std::process::id(),
        pid_start: host::process_start(std::process::id()),
        boot_id: host::Host::here().boot_id,
        start_unix_ns,
        end_ns: Some(end_ns),
        host_id: None,
        host: None,
        os: None,
        chip: None,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        parent_run: None,
        metadata: RunMetadata {
            name: description.name,
            engine: Some("import".to_owned()),
            config: Some(description.config.to_string()),
            ..RunMetadata::default()
        },
    }
}
