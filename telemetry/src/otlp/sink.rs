//! The sink of a recorder that sends to a collector.

use std::time::{Duration, Instant};

use energy_data::sink::{Batch, Sink, SinkError};

use super::options::{OtlpError, OtlpOptions};
use super::outbox::Outbox;
use super::outcome::DeliveryCounts;
use super::request::EncodedRequest;
use super::stream::OtlpStream;

/// Shortest time between two reports of losses.
const REPORT_EVERY: Duration = Duration::from_secs(10);

/// Sends spans with their energies, and metrics, to a collector while the program runs.
///
/// The recorder's writer thread encodes them, a thread of the sink sends them. If the collector is
/// slow or dead, requests wait in a queue of limited size. What has no place there is lost. Losses are
/// counted, and reported as events `sink_error` and warnings of the run.
///
/// Energies are those of the live attribution. `energy otlp push` sends those of a later attribution;
/// spans keep their ids.
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
    reported: DeliveryCounts,
    reported_at: Option<Instant>,
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
            reported: DeliveryCounts::default(),
            reported_at: None,
        })
    }

    /// Returns what was delivered up to now.
    pub fn counts(&self) -> DeliveryCounts {
        self.outbox.counts()
    }

    /// Fails if items were lost since the last call.
    fn report(&mut self, counts: DeliveryCounts) -> Result<(), SinkError> {
        let new = counts.since(&self.reported);
        let Some(problem) = new.problem(self.outbox.endpoint()) else {
            return Ok(());
        };
        (self.reported, self.reported_at) = (counts, Some(Instant::now()));
        Err(SinkError::new(problem))
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
        match self.reported_at {
            Some(at) if at.elapsed() < REPORT_EVERY => Ok(()),
            _ => self.report(self.outbox.counts()),
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
        self.report(counts)
    }
}
