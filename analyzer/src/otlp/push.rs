//! Sends a stored run.

use clap::Args;
use energy_telemetry::otlp::{Client, DeliveryCounts, EncodedRequest, OtlpOptions};
use energy_telemetry::rows::{PushedSpans, push_spans};
use tracing_energy::SinkError;

use super::options::CollectorOptions;
use crate::error::{Error, Result};
use crate::query::{Recording, Run};

/// Options of a push.
#[derive(Debug, Clone, PartialEq, Default, Args)]
pub struct PushOptions {
    /// What is sent, and how.
    #[command(flatten)]
    pub collector: CollectorOptions,
    /// Send nothing, and report what would be sent
    #[arg(long)]
    pub dry_run: bool,
}

/// What was sent of a run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PushedRun {
    /// Entries into spans, and events.
    pub pushed: PushedSpans,
    /// What the collector did with them.
    pub delivered: DeliveryCounts,
    /// Number of bytes of all requests.
    pub bytes: u64,
}

/// Sends a run to the collector at `endpoint`. Sending it again changes nothing there: ids of spans
/// and times of metrics depend on the recording only. `is_ending` ends the repetition of requests.
///
/// # Errors
/// If the run has no attribution, if the file cannot be read, or if the collector does not accept a
/// request: what was sent before it stays there.
pub fn push(
    recording: &Recording,
    run: &Run,
    (endpoint, options): (&str, &PushOptions),
    is_ending: &dyn Fn() -> bool,
) -> Result<PushedRun> {
    let delivery = options.collector.delivery(endpoint)?;
    if run.attribution.is_none() {
        return Err(run.not_attributed());
    }
    let mut client = (!options.dry_run).then(|| Client::new(&delivery));
    let mut sent = PushedRun::default();
    let mut send = |request: EncodedRequest| {
        sent.bytes += request.body.len() as u64;
        let counts = match &mut client {
            Some(client) => client.deliver(&request, is_ending),
            None => DeliveryCounts {
                accepted: request.items,
                requests: 1,
                ..DeliveryCounts::default()
            },
        };
        sent.delivered.add(&counts);
        match counts.lost {
            0 => Ok(()),
            _ => Err(refused(&request, &counts, &delivery)),
        }
    };
    let pushed = push_spans(recording, run, &delivery, &mut send)?;
    Ok(PushedRun { pushed, ..sent })
}

fn refused(request: &EncodedRequest, counts: &DeliveryCounts, to: &OtlpOptions) -> Error {
    let reason = counts.message.as_deref().unwrap_or("no reason was given");
    let text = format!(
        "{}{}: {reason}; {} {} were not sent. Start the collector or correct its address, then \
         repeat the command: what was sent keeps its ids",
        to.endpoint,
        request.signal.path(),
        counts.lost,
        request.signal.items(),
    );
    Error::Rows(SinkError::new(text))
}
