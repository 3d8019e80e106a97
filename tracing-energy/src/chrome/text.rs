//! Events of a Chrome trace as text.
//!
//! | event | what |
//! |---|---|
//! | `X` | an activation with `energy_j`, `power_w`, node and its data fields |
//! | `C` | watts of a rail, one counter track each |
//! | `i` | the start of a phase; a `tracing` event |
//! | `M` | names of the process and its threads |
//!
//! Times are microseconds of the run with nanoseconds as decimals.

use super::json;
use crate::units::{Energy, Nanos, Power};

/// The file begins with an event, so that every other one can follow a comma.
const FIRST: &[u8] = br#"[
{"name":"tracing-energy","ph":"M","ts":0.000,"pid":0,"args":{"times":"us","energy":"J"}}"#;

/// Text of a trace in the JSON array format. It grows until it is
/// [taken away](Self::clear); without the closing `]`, after a crash, viewers still
/// read it.
#[derive(Debug)]
pub struct TraceText {
    out: Vec<u8>,
    pid: u32,
}

/// An activation that has ended.
#[derive(Debug, Clone, Copy)]
pub struct Slice<'a> {
    /// What it is called.
    pub label: &'a str,
    /// Its thread.
    pub tid: i64,
    /// Start, run time.
    pub start_ns: i64,
    /// End, run time.
    pub end_ns: i64,
    /// Its node.
    pub node: u32,
    /// Active energy on its own thread, root rails added, with all that ran within it.
    pub energy: Option<Energy>,
    /// What of it was used while nothing ran within it; left out where it is none.
    pub self_energy: Option<Energy>,
    /// The token that it made.
    pub token: Option<i64>,
    /// Data fields: a JSON object.
    pub fields: Option<&'a str>,
}

impl Default for TraceText {
    fn default() -> Self {
        Self {
            out: FIRST.to_vec(),
            pid: 0,
        }
    }
}

impl TraceText {
    /// What was written since it was last cleared.
    pub fn bytes(&self) -> &[u8] {
        &self.out
    }

    /// Forgets what was written.
    pub fn clear(&mut self) {
        self.out.clear();
    }

    /// Names the process that all later events are of.
    pub fn process(&mut self, pid: u32, name: &str) {
        self.pid = pid;
        self.metadata("process_name", None, "name", name);
    }

    /// Later events are of that process, which has its name already.
    pub fn of_process(&mut self, pid: u32) {
        self.pid = pid;
    }

    /// Says something of the process that stands beside its name.
    pub fn process_label(&mut self, label: &str) {
        self.metadata("process_labels", None, "labels", label);
    }

    /// Names a thread; one without a name is called by its number.
    pub fn thread(&mut self, tid: i64, name: Option<&str>) {
        let unnamed = format!("thread {tid}");
        let name = name.unwrap_or(&unnamed);
        self.metadata("thread_name", Some(tid), "name", name);
    }

    /// An activation.
    pub fn slice(&mut self, slice: &Slice<'_>) {
        self.event(slice.label, "X", slice.start_ns);
        self.member_tid(slice.tid);
        let out = &mut self.out;
        out.extend_from_slice(br#","dur":"#);
        let length_ns = (slice.end_ns - slice.start_ns).max(0);
        json::micros(out, length_ns);
        out.extend_from_slice(br#","args":{"node":"#);
        json::integer(out, slice.node.into());
        if let Some(energy) = slice.energy {
            out.extend_from_slice(br#","energy_j":"#);
            json::number(out, energy.joules());
            if let Some(power) = energy.over(Nanos::from_nanos(length_ns)) {
                out.extend_from_slice(br#","power_w":"#);
                json::number(out, power.watts());
            }
        }
        if let Some(energy) = slice.self_energy {
            out.extend_from_slice(br#","self_j":"#);
            json::number(out, energy.joules());
        }
        if let Some(token) = slice.token {
            out.extend_from_slice(br#","token":"#);
            json::integer(out, token);
        }
        if let Some(fields) = slice.fields {
            json::members(out, fields);
        }
        out.extend_from_slice(b"}}");
    }

    /// The start of a phase, marked over all threads.
    pub fn phase(&mut self, label: &str, tid: i64, start_ns: i64) {
        self.event(label, "i", start_ns);
        self.member_tid(tid);
        self.out.extend_from_slice(br#","s":"p"}"#);
    }

    /// A `tracing` event with its fields, a JSON object.
    pub fn mark(&mut self, name: &str, tid: i64, time_ns: i64, callsite: u32, fields: &str) {
        self.event(name, "i", time_ns);
        self.member_tid(tid);
        self.out
            .extend_from_slice(br#","s":"t","args":{"callsite":"#);
        json::integer(&mut self.out, callsite.into());
        json::members(&mut self.out, fields);
        self.out.extend_from_slice(b"}}");
    }

    /// What a rail draws from a time on. Nothing is written of what had ended before the
    /// run began: viewers drop what is before zero and say that data were lost.
    pub fn power(&mut self, counter: &str, start_ns: i64, end_ns: i64, power: Power) {
        if end_ns <= 0 {
            return;
        }
        self.event(counter, "C", start_ns.max(0));
        self.out.extend_from_slice(br#","args":{"power_w":"#);
        json::number(&mut self.out, power.watts());
        self.out.extend_from_slice(b"}}");
    }

    /// The end of the file.
    pub fn end(&mut self) {
        self.out.extend_from_slice(b"\n]\n");
    }

    fn metadata(&mut self, what: &str, tid: Option<i64>, member: &str, text: &str) {
        self.event(what, "M", 0);
        if let Some(tid) = tid {
            self.member_tid(tid);
        }
        self.out.extend_from_slice(br#","args":{"#);
        json::string(&mut self.out, member);
        self.out.push(b':');
        json::string(&mut self.out, text);
        self.out.extend_from_slice(b"}}");
    }

    /// Begins an event: a comma after the one before, and what all of them have.
    fn event(&mut self, name: &str, phase: &str, time_ns: i64) {
        let out = &mut self.out;
        out.extend_from_slice(b",\n{\"name\":");
        json::string(out, name);
        out.extend_from_slice(br#","ph":"#);
        json::string(out, phase);
        out.extend_from_slice(br#","ts":"#);
        json::micros(out, time_ns);
        out.extend_from_slice(br#","pid":"#);
        json::integer(out, self.pid.into());
    }

    fn member_tid(&mut self, tid: i64) {
        self.out.extend_from_slice(br#","tid":"#);
        json::integer(&mut self.out, tid);
    }
}
