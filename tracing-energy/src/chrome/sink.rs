//! The sink that writes a Chrome trace.
//!
//! | event | what |
//! |---|---|
//! | `X` | an activation with `energy_j`, `power_w`, node and its data fields |
//! | `C` | watts of a rail, one counter track each |
//! | `i` | the start of a phase; a `tracing` event |
//! | `M` | names of the process and its threads |
//!
//! Times are microseconds of the run with nanoseconds as decimals. `energy_j` is
//! active energy on the activation's own thread, root rails added; without it
//! where it is not known.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::json;
use super::pending::{Pending, Ready};
use crate::Error;
use crate::sink::{Batch, MarkRow, NodeRow, Role, RunRow, SampleRow, Sink, ThreadRow};
use crate::units::{Energy, Nanos};

/// Bytes in memory before they go to the file.
const BUFFER: usize = 256 * 1024;

/// The file begins with an event, so that every other one can follow a comma.
const FIRST: &[u8] = br#"[
{"name":"tracing-energy","ph":"M","ts":0.000,"pid":0,"args":{"times":"us","energy":"J"}}"#;

/// Writes a Chrome trace while the run goes on. Memory is bounded: an activation
/// waits for its power windows, at most three intervals and with at most 200,000
/// others. After an error of the file nothing more is written.
pub struct ChromeSink {
    path: PathBuf,
    file: Option<File>,
    out: Vec<u8>,
    pending: Pending,
    names: Names,
}

/// What events refer to.
#[derive(Default)]
struct Names {
    pid: u32,
    tids: HashMap<u32, i64>,
    labels: HashMap<u32, String>,
    phases: HashSet<u32>,
    /// Name and role of callsites.
    callsites: HashMap<u32, (String, Option<Role>)>,
    /// `source rail (W)`.
    counters: BTreeMap<u32, String>,
}

impl ChromeSink {
    /// Creates the file; one that is there is replaced.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn create(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref().to_owned();
        match File::create(&path) {
            Ok(file) => Ok(Self {
                path,
                file: Some(file),
                out: FIRST.to_vec(),
                pending: Pending::default(),
                names: Names::default(),
            }),
            Err(source) => Err(Error::Io { path, source }),
        }
    }

    fn try_write(&mut self, batch: &Batch) -> io::Result<()> {
        self.names.learn(batch);
        self.pending.add(batch);
        if let Some(run) = &batch.run {
            process_name(&mut self.out, run);
        }
        for thread in &batch.threads {
            thread_name(&mut self.out, self.names.pid, thread);
        }
        for sample in &batch.samples {
            counter(&mut self.out, &self.names, sample);
        }
        for mark in &batch.marks {
            instant_of_mark(&mut self.out, &self.names, mark);
        }
        self.write_ready(batch.time_ns)?;
        self.flush()
    }

    fn write_ready(&mut self, now_ns: i64) -> io::Result<()> {
        while let Some(ready) = self.pending.next(now_ns) {
            slice(&mut self.out, &self.names, &ready);
            if self.out.len() > BUFFER {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some(file) = &mut self.file {
            file.write_all(&self.out)?;
        }
        self.out.clear();
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        self.write_ready(i64::MAX)?;
        self.out.extend_from_slice(b"\n]\n");
        self.flush()
    }

    /// The first error is told; from then on nothing is kept or written.
    fn told(&mut self, result: io::Result<()>) -> Result<(), String> {
        result.map_err(|error| {
            self.file = None;
            self.out = Vec::new();
            self.pending = Pending::default();
            format!(
                "chrome trace {}: {error}; it ends here: free some disk space and record again, or export the run from its database",
                self.path.display()
            )
        })
    }
}

impl Sink for ChromeSink {
    fn name(&self) -> &'static str {
        "chrome"
    }

    fn write(&mut self, batch: &Batch) -> Result<(), String> {
        if self.file.is_none() {
            return Ok(());
        }
        let result = self.try_write(batch);
        self.told(result)
    }

    fn finish(&mut self) -> Result<(), String> {
        if self.file.is_none() {
            return Ok(());
        }
        let result = self.end();
        self.told(result)?;
        self.file = None;
        Ok(())
    }
}

impl Names {
    fn learn(&mut self, batch: &Batch) {
        if let Some(run) = &batch.run {
            self.pid = run.pid;
        }
        self.tids
            .extend(batch.threads.iter().map(|t| (t.id, t.tid)));
        for callsite in &batch.callsites {
            let known = (callsite.name.clone(), callsite.role);
            self.callsites.insert(callsite.id, known);
        }
        for node in &batch.nodes {
            self.learn_node(node);
        }
        for rail in &batch.rails {
            let name = format!("{} {} (W)", rail.source, rail.name);
            self.counters.insert(rail.id, name);
        }
    }

