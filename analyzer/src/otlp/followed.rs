//! The runs of a file that are being sent.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use energy_data::live::Update;
use energy_data::rows::{RunRow, RunStatus};
use energy_data::sink::Batch;
use energy_telemetry::otlp::{OtlpOptions, OtlpStream};
use energy_telemetry::rows::run_totals;
use energy_telemetry::totals::RunTotals;

use super::follow_fields::FieldCursor;
use super::waiting_outbox::WaitingOutbox;
use crate::error::{Error, Result};
use crate::query::Recording;

/// A run that is being sent.
struct FollowedRun {
    stream: OtlpStream,
    fields: FieldCursor,
    /// Run time of the latest rows.
    time_ns: i64,
}

/// All runs that are being sent.
pub(super) struct FollowedFile<'o, 'f> {
    recording: Recording,
    options: &'o OtlpOptions,
    outbox: &'o mut WaitingOutbox<'f>,
    /// The only run that is sent.
    selected: Option<String>,
    runs: BTreeMap<Arc<str>, FollowedRun>,
    /// Whether the selected run has ended.
    has_ended: bool,
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

impl<'o, 'f> FollowedFile<'o, 'f> {
    /// Opens the file, and finds the run that is selected.
    pub(super) fn open(
        (db, run): (&Path, Option<&str>),
        options: &'o OtlpOptions,
        outbox: &'o mut WaitingOutbox<'f>,
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

    /// Returns whether nothing more is to be sent.
    pub(super) fn is_ending(&self) -> bool {
        self.has_ended || self.outbox.is_ending()
    }

    /// Warns of losses.
    pub(super) fn report(&mut self) {
        self.outbox.report();
    }

    /// Sends what belongs to an update.
    pub(super) fn update(&mut self, update: Update) -> Result<()> {
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
        let outbox = &mut *self.outbox;
        followed
            .stream
            .add(&batch, &mut |request| outbox.push(request));
        Ok(())
    }

    /// Sends the totals of all runs. Those that cannot be read now are sent next time.
    pub(super) fn send_metrics(&mut self) {
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
    fn end(&mut self, uuid: &str, mut followed: FollowedRun) {
        let totals = totals(&self.recording, uuid);
        let mut push = |request| self.outbox.push(request);
        followed.stream.finish(totals, &mut push);
        self.outbox.untraced += followed.stream.untraced();
    }

    /// Sends what remains of all runs.
    pub(super) fn finish(&mut self) {
        for (uuid, followed) in std::mem::take(&mut self.runs) {
            self.end(&uuid, followed);
        }
    }

    /// Opens the file again if this connection does not see what is written: its folder cannot be
    /// written.
    pub(super) fn reopen_if_outdated(&mut self) {
        if self.recording.store().is_outdated() {
            self.reopen();
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
