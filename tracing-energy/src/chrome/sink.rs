//! The sink that writes a Chrome trace during a run.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::text::{Slice, TraceText};
use crate::error::Error;
use energy_attribution::ended::{EndedActivation, EndedActivations};
use energy_data::rows::{NodeRow, Role, SampleRow, SpanEventRow};
use energy_data::sink::{Batch, Sink, SinkError};
use energy_data::units::{Energy, Nanos, Power};
use energy_host::files::FileAccess;

/// Bytes in memory before they are written to the file.
const BUFFER: usize = 256 * 1024;

/// Writes a Chrome trace during the run. Memory is bounded: an activation waits at most
/// three intervals for its power windows, together with at most 200,000 others. After a
/// write error nothing more is written.
pub struct ChromeSink {
    path: PathBuf,
    file: Option<File>,
    text: TraceText,
    pending: EndedActivations,
    names: TraceNames,
}

/// Names and numbers that events refer to.
#[derive(Default)]
struct TraceNames {
    tids: HashMap<u32, i64>,
    labels: HashMap<u32, String>,
    phases: HashSet<u32>,
    /// Name and role of callsites.
    callsites: HashMap<u32, (String, Option<Role>)>,
    /// `source rail (W)`.
    counters: BTreeMap<u32, String>,
}

impl ChromeSink {
    /// Creates the file with the process's [`FileAccess`]. An existing file is truncated
    /// and keeps its permissions.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn create(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::create_for(path, FileAccess::of_process())
    }

    /// Creates the file as [`ChromeSink::create`] does, readable by `access` if it is new.
    ///
    /// # Errors
    /// As [`ChromeSink::create`].
    pub fn create_for(path: impl AsRef<Path>, access: FileAccess) -> Result<Self, Error> {
        let path = path.as_ref().to_owned();
        match access.create(&path) {
            Ok(file) => Ok(Self {
                path,
                file: Some(file),
                text: TraceText::default(),
                pending: EndedActivations::default(),
                names: TraceNames::default(),
            }),
            Err(source) => Err(Error::Io { path, source }),
        }
    }

    fn try_write(&mut self, batch: &Batch) -> io::Result<()> {
        self.names.update(batch);
        self.pending.add(batch);
        if let Some(run) = &batch.run {
            let name = run.metadata.name.as_deref().unwrap_or(&run.uuid);
            self.text.process(run.pid, name);
        }
        for thread in &batch.threads {
            self.text.thread(thread.tid, thread.name.as_deref());
        }
        for sample in &batch.samples {
            self.counter(sample);
        }
        for span_event in &batch.span_events {
            self.span_event(span_event);
        }
        self.write_ready(batch.time_ns)?;
        self.flush()
    }

    fn counter(&mut self, sample: &SampleRow) {
        if let (Some(power), Some(name)) = (power_of(sample), self.names.counters.get(&sample.rail))
        {
            self.text.power(name, sample.start_ns, sample.end_ns, power);
        }
    }

    fn span_event(&mut self, span_event: &SpanEventRow) {
        let callsite = self.names.callsites.get(&span_event.callsite);
        let name = callsite.map_or("event", |(name, _)| name.as_str());
        let tid = self.names.tid(span_event.thread);
        self.text.span_event(
            name,
            tid,
            span_event.time_ns,
            span_event.callsite,
            &span_event.json,
        );
    }

    fn write_ready(&mut self, now_ns: i64) -> io::Result<()> {
        while let Some(ready) = self.pending.next(now_ns) {
            self.slice(&ready);
            if self.text.bytes().len() > BUFFER {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn slice(&mut self, ready: &EndedActivation) {
        let span = &ready.span;
        let label = self.names.label(span.node);
        let tid = self.names.tid(span.thread);
        if self.names.phases.contains(&span.node) {
            self.text.phase(label, tid, span.start_ns);
        }
        self.text.slice(&Slice {
            label,
            tid,
            start_ns: span.start_ns,
            end_ns: ready.end_ns,
            node: span.node,
            energy: ready.energy,
            self_energy: None,
            token: span.token,
            fields: ready.fields.as_deref(),
        });
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some(file) = &mut self.file {
            file.write_all(self.text.bytes())?;
        }
        self.text.clear();
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        self.write_ready(i64::MAX)?;
        self.text.end();
        self.flush()
    }

    /// Returns the first error with a message; afterwards nothing is kept or written.
    fn or_stop(&mut self, result: io::Result<()>) -> Result<(), String> {
        result.map_err(|error| {
            self.file = None;
            self.text = TraceText::default();
            self.pending = EndedActivations::default();
            format!(
                "chrome trace {}: {error}; the file is incomplete: free some disk space and record again, or export the run from its database",
                self.path.display()
            )
        })
    }
}

impl Sink for ChromeSink {
    fn name(&self) -> &'static str {
        "chrome"
    }

    fn write(&mut self, batch: &Batch) -> Result<(), SinkError> {
        if self.file.is_none() {
            return Ok(());
        }
        let result = self.try_write(batch);
        self.or_stop(result).map_err(SinkError::new)
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        if self.file.is_none() {
            return Ok(());
        }
        let result = self.end();
        self.or_stop(result).map_err(SinkError::new)?;
        self.file = None;
        Ok(())
    }
}

impl TraceNames {
    fn update(&mut self, batch: &Batch) {
        self.tids
            .extend(batch.threads.iter().map(|t| (t.id, t.tid)));
        for callsite in &batch.callsites {
            let known = (callsite.name.clone(), callsite.role);
            self.callsites.insert(callsite.id, known);
        }
        for node in &batch.nodes {
            self.update_node(node);
        }
        for rail in &batch.rails {
            let name = format!("{} {} (W)", rail.source, rail.name);
            self.counters.insert(rail.id, name);
        }
    }

    fn update_node(&mut self, node: &NodeRow) {
        let callsite = node.callsite.and_then(|id| self.callsites.get(&id));
        if callsite.is_some_and(|(_, role)| *role == Some(Role::Phase)) {
            self.phases.insert(node.id);
        }
        self.labels.insert(node.id, node.label.clone());
    }

    fn label(&self, node: u32) -> &str {
        self.labels.get(&node).map_or("(unknown)", String::as_str)
    }

    fn tid(&self, thread: u32) -> i64 {
        self.tids.get(&thread).copied().unwrap_or(thread.into())
    }
}

/// Returns the power of a sample; `None` without an energy or a length.
fn power_of(sample: &SampleRow) -> Option<Power> {
    let length = Nanos::from_nanos(sample.end_ns - sample.start_ns);
    Energy::from_joules(sample.energy_j?).over(length)
}
