//! Sends runs while they are recorded.
//!
//! ```text
//! file --Follower--> rows --OtlpStream--> requests --Outbox--> collector
//!   \-- fields of spans, totals --/
//! ```
//!
//! Only what happens from the start on is sent, so that a second follower repeats nothing.

use std::path::Path;
use std::time::{Duration, Instant};

use clap::Args;
use energy_data::live::Update;
use energy_telemetry::otlp::{DeliveryCounts, OtlpOptions, Outbox};
use tracing_energy::live::{FollowFrom, Follower};

use super::followed::FollowedFile;
use super::options::CollectorOptions;
use super::waiting_outbox::WaitingOutbox;
use crate::error::{Error, ErrorClass, Result};
use crate::options::{duration_text, parse_duration};

/// Longest time until a signal of the user is noticed.
const POLL: Duration = Duration::from_millis(200);
/// Time that the end waits for the last requests.
const LINGER: Duration = Duration::from_secs(10);

/// Options of following.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct FollowOptions {
    /// What is sent, and how.
    #[command(flatten)]
    pub collector: CollectorOptions,
    /// Time between two sets of metrics
    #[arg(long, value_name = "DURATION", value_parser = parse_duration,
          default_value = duration_text(Self::default().metrics_every))]
    pub metrics_every: Duration,
    /// Begin at the beginning of runs that are being recorded, not at their newest rows
    #[arg(long)]
    pub from_beginning: bool,
}

impl Default for FollowOptions {
    fn default() -> Self {
        Self {
            collector: CollectorOptions::default(),
            metrics_every: Duration::from_secs(10),
            from_beginning: false,
        }
    }
}

/// Sends what is recorded to `db` to the collector at `endpoint`, until `is_ending` returns true or
/// the run that `run` selects has ended. Waits while the collector is slow: what is not sent yet is in
/// the file. Passes warnings to `warn`. Returns what was delivered.
///
/// # Errors
/// If the file cannot be read, if there is no such run or it has ended, or if an option is invalid.
pub fn follow(
    db: &Path,
    (run, endpoint): (Option<&str>, &str),
    options: &FollowOptions,
    is_ending: &dyn Fn() -> bool,
    warn: &mut dyn FnMut(&str),
) -> Result<DeliveryCounts> {
    let delivery = delivery(options, endpoint)?;
    let outbox = Outbox::start(&delivery).map_err(|error| Error::Request(error.to_string()))?;
    let mut outbox = WaitingOutbox::new(outbox, is_ending, warn);
    let mut file = FollowedFile::open((db, run), &delivery, &mut outbox)?;
    let from = match options.from_beginning {
        true => FollowFrom::Beginning,
        false => FollowFrom::Now,
    };
    let mut follower = Follower::open_from(db, from)?;
    let mut metrics_at = Instant::now();
    while !file.is_ending() {
        file.reopen_if_outdated();
        for update in updates(&mut follower)? {
            file.update(update)?;
        }
        if metrics_at.elapsed() >= options.metrics_every {
            metrics_at = Instant::now();
            file.send_metrics();
        }
        file.report();
    }
    file.finish();
    Ok(outbox.finish())
}

fn delivery(options: &FollowOptions, endpoint: &str) -> Result<OtlpOptions> {
    let mut delivery = options.collector.delivery(endpoint)?;
    delivery.linger = LINGER;
    // Rows of totals are not followed: they are read from the file.
    delivery.metrics_every = Duration::MAX;
    Ok(delivery)
}

/// Waits for changes. A file that another process has locked is read later.
fn updates(follower: &mut Follower) -> Result<Vec<Update>> {
    match follower.wait(POLL).map_err(Error::from) {
        Err(error) if error.class() == ErrorClass::Busy => {
            std::thread::sleep(POLL);
            Ok(Vec::new())
        }
        other => other,
    }
}
