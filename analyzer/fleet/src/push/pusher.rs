//! Sends what a destination lacks.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use energy_data::rows::RunStatus;
use energy_store::{DestinationRow, ShipmentRow, Store};

use super::buckets_of_runs::{BucketRules, NextPack, next_pack, parse_plan};
use super::send::send;
use super::silent_runs::SilentRuns;
use crate::destination::Destination;
use crate::error::{Error, Result};
use crate::options::parse_duration;
use crate::pack::{PackContents, PackPlan};
use crate::query::{self, Recording, Run};

/// Options of sending.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct PushOptions {
    /// Runs to send [default: all runs of the file, also later ones]
    #[arg(value_name = "RUN")]
    pub runs: Vec<String>,
    /// Also send runs that are being recorded, in buckets, until a signal is received
    #[arg(long)]
    pub follow: bool,
    /// Length of the buckets of a run that is being recorded
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = parse_duration,
          requires = "follow")]
    pub every: Duration,
    /// Additional tables.
    #[command(flatten)]
    pub contents: PackContents,
}

impl Default for PushOptions {
    fn default() -> Self {
        Self {
            runs: Vec::new(),
            follow: false,
            every: Duration::from_secs(900),
            contents: PackContents::default(),
        }
    }
}

/// What has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushEvent {
    /// A pack was sent: title of the run, number of the bucket.
    Sent(String, i64),
    /// A run is not sent: title and reason.
    Refused(String, String),
    /// A run has other additional tables than requested, as its first pack has: title.
    OtherTables(String),
}

/// Sums over passes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PushReport {
    /// Packs that were completed.
    pub packs: u64,
    /// Objects that were written.
    pub objects: u64,
    /// Objects that existed with the same content.
    pub existing: u64,
    /// Bytes of the objects that were written.
    pub bytes: u64,
    /// Selected runs whose last pack was not sent.
    pub unsent: u64,
}

/// Sends the runs of a recording to one destination.
pub struct Pusher {
    db: PathBuf,
    destination: Box<dyn Destination>,
    row: DestinationRow,
    /// Ids of the selected runs; `None`: all.
    selected: Option<Vec<String>>,
    rules: BucketRules,
    /// Runs of which something was reported, and what.
    reported: Vec<(String, String)>,
    /// Runs that ended without a word.
    silent: SilentRuns,
}

impl Pusher {
    /// Opens the recording at `db`, which remembers the destination from now on.
    ///
    /// # Errors
    /// If it cannot be written, or a selected run does not exist.
    pub fn open(
        db: &Path,
        destination: Box<dyn Destination>,
        options: &PushOptions,
    ) -> Result<Self> {
        if !db.exists() {
            return Err(Error::NoRecording(db.to_owned()));
        }
        if options.every.is_zero() {
            let text = "--every 0s is too short; write 1m or more";
            return Err(Error::Request(text.to_owned()));
        }
        let store = Store::open_writable(db)?;
        let selected = selected(db, &options.runs)?;
        let now = energy_host::unix_ns();
        let row = store.add_destination(destination.root(), selected.is_none(), now)?;
        let every_ns = i64::try_from(options.every.as_nanos()).unwrap_or(i64::MAX);
        Ok(Self {
            db: db.to_owned(),
            destination,
            row,
            selected,
            rules: BucketRules {
                every_ns: options.follow.then_some(every_ns),
                contents: options.contents,
            },
            reported: Vec::new(),
            silent: SilentRuns::default(),
        })
    }

    /// Sends all packs that are due, and adds to `report`.
    ///
    /// # Errors
    /// If the recording cannot be read or written, or an object cannot be written. What was sent
    /// before is not sent again. If only packs of some runs contradict what was written before, all
    /// other runs are sent, and the first contradiction is returned.
    pub fn pass(
        &mut self,
        report: &mut PushReport,
        on_event: &mut dyn FnMut(PushEvent),
    ) -> Result<()> {
        let store = Store::open_writable(&self.db)?;
        self.silent.complete(&store)?;
        let recording = Recording::open(&self.db)?;
        let mut first = Ok(());
        for row in store.planned_shipments(self.row.id)? {
            let delivered = self.deliver(&store, &recording, &row, report, on_event);
            first = first.and(contradiction(delivered)?);
        }
        report.unsent = 0;
        for uuid in store.unsent_runs(self.row.id)? {
            let is_selected = |selected: &Vec<String>| selected.contains(&uuid);
            if self.selected.as_ref().is_none_or(is_selected) {
                let pushed = self.push_run(&store, &recording, &uuid, report, on_event);
                first = first.and(contradiction(pushed)?);
            }
        }
        first
    }

    /// Returns the name of the destination.
    pub fn root(&self) -> &str {
        self.destination.root()
    }

