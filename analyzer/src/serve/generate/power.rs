//! Decides whether a run may be recorded with the power that this machine can measure.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use energy_power::{MonotonicClock, OpenOptions, Provenance, SourceChoice};
use tracing_energy::Clock;

use crate::options::SourceOptions;
use crate::serve::problem::Problem;

/// Refuses a run if no source can be opened. Refuses modelled power, unless it was allowed or
/// `--source` names it. Opens the sensors, so it is called on a blocking thread.
pub(super) fn check(power: &SourceOptions, allow_modelled: bool) -> Result<(), Problem> {
    let clock: Arc<dyn Clock> = Arc::new(MonotonicClock::starting_in(Duration::ZERO));
    let options = OpenOptions {
        interval: power.interval.into(),
        ..OpenOptions::default()
    };
    let opened = energy_power::open(&power.source, &options, &clock).map_err(|error| {
        unavailable(&error.to_string()).with_remedy(
            "`energy doctor` shows how to grant access to sensors; or start the server with \
             another --source",
        )
    })?;
    let mut provenances = opened
        .sources
        .iter()
        .map(|source| source.describe().provenance);
    let is_measured = provenances.any(|provenance| provenance != Provenance::Modelled);
    if is_measured || allow_modelled || names_model(&power.source) {
        return Ok(());
    }
    // This request does not fall back on the model.
    let reasons = opened.notices.into_iter();
    let reasons = reasons.filter(|notice| notice.kind != "modelled");
    let messages = reasons.map(|notice| notice.message);
    let reasons = messages.collect::<Vec<_>>().join("; ");
    Err(unavailable(&reasons).with_remedy(
        "`energy doctor` shows how to grant access to sensors; or send \"allow_modelled\": true, \
         or start the server with --source modelled, to record power that is modelled from CPU time",
    ))
}

fn unavailable(reasons: &str) -> Problem {
    let text = format!("power cannot be measured: {reasons}");
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, text)
}

fn names_model(choice: &SourceChoice) -> bool {
    match choice {
        SourceChoice::Modelled => true,
        SourceChoice::Several(choices) => choices.iter().any(names_model),
        _ => false,
    }
}
