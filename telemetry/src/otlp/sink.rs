//! The sink of a recorder that sends to a collector.

use energy_data::sink::{Batch, Sink, SinkError};

use super::options::{OtlpError, OtlpOptions};
use super::outbox::Outbox;
use super::outcome::DeliveryCounts;
use super::reports::LossReports;
use super::request::EncodedRequest;
use super::stream::OtlpStream;

/// Sends spans with their energies, and metrics, to a collector while the program runs.
///
/// The recorder's writer thread encodes them, a thread of the sink sends them. If the collector is
/// slow or dead, requests wait in a queue of limited size. What has no place there is lost. Losses are
/// counted, and reported as events `sink_error` and warnings of the run: at once, then after pauses
/// that double up to an hour, and at the end.
///
/// Energies are those of the live attribution. `energy otlp push` sends those of a later attribution.
/// Spans keep their ids, except those that were sent before the trace of a span around them was known
/// (30 s after their end): these are in the run's trace first, and in their own after a push.
///
/// ```
/// use energy_telemetry::otlp::{OtlpOptions, OtlpSink};
///
/// # fn main() -> Result<(), energy_telemetry::otlp::OtlpError> {
/// let options = OtlpOptions::new("http://localhost:4318")?;
/// let sink = OtlpSink::new(options.header("authorization", "Bearer TOKEN")?)?;
/// # drop(sink);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct OtlpSink {
    options: OtlpOptions,
    outbox: Outbox,
    stream: Option<OtlpStream>,
    reports: LossReports,
}

impl OtlpSink {
    /// Creates the sink and starts its thread. It connects with the first request.
    ///
    /// # Errors
    /// If the system refuses another thread.
    pub fn new(options: OtlpOptions) -> Result<Self, OtlpError> {
        Ok(Self {
            outbox: Outbox::start(&options)?,
            options,
            stream: None,
            reports: LossReports::default(),
        })
    }

    /// Returns what was delivered up to now.
    pub fn counts(&self) -> DeliveryCounts {
        self.outbox.counts()
    }

    /// Fails if items were lost since the last report.
    fn report(&mut self, counts: &DeliveryCounts) -> Result<(), SinkError> {
        match self.reports.report(counts, self.outbox.endpoint()) {
            Some(problem) => Err(SinkError::new(problem)),
            None => Ok(()),
        }
    }
}

impl Sink for OtlpSink {
    fn name(&self) -> &'static str {
        "otlp"
    }

    fn write(&mut self, batch: &Batch) -> Result<(), SinkError> {
        if let (Some(run), None) = (&batch.run, &self.stream) {
            self.stream = Some(OtlpStream::new(run, &self.options));
        }
        let outbox = &self.outbox;
        let mut push = |request: EncodedRequest| outbox.push(request);
        if let Some(stream) = &mut self.stream {
            stream.add(batch, &mut push);
        }
        match self.reports.is_due() {
            true => self.report(&self.outbox.counts()),
            false => Ok(()),
        }
    }

    /// Returns 0: lost signals are no rows of the recording.
    fn lost_rows(&self, _: &Batch) -> u64 {
        0
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        let outbox = &self.outbox;
        let mut push = |request: EncodedRequest| outbox.push(request);
        if let Some(stream) = &mut self.stream {
            stream.finish(None, &mut push);
        }
        let counts = self.outbox.finish();
        self.report(&counts)
    }
}