    fn learn_node(&mut self, node: &NodeRow) {
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

fn slice(out: &mut Vec<u8>, names: &Names, ready: &Ready) {
    let span = &ready.span;
    let label = names.label(span.node);
    if names.phases.contains(&span.node) {
        event(out, label, "i", span.start_ns, names.pid);
        member_tid(out, names.tid(span.thread));
        out.extend_from_slice(br#","s":"p"}"#);
    }
    event(out, label, "X", span.start_ns, names.pid);
    member_tid(out, names.tid(span.thread));
    out.extend_from_slice(br#","dur":"#);
    let length_ns = (ready.end_ns - span.start_ns).max(0);
    json::micros(out, length_ns);
    out.extend_from_slice(br#","args":{"node":"#);
    json::integer(out, span.node.into());
    energy(out, ready.energy, Nanos::from_nanos(length_ns));
    if let Some(token) = span.token {
        out.extend_from_slice(br#","token":"#);
        json::integer(out, token);
    }
    if let Some(fields) = &ready.fields {
        json::members(out, fields);
    }
    out.extend_from_slice(b"}}");
}

fn energy(out: &mut Vec<u8>, energy: Option<Energy>, length: Nanos) {
    let Some(energy) = energy else { return };
    out.extend_from_slice(br#","energy_j":"#);
    json::number(out, energy.joules());
    if let Some(power) = energy.over(length) {
        out.extend_from_slice(br#","power_w":"#);
        json::number(out, power.watts());
    }
}

fn counter(out: &mut Vec<u8>, names: &Names, sample: &SampleRow) {
    // Viewers drop what is before zero and say that data were lost.
    if sample.end_ns <= 0 {
        return;
    }
    let length = Nanos::from_nanos(sample.end_ns - sample.start_ns);
    let power = sample
        .energy_j
        .and_then(|energy| Energy::from_joules(energy).over(length));
    let (Some(power), Some(name)) = (power, names.counters.get(&sample.rail)) else {
        return;
    };
    event(out, name, "C", sample.start_ns.max(0), names.pid);
    out.extend_from_slice(br#","args":{"power_w":"#);
    json::number(out, power.watts());
    out.extend_from_slice(b"}}");
}

fn instant_of_mark(out: &mut Vec<u8>, names: &Names, mark: &MarkRow) {
    let callsite = names.callsites.get(&mark.callsite);
    let name = callsite.map_or("event", |(name, _)| name.as_str());
    event(out, name, "i", mark.time_ns, names.pid);
    member_tid(out, names.tid(mark.thread));
    out.extend_from_slice(br#","s":"t","args":{"callsite":"#);
    json::integer(out, mark.callsite.into());
    json::members(out, &mark.json);
    out.extend_from_slice(b"}}");
}

fn process_name(out: &mut Vec<u8>, run: &RunRow) {
    let name = run.metadata.name.as_deref().unwrap_or(&run.uuid);
    metadata(out, "process_name", run.pid, None, name);
}

fn thread_name(out: &mut Vec<u8>, pid: u32, thread: &ThreadRow) {
    let unnamed = format!("thread {}", thread.tid);
    let name = thread.name.as_deref().unwrap_or(&unnamed);
    metadata(out, "thread_name", pid, Some(thread.tid), name);
}

fn metadata(out: &mut Vec<u8>, what: &str, pid: u32, tid: Option<i64>, name: &str) {
    event(out, what, "M", 0, pid);
    if let Some(tid) = tid {
        member_tid(out, tid);
    }
    out.extend_from_slice(br#","args":{"name":"#);
    json::string(out, name);
    out.extend_from_slice(b"}}");
}

/// Begins an event: a comma after the one before, and what all of them have.
fn event(out: &mut Vec<u8>, name: &str, phase: &str, time_ns: i64, pid: u32) {
    out.extend_from_slice(b",\n{\"name\":");
    json::string(out, name);
    out.extend_from_slice(br#","ph":"#);
    json::string(out, phase);
    out.extend_from_slice(br#","ts":"#);
    json::micros(out, time_ns);
    out.extend_from_slice(br#","pid":"#);
    json::integer(out, pid.into());
}

fn member_tid(out: &mut Vec<u8>, tid: i64) {
    out.extend_from_slice(br#","tid":"#);
    json::integer(out, tid);
}
