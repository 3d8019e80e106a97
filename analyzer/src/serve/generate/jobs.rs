//! One run at a time: the running one, those that wait, and how the last ones ended.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use serde_json::json;
use tokio::sync::watch;

use super::bodies::OnBusy;
use super::child::{self, ChildEnd};
use crate::run::RunOptions;
use crate::serve::live::{Detail, Feed, Message, MessageKind, Publish as _};
use crate::serve::problem::Problem;

/// Number of runs that wait.
const QUEUED: usize = 8;
/// Number of ended runs that are remembered.
const ENDED: usize = 64;
/// Longest time that the end of the server waits for the running one to be stored.
const ENDING: Duration = Duration::from_secs(30);

/// Starts runs and cancels them.
#[derive(Debug)]
pub(in crate::serve) struct Generator {
    database: PathBuf,
    jobs: Mutex<Jobs>,
    /// Receives failures.
    feed: Arc<Feed>,
}

#[derive(Debug, Default)]
struct Jobs {
    running: Option<Arc<Job>>,
    queued: VecDeque<Arc<Job>>,
    ended: VecDeque<Arc<Job>>,
    is_closed: bool,
}

/// A run that a client has started.
#[derive(Debug)]
pub(super) struct Job {
    /// Id of the run.
    pub(super) id: String,
    options: RunOptions,
    cancelled: watch::Sender<bool>,
    end: watch::Sender<Option<ChildEnd>>,
}

/// State of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum JobState {
    /// It waits; the first one has position 1.
    Queued(usize),
    Running,
    Ended(ChildEnd),
}

impl Generator {
    /// Creates a generator that records to `database` and reports failures to `feed`.
    pub(in crate::serve) fn new(database: PathBuf, feed: Arc<Feed>) -> Self {
        Self {
            database,
            jobs: Mutex::default(),
            feed,
        }
    }

    /// Returns the id of the run that is being generated.
    pub(in crate::serve) fn running(&self) -> Option<String> {
        self.jobs().running.as_ref().map(|job| job.id.clone())
    }

    /// Returns the id of a run that was started here, by the beginning of the id.
    pub(in crate::serve) fn id_of(&self, beginning: &str) -> Option<String> {
        self.find(beginning).map(|(job, _)| job.id.clone())
    }

    /// Returns the ids of the runs that wait, in order.
    pub(in crate::serve) fn queued(&self) -> Vec<String> {
        self.jobs()
            .queued
            .iter()
            .map(|job| job.id.clone())
            .collect()
    }

    /// Cancels all runs and waits until the running one is stored. New ones are refused.
    pub(in crate::serve) async fn end(&self) {
        let running = {
            let mut jobs = self.jobs();
            jobs.is_closed = true;
            let queued = std::mem::take(&mut jobs.queued);
            queued
                .iter()
                .for_each(|job| job.finish(ChildEnd::Cancelled));
            jobs.running.clone()
        };
        if let Some(job) = running {
            job.cancelled.send_replace(true);
            let _ = tokio::time::timeout(ENDING, job.wait()).await;
        }
    }

    /// Returns the problem of a request that arrives now.
    pub(super) fn check(&self, on_busy: OnBusy) -> Result<(), Problem> {
        self.jobs().check(on_busy)
    }

    /// Starts a run, or lets it wait. Returns it and its position: 0 if it is started.
    pub(super) fn submit(
        self: &Arc<Self>,
        options: RunOptions,
        on_busy: OnBusy,
    ) -> Result<(Arc<Job>, usize), Problem> {
        let job = Arc::new(Job {
            id: uuid::Uuid::new_v4().to_string(),
            options,
            cancelled: watch::Sender::new(false),
            end: watch::Sender::new(None),
        });
        let mut jobs = self.jobs();
        jobs.check(on_busy)?;
        if jobs.running.is_some() {
            jobs.queued.push_back(Arc::clone(&job));
            return Ok((job, jobs.queued.len()));
        }
        jobs.running = Some(Arc::clone(&job));
        tokio::spawn(Arc::clone(self).execute(Arc::clone(&job)));
        Ok((job, 0))
    }

