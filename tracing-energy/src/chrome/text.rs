//! Events of a Chrome trace as text.
//!
//! | event | meaning |
//! |---|---|
//! | `X` | an activation with `energy_j`, `power_w`, node and its data fields |
//! | `C` | watts of a rail; one counter track per rail |
//! | `i` | the start of a phase; a `tracing` event |
//! | `M` | names of the process and its threads |
//!
//! Times are microseconds of the run with nanoseconds as decimals.

use super::json;
use energy_data::units::{Energy, Nanos, Power};

/// The file begins with an event, so that every other one can follow a comma.
const FIRST: &[u8] = br#"[
{"name":"tracing-energy","ph":"M","ts":0.000,"pid":0,"args":{"times":"us","energy":"J"}}"#;

/// Text of a trace in the JSON array format. It grows until [`clear`](Self::clear). Viewers
/// read it without the closing `]`, as after a crash.
#[derive(Debug)]
pub struct TraceText {
    out: Vec<u8>,
    pid: u32,
}

/// An activation that has ended.
#[derive(Debug, Clone, Copy)]
pub struct Slice<'a> {
    /// Label of its node.
    pub label: &'a str,
    /// System id of its thread.
    pub tid: i64,
    /// Start, run time.
    pub start_ns: i64,
    /// End, run time.
    pub end_ns: i64,
    /// Id of its node.
    pub node: u32,
    /// Active energy on its own thread, including nested activations, summed over root
    /// rails.
    pub energy: Option<Energy>,
    /// The part of it that was used while no nested activation ran; `None` to omit it.
    pub self_energy: Option<Energy>,
    /// Number of its token.
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
    /// Returns the text written since it was last cleared.
    pub fn bytes(&self) -> &[u8] {
        &self.out
    }

    /// Discards the text written so far.
    pub fn clear(&mut self) {
        self.out.clear();
    }

    /// Names the process of all later events.
    pub fn process(&mut self, pid: u32, name: &str) {
        self.pid = pid;
        self.metadata("process_name", None, "name", name);
    }

    /// Switches to a process that has been named before.
    pub fn of_process(&mut self, pid: u32) {
        self.pid = pid;
    }

    /// Adds a label that viewers show next to the process name.
    pub fn process_label(&mut self, label: &str) {
        self.metadata("process_labels", None, "labels", label);
    }

    /// Names a thread, by its number if `name` is `None`.
    pub fn thread(&mut self, tid: i64, name: Option<&str>) {
        let unnamed = format!("thread {tid}");
        let name = name.unwrap_or(&unnamed);
        self.metadata("thread_name", Some(tid), "name", name);
    }

    /// Writes an activation.
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

    /// Writes the start of a phase, marked over all threads.
    pub fn phase(&mut self, label: &str, tid: i64, start_ns: i64) {
        self.event(label, "i", start_ns);
        self.member_tid(tid);
        self.out.extend_from_slice(br#","s":"p"}"#);
    }

    /// Writes a `tracing` event with its fields, a JSON object.
    pub fn span_event(&mut self, name: &str, tid: i64, time_ns: i64, callsite: u32, fields: &str) {
        self.event(name, "i", time_ns);
        self.member_tid(tid);
        self.out
            .extend_from_slice(br#","s":"t","args":{"callsite":"#);
        json::integer(&mut self.out, callsite.into());
        json::members(&mut self.out, fields);
        self.out.extend_from_slice(b"}}");
    }

    /// Writes a rail's power from `start_ns` on. Intervals that ended before the run are
    /// omitted: viewers drop events before zero and warn of lost data.
    pub fn power(&mut self, counter: &str, start_ns: i64, end_ns: i64, power: Power) {
        if end_ns <= 0 {
            return;
        }
        self.event(counter, "C", start_ns.max(0));
        self.out.extend_from_slice(br#","args":{"power_w":"#);
        json::number(&mut self.out, power.watts());
        self.out.extend_from_slice(b"}}");
    }

    /// Ends the file.
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

    /// Begins an event: a comma and the members common to all events.
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
