//! The examination of this machine's power sources, kept for a minute because it takes a second.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use serde_json::Value;
use tokio::sync::Mutex;

use super::problem::Problem;
use crate::doctor::{DoctorOptions, SourceExamination, examine};

/// Time for which an examination is valid.
const VALID: Duration = Duration::from_secs(60);

/// The latest examination.
#[derive(Debug, Default)]
pub(super) struct Sources(Mutex<Option<(Instant, Arc<KeptSources>)>>);

/// An examination, and its answer.
#[derive(Debug)]
pub(super) struct KeptSources {
    /// What was found.
    pub(super) examined: SourceExamination,
    /// The answer of `energy doctor`.
    pub(super) answer: Value,
}

impl KeptSources {
    /// Returns whether power would be measured or modelled; `None` if neither is possible.
    pub(super) fn provenance(&self) -> Option<&'static str> {
        match (self.examined.has_measured(), self.examined.has_any()) {
            (true, _) => Some("measured"),
            (false, true) => Some("modelled"),
            (false, false) => None,
        }
    }
}

impl Sources {
    /// Returns the examination; examines the machine if the last one is older than a minute. Other
    /// requests wait for it.
    pub(super) async fn get(&self) -> Result<Arc<KeptSources>, Problem> {
        let mut kept = self.0.lock().await;
        if let Some((at, kept)) = &*kept
            && at.elapsed() < VALID
        {
            return Ok(Arc::clone(kept));
        }
        let examined = tokio::task::spawn_blocking(|| {
            let examined = examine(&DoctorOptions::default());
            let answer = examined.answer().value();
            Arc::new(KeptSources { examined, answer })
        });
        let Ok(examined) = examined.await else {
            let text = "the power sources cannot be examined";
            return Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, text));
        };
        *kept = Some((Instant::now(), Arc::clone(&examined)));
        Ok(examined)
    }

    /// Returns the last examination without waiting, however old.
    pub(super) fn last(&self) -> Option<Arc<KeptSources>> {
        let kept = self.0.try_lock().ok()?;
        kept.as_ref().map(|(_, kept)| Arc::clone(kept))
    }
}