    /// Finds a job by its id, or by a beginning of it that no other job shares.
    pub(super) fn find(&self, id: &str) -> Option<(Arc<Job>, JobState)> {
        let jobs = self.jobs();
        let all = || jobs.running.iter().chain(&jobs.queued).chain(&jobs.ended);
        let starts = |job: &&Arc<Job>| id.len() >= 4 && job.id.starts_with(id);
        let is_whole = all().any(|job| job.id == id);
        if !is_whole && all().filter(starts).count() > 1 {
            return None;
        }
        let is_meant = |job: &&Arc<Job>| job.id == id || (!is_whole && starts(job));
        if let Some(job) = jobs.running.iter().find(is_meant) {
            return Some((Arc::clone(job), JobState::Running));
        }
        let mut queued = jobs.queued.iter().enumerate();
        if let Some((at, job)) = queued.find(|(_, job)| is_meant(job)) {
            return Some((Arc::clone(job), JobState::Queued(at + 1)));
        }
        let job = jobs.ended.iter().find(is_meant)?;
        let end = job.end.borrow().clone()?;
        Some((Arc::clone(job), JobState::Ended(end)))
    }

    /// Cancels a job that has not ended.
    pub(super) fn cancel(&self, job: &Arc<Job>) {
        let mut jobs = self.jobs();
        let at = jobs
            .queued
            .iter()
            .position(|queued| Arc::ptr_eq(queued, job));
        match at.and_then(|at| jobs.queued.remove(at)) {
            Some(job) => {
                job.finish(ChildEnd::Cancelled);
                jobs.remember(job);
            }
            None => {
                job.cancelled.send_replace(true);
            }
        }
    }

    /// Executes a job and those that wait for it.
    async fn execute(self: Arc<Self>, first: Arc<Job>) {
        let mut next = Some(first);
        while let Some(job) = next {
            let cancelled = job.cancelled.subscribe();
            let end = child::execute(&job.options, &job.id, &self.database, cancelled).await;
            if let ChildEnd::Failed { message, .. } = &end {
                self.feed.publish(failure(&job.id, message));
            }
            let mut jobs = self.jobs();
            job.finish(end);
            jobs.remember(job);
            next = jobs.queued.pop_front();
            jobs.running = next.clone();
        }
    }

    fn jobs(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the message about a run that failed.
fn failure(run: &str, reason: &str) -> Message {
    Message {
        run: Some(run.into()),
        kind: MessageKind::Error,
        detail: Detail::Power,
        timestamp_unix_ns: energy_host::unix_ns(),
        data: json!({
            "message": format!("the run failed: {reason}"),
            "remedy": "remove the cause and start the run again",
        }),
    }
}

impl Jobs {
    fn check(&self, on_busy: OnBusy) -> Result<(), Problem> {
        let retry = |problem: Problem| {
            problem.with_header(header::RETRY_AFTER, HeaderValue::from_static("5"))
        };
        match (&self.running, on_busy) {
            _ if self.is_closed => Err(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the server is shutting down",
            )),
            (None, _) => Ok(()),
            (Some(running), OnBusy::Refuse) => Err(retry(
                Problem::new(
                    StatusCode::CONFLICT,
                    format!("run {} is being generated", running.id),
                )
                .with_remedy("send \"on_busy\": \"queue\", or cancel that run")
                .with("running", running.id.clone()),
            )),
            (Some(_), OnBusy::Queue) if self.queued.len() >= QUEUED => Err(retry(
                Problem::new(
                    StatusCode::TOO_MANY_REQUESTS,
                    format!("{QUEUED} runs are waiting already"),
                )
                .with_remedy("send the request again in 5 s or later, or cancel a run that waits"),
            )),
            (Some(_), OnBusy::Queue) => Ok(()),
        }
    }

    fn remember(&mut self, job: Arc<Job>) {
        self.ended.push_back(job);
        if self.ended.len() > ENDED {
            self.ended.pop_front();
        }
    }
}

impl Job {
    /// Waits for the end.
    pub(super) async fn wait(&self) -> ChildEnd {
        let mut ends = self.end.subscribe();
        let end = ends.wait_for(Option::is_some).await;
        // The sender is part of this job, so waiting cannot fail.
        end.ok()
            .and_then(|end| end.clone())
            .unwrap_or(ChildEnd::Cancelled)
    }

    fn finish(&self, end: ChildEnd) {
        self.end.send_replace(Some(end));
    }
}