    /// Returns whether the selected runs were sent completely; `false` if all runs are selected.
    pub fn is_complete(&self, report: &PushReport) -> bool {
        self.selected.is_some() && report.unsent == 0
    }

    fn push_run(
        &mut self,
        store: &Store,
        recording: &Recording,
        uuid: &str,
        report: &mut PushReport,
        on_event: &mut dyn FnMut(PushEvent),
    ) -> Result<()> {
        // It may have been deleted since.
        let Ok(run) = recording.run(uuid) else {
            return Ok(());
        };
        let attribution = run.attribution.unwrap_or(0);
        let last = store.newest_shipment(self.row.id, uuid, attribution)?;
        match next_pack(recording, &run, last.as_ref(), self.rules) {
            Ok(NextPack::Ready(plan)) => {
                if plan.contents != self.rules.contents {
                    let event = PushEvent::OtherTables(run.title());
                    self.report_once(&run, "tables".to_owned(), event, on_event);
                }
                let row = store.plan_shipment(self.row.id, &planned(&plan)?)?;
                report.unsent += 1;
                self.deliver(store, recording, &row, report, on_event)?;
                report.unsent -= u64::from(row.is_final);
            }
            Ok(NextPack::Later) => report.unsent += 1,
            Ok(NextPack::Refused(why)) => {
                report.unsent += 1;
                self.refuse(&run, why, on_event);
            }
            Err(Error::Query(error)) if energy_store::is_bad_value(&error) => {
                report.unsent += 1;
                self.refuse(&run, format!("a value has a wrong type: {error}"), on_event);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn deliver(
        &self,
        store: &Store,
        recording: &Recording,
        row: &ShipmentRow,
        report: &mut PushReport,
        on_event: &mut dyn FnMut(PushEvent),
    ) -> Result<()> {
        // Without a plan another process has sent it.
        let (false, Some(text)) = (row.is_sent, &row.plan) else {
            return Ok(());
        };
        // The stored text, so that each attempt writes the same numbers.
        let mut plan = parse_plan(text)?;
        if row.bucket > 0 {
            let earlier = store.shipment_before(self.row.id, row)?;
            let Some(text) = earlier.and_then(|earlier| earlier.plan) else {
                return Ok(());
            };
            plan.before = parse_plan(&text)?.after;
        }
        let run = recording.run(&row.run_uuid).ok();
        let source = run.as_ref().map(|run| (recording, run));
        let sent = send(self.destination.as_ref(), &plan, source)?;
        store.mark_sent(self.row.id, row, &sent.sha256)?;
        report.packs += 1;
        report.objects += sent.written;
        report.existing += sent.existing;
        report.bytes += sent.bytes;
        on_event(PushEvent::Sent(title(&plan), plan.bucket));
        Ok(())
    }

    fn refuse(&mut self, run: &Run, why: String, on_event: &mut dyn FnMut(PushEvent)) {
        let event = PushEvent::Refused(run.title(), why.clone());
        self.report_once(run, why, event, on_event);
    }

    fn report_once(
        &mut self,
        run: &Run,
        what: String,
        event: PushEvent,
        on_event: &mut dyn FnMut(PushEvent),
    ) {
        let key = (run.row.uuid.clone(), what);
        if !self.reported.contains(&key) {
            on_event(event);
            self.reported.push(key);
        }
    }
}

/// Separates a contradiction, which stops one run, from errors that stop all.
fn contradiction(sent: Result<()>) -> Result<Result<()>> {
    match sent {
        Err(error @ Error::Conflict(_)) => Ok(Err(error)),
        sent => sent.map(Ok),
    }
}

/// Returns the ids of the selected runs; `None` for all.
fn selected(db: &Path, selectors: &[String]) -> Result<Option<Vec<String>>> {
    if selectors.is_empty() {
        return Ok(None);
    }
    let recording = Recording::open(db)?;
    let mut uuids = Vec::new();
    for selector in selectors {
        for run in query::select(&recording, selector)?.runs {
            if run.attribution.is_none() && run.row.status != RunStatus::Running {
                return Err(run.not_attributed());
            }
            uuids.push(run.row.uuid);
        }
    }
    Ok(Some(uuids))
}

fn planned(plan: &PackPlan) -> Result<ShipmentRow> {
    let text = serde_json::to_string(plan)
        .map_err(|error| Error::Sink(format!("a pack cannot be planned: {error}")))?;
    Ok(ShipmentRow {
        run_uuid: plan.run.uuid.clone(),
        attribution: plan.attribution,
        bucket: plan.bucket,
        start_ns: plan.start_ns,
        end_ns: plan.end_ns,
        is_final: plan.is_final,
        is_sent: false,
        plan: Some(text),
    })
}

fn title(plan: &PackPlan) -> String {
    plan.run
        .name
        .clone()
        .unwrap_or_else(|| plan.run.uuid.clone())
}
