//! Chrome trace, JSON array format: Perfetto, `chrome://tracing`.
//!
//! Written as a recorder does with `chrome()`, but for any attribution method, and with the
//! self energy of each activation.

use std::io::Write;

use energy_data::units::{Energy, Nanos};
use tracing_energy::chrome::{Slice, TraceText};

use super::format::{ExportFormat, FormatOutput};
use super::output::ExportWriter;
use super::source::ExportSource;
use crate::error::Result;
use crate::walk::{ActivationVisitor, EntryCost, PricedActivation, WalkStats};

/// Buffered bytes above which the text is written.
const BUFFER: usize = 256 * 1024;

/// The Chrome format.
pub(super) struct Chrome;

impl ExportFormat for Chrome {
    fn name(&self) -> &'static str {
        "chrome"
    }

    fn about(&self) -> &'static str {
        "Chrome trace: Perfetto, chrome://tracing"
    }

    fn output(&self) -> FormatOutput {
        FormatOutput::Json("trace.json")
    }

    fn write(&self, source: &ExportSource<'_>, out: &mut ExportWriter<'_>) -> Result<WalkStats> {
        let mut trace = ChromeWriter {
            text: TraceText::default(),
            source,
            out,
        };
        for process in source.processes() {
            trace.text.process(process.pid, process.name);
            if process.is_own {
                trace.text.process_label(&source.provenance());
            }
        }
        for thread in &source.threads {
            trace.text.of_process(source.pid(thread.id));
            trace.text.thread(thread.tid, thread.name.as_deref());
        }
        trace.samples()?;
        trace.span_events()?;
        let walked = source.walk(&mut trace)?;
        trace.text.end();
        trace.flush()?;
        Ok(walked)
    }
}

struct ChromeWriter<'t, 'r, 'o> {
    text: TraceText,
    source: &'t ExportSource<'r>,
    out: &'t mut ExportWriter<'o>,
}

impl ChromeWriter<'_, '_, '_> {
    fn samples(&mut self) -> Result<()> {
        let source = self.source;
        self.text.of_process(source.run.row.pid);
        source.samples(|rail, sample| {
            let length = Nanos::from_nanos(sample.end_ns - sample.start_ns);
            let energy = sample.energy_j.map(Energy::from_joules);
            if let Some(power) = energy.and_then(|energy| energy.over(length)) {
                let counter = format!("{} (W)", ExportSource::counter(rail));
                self.text
                    .power(&counter, sample.start_ns, sample.end_ns, power);
            }
            self.flush_if_full()
        })
    }

    fn span_events(&mut self) -> Result<()> {
        let source = self.source;
        source.span_events(|span_event, name| {
            let tid = source.tid(span_event.thread);
            self.text.of_process(source.pid(span_event.thread));
            self.text.span_event(
                name,
                tid,
                span_event.time_ns,
                span_event.callsite,
                &span_event.json,
            );
            self.flush_if_full()
        })
    }

    fn flush_if_full(&mut self) -> Result<()> {
        match self.text.bytes().len() > BUFFER {
            true => self.flush(),
            false => Ok(()),
        }
    }

    fn flush(&mut self) -> Result<()> {
        self.out.write_all(self.text.bytes())?;
        self.text.clear();
        Ok(())
    }
}

impl ActivationVisitor for ChromeWriter<'_, '_, '_> {
    fn exit(&mut self, activation: &PricedActivation, cost: &EntryCost) -> Result<()> {
        let row = &activation.row;
        let label = self.source.label(row.node);
        let tid = self.source.tid(row.thread);
        self.text.of_process(self.source.pid(row.thread));
        if self.source.is_phase(row.node) {
            self.text.phase(label, tid, activation.start_ns);
        }
        self.text.slice(&Slice {
            label,
            tid,
            start_ns: activation.start_ns,
            end_ns: activation.end_ns,
            node: row.node,
            energy: cost.inclusive_j.map(Energy::from_joules),
            self_energy: cost.self_j.map(Energy::from_joules),
            token: row.token,
            fields: activation.fields.as_deref(),
        });
        self.flush_if_full()
    }
}
