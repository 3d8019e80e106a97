//! Perfetto's protobuf trace format: smaller and faster to open than JSON.
//!
//! | track | content |
//! |---|---|
//! | per thread | a slice for each activation, `energy_j`, `self_j`, `power_w` at its end |
//! | per rail, W | power: the mean of each sample, from its start |
//! | per rail, J | cumulative energy since the first sample |
//!
//! Slices of a thread are written in time order: begin, nested slices, end. An activation's
//! cost is known only at its end; viewers merge the arguments of both events. Names are
//! interned.

mod packets;
mod proto;

use std::collections::HashMap;

use energy_data::rows::{RailRow, SampleRow, SpanEventRow};

use super::format::{ExportFormat, FormatOutput};
use super::output::ExportWriter;
use super::source::ExportSource;
use crate::error::Result;
use crate::walk::{ActivationVisitor, EntryCost, PricedActivation, WalkStats};
use packets::{Arg, Packets, PerfettoTrack};

/// The Perfetto format.
pub(super) struct Perfetto;

impl ExportFormat for Perfetto {
    fn name(&self) -> &'static str {
        "perfetto"
    }

    fn about(&self) -> &'static str {
        "Perfetto's protobuf trace"
    }

    fn output(&self) -> FormatOutput {
        FormatOutput::File("pftrace")
    }

    fn write(&self, source: &ExportSource<'_>, out: &mut ExportWriter<'_>) -> Result<WalkStats> {
        let mut trace = PerfettoWriter {
            packets: Packets::new(out),
            source,
        };
        trace.tracks()?;
        trace.counters()?;
        source.span_events(|span_event, name| trace.span_event(span_event, name))?;
        let walked = source.walk(&mut trace)?;
        trace.packets.finish()?;
        Ok(walked)
    }
}

struct PerfettoWriter<'t, 'r, 'o> {
    packets: Packets<'t, 'o>,
    source: &'t ExportSource<'r>,
}

impl PerfettoWriter<'_, '_, '_> {
    fn tracks(&mut self) -> Result<()> {
        let source = self.source;
        let figures = source.provenance();
        for process in source.processes() {
            let label = process.is_own.then_some(figures.as_str());
            self.packets.process(process.pid, process.name, label)?;
        }
        for thread in &source.threads {
            let pid = source.pid(thread.id);
            let name = thread.name.as_deref();
            self.packets
                .thread(PerfettoTrack::Thread(thread.id), pid, thread.tid, name)?;
        }
        for rail in &source.rails {
            let name = ExportSource::counter(rail);
            self.packets.counter(
                PerfettoTrack::Power(rail.id),
                source.run.row.pid,
                &name,
                "W",
            )?;
            self.packets.counter(
                PerfettoTrack::Energy(rail.id),
                source.run.row.pid,
                &name,
                "J",
            )?;
        }
        Ok(())
    }

    fn counters(&mut self) -> Result<()> {
        let source = self.source;
        let mut sums: HashMap<u32, f64> = HashMap::new();
        source.samples(|rail, sample| {
            let sum = sums.entry(rail.id).or_default();
            self.sample(rail, sample, sum)
        })
    }

    fn sample(&mut self, rail: &RailRow, sample: &SampleRow, sum_j: &mut f64) -> Result<()> {
        // Timestamps are unsigned: a sample that ended before the run's start cannot be shown.
        let (Some(energy_j), true) = (sample.energy_j, sample.end_ns > 0) else {
            return Ok(());
        };
        let seconds = (sample.end_ns - sample.start_ns) as f64 / 1e9;
        if seconds > 0.0 {
            self.packets.value(
                PerfettoTrack::Power(rail.id),
                sample.start_ns,
                energy_j / seconds,
            )?;
        }
        *sum_j += energy_j;
        self.packets
            .value(PerfettoTrack::Energy(rail.id), sample.end_ns, *sum_j)
    }

    fn span_event(&mut self, span_event: &SpanEventRow, name: &str) -> Result<()> {
        let args = fields(&span_event.json);
        self.packets.instant(
            PerfettoTrack::Thread(span_event.thread),
            span_event.time_ns,
            name,
            args,
        )
    }
}

impl ActivationVisitor for PerfettoWriter<'_, '_, '_> {
    fn enter(&mut self, activation: &PricedActivation) -> Result<()> {
        let row = &activation.row;
        let label = self.source.label(row.node);
        self.packets.begin(
            PerfettoTrack::Thread(row.thread),
            activation.start_ns,
            row.node,
            label,
        )
    }

    fn exit(&mut self, activation: &PricedActivation, cost: &EntryCost) -> Result<()> {
        let row = &activation.row;
        let mut args = vec![("node", Arg::Whole(row.node.into()))];
        if let Some(energy_j) = cost.inclusive_j {
            args.push(("energy_j", Arg::Real(energy_j)));
            let seconds = (activation.end_ns - activation.start_ns) as f64 / 1e9;
            if seconds > 0.0 {
                args.push(("power_w", Arg::Real(energy_j / seconds)));
            }
        }
        args.extend(cost.self_j.map(|self_j| ("self_j", Arg::Real(self_j))));
        args.extend(row.token.map(|token| ("token", Arg::Whole(token))));
        let more = activation.fields.as_deref().map(fields);
        self.packets.end(
            PerfettoTrack::Thread(row.thread),
            activation.end_ns,
            &args,
            more.unwrap_or_default(),
        )
    }
}

/// Converts the fields of a JSON object; invalid JSON yields none.
fn fields(json: &str) -> Vec<(String, Arg)> {
    let parsed = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(json);
    let arg = |value: serde_json::Value| match value {
        serde_json::Value::Bool(is) => Arg::Bool(is),
        serde_json::Value::String(text) => Arg::Text(text),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(whole) => Arg::Whole(whole),
            None => Arg::Real(number.as_f64().unwrap_or(f64::NAN)),
        },
        other => Arg::Text(other.to_string()),
    };
    let fields = parsed.unwrap_or_default().into_iter();
    fields.map(|(key, value)| (key, arg(value))).collect()
}
