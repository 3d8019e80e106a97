//! Sends runs while they are recorded.
//!
//! ```text
//! file --Follower--> rows --OtlpStream--> requests --Outbox--> collector
//!   \-- fields of spans, totals --/
//! ```
//!
//! Only what happens from the start on is sent, so that a second follower repeats nothing.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use energy_data::live::Update;
use energy_data::rows::{RunRow, RunStatus};
use energy_data::sink::Batch;
use energy_telemetry::otlp::{DeliveryCounts, OtlpOptions, OtlpStream, Outbox};
use energy_telemetry::rows::run_totals;
use energy_telemetry::totals::RunTotals;
use tracing_energy::live::{FollowFrom, Follower};

use super::follow_fields::FieldCursor;
use super::options::CollectorOptions;
use crate::error::{Error, ErrorClass, Result};
use crate::options::{duration_text, parse_duration};
use crate::query::Recording;

/// Longest time until a signal of the user is noticed.
const POLL: Duration = Duration::from_millis(200);
/// Shortest time between two reports of losses.
const REPORT_EVERY: Duration = Duration::from_secs(10);
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

/// A run that is being sent.
struct FollowedRun {
    stream: OtlpStream,
    fields: FieldCursor,
    /// Run time of the latest rows.
    time_ns: i64,
}

/// All runs that are being sent.
struct FollowedFile<'f> {
    recording: Recording,
    options: &'f OtlpOptions,
    outbox: &'f Outbox,
    /// The only run that is sent.
    selected: Option<String>,
    runs: BTreeMap<Arc<str>, FollowedRun>,
    /// Whether the selected run has ended.
    has_ended: bool,
}

/// Sends what is recorded to `db` to the collector at `endpoint`, until `is_ending` returns true or
/// the run that `run` selects has ended. Passes warnings to `warn`. Returns what was delivered.
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
    let mut file = FollowedFile::open((db, run), &delivery, &outbox)?;
    let from = match options.from_beginning {
        true => FollowFrom::Beginning,
        false => FollowFrom::Now,
    };
    let mut follower = Follower::open_from(db, from)?;
    let mut losses = Losses::default();
    let mut metrics_at = Instant::now();
    while !is_ending() && !file.has_ended {
        for update in updates(&mut follower)? {
            file.update(update)?;
        }
        if metrics_at.elapsed() >= options.metrics_every {
            metrics_at = Instant::now();
            file.send_metrics();
        }
        losses.report(&outbox, false, warn);
    }
    file.finish();
    let counts = outbox.finish();
    losses.report(&outbox, true, warn);
    Ok(counts)
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

fn selected(recording: &Recording, selector: &str) -> Result<String> {
    let run = recording.run(selector)?;
    match run.row.status {
        RunStatus::Running => Ok(run.row.uuid),
        status => Err(Error::Request(format!(
            "run {} is {}: there is nothing to follow; send it with `energy otlp push {}`",
            run.title(),
            status.name(),
            run.short_id()
        ))),
    }
}

impl<'f> FollowedFile<'f> {
    fn open(
        (db, run): (&Path, Option<&str>),
        options: &'f OtlpOptions,
        outbox: &'f Outbox,
    ) -> Result<Self> {
        let recording = Recording::open_repaired(db)?;
        Ok(Self {
            selected: run.map(|run| selected(&recording, run)).transpose()?,
            recording,
            options,
            outbox,
            runs: BTreeMap::new(),
            has_ended: false,
        })
    }

    fn update(&mut self, update: Update) -> Result<()> {
        match update {
            Update::Rows { run, batch } => self.rows(&run, Arc::unwrap_or_clone(batch)),
            Update::Ended { run, .. } => {
                self.has_ended |= self.selected.as_deref() == Some(&*run);
                if let Some(followed) = self.runs.remove(&run) {
                    self.end(&run, followed);
                }
                Ok(())
            }
            Update::Deleted { run } => {
                self.has_ended |= self.selected.as_deref() == Some(&*run);
                self.runs.remove(&run);
                Ok(())
            }
            Update::FileReplaced | Update::FileGone => {
                self.runs.clear();
                match self.selected {
                    Some(_) => self.has_ended = true,
                    None => self.reopen(),
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn rows(&mut self, uuid: &Arc<str>, mut batch: Batch) -> Result<()> {
        let is_wanted = |row: &RunRow| {
            // A joined run is sent as a part of its parent run, after its end.
            row.parent_run.is_none() && self.selected.as_ref().is_none_or(|one| *one == row.uuid)
        };
        if let (Some(row), None) = (&batch.run, self.runs.get(uuid))
            && is_wanted(row)
        {
            let followed = FollowedRun {
                stream: OtlpStream::new(row, self.options),
                fields: FieldCursor::new(self.recording.run(uuid)?.no),
                time_ns: 0,
            };
            self.runs.insert(Arc::clone(uuid), followed);
        }
        let Some(followed) = self.runs.get_mut(uuid) else {
            return Ok(());
        };
        followed.time_ns = batch.time_ns;
        batch.fields = followed.fields.read(self.recording.store(), &batch.spans)?;
        let outbox = self.outbox;
        followed
            .stream
            .add(&batch, &mut |request| outbox.push(request));
        Ok(())
    }

    /// Sends the totals of all runs. Those that cannot be read now are sent next time.
    fn send_metrics(&mut self) {
        let Self {
            recording,
            outbox,
            runs,
            ..
        } = self;
        for (uuid, followed) in runs {
            if let Some(totals) = totals(recording, uuid) {
                let mut push = |request| outbox.push(request);
                let time_ns = followed.time_ns;
                followed
                    .stream
                    .send_metrics(time_ns, Some(totals), &mut push);
            }
        }
    }

    /// Sends what remains of a run that has ended. Its totals may be gone: the run was deleted.
    fn end(&self, uuid: &str, mut followed: FollowedRun) {
        let totals = totals(&self.recording, uuid);
        let mut push = |request| self.outbox.push(request);
        followed.stream.finish(totals, &mut push);
    }

    fn finish(&mut self) {
        for (uuid, followed) in std::mem::take(&mut self.runs) {
            self.end(&uuid, followed);
        }
    }

    fn reopen(&mut self) {
        let opened = Recording::open(self.recording.path());
        if let Ok(recording) = opened {
            self.recording = recording;
        }
    }
}

fn totals(recording: &Recording, uuid: &str) -> Option<RunTotals> {
    let run = recording.run(uuid).ok()?;
    run_totals(recording, &run).ok()
}

/// Reports losses, but not each.
#[derive(Default)]
struct Losses {
    reported: u64,
    at: Option<Instant>,
}

impl Losses {
    fn report(&mut self, outbox: &Outbox, is_last: bool, warn: &mut dyn FnMut(&str)) {
        let is_due = self.at.is_none_or(|at| at.elapsed() >= REPORT_EVERY);
        if !is_due && !is_last {
            return;
        }
        let counts = outbox.counts();
        if counts.missing() > self.reported
            && let Some(problem) = counts.problem(outbox.endpoint())
        {
            (self.reported, self.at) = (counts.missing(), Some(Instant::now()));
            warn(&problem);
        }
    }
}
