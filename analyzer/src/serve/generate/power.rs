//! Decides whether a run may be recorded with the power that this machine can measure.

use std::sync::Arc;

use axum::http::StatusCode;
use energy_power::{MonotonicClock, OpenOptions, Provenance, SourceChoice};
use std::time::Duration;
use tracing_energy::Clock;

use crate::options::SourceOptions;
use crate::serve::problem::Problem;

/// Refuses a run whose power would be modelled, unless that was allowed or `--source` names the
/// model. Opens the sensors, so it is called on a blocking thread.
pub(super) fn check(power: &SourceOptions, allow_modelled: bool) -> Result<(), Problem> {
    if allow_modelled || names_model(&power.source) {
        return Ok(());
    }
    let clock: Arc<dyn Clock> = Arc::new(MonotonicClock::starting_in(Duration::ZERO));
    let options = OpenOptions {
        interval: power.interval.into(),
        ..OpenOptions::default()
    };
    let reasons = match energy_power::open(&power.source, &options, &clock) {
        Ok(opened) => {
            let mut provenances = opened
                .sources
                .iter()
                .map(|source| source.describe().provenance);
            if provenances.any(|provenance| provenance != Provenance::Modelled) {
                return Ok(());
            }
            let messages = opened.notices.into_iter().map(|notice| notice.message);
            messages.collect::<Vec<_>>().join("; ")
        }
        Err(error) => error.to_string(),
    };
    Err(Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        format!("power cannot be measured: {reasons}"),
    )
    .with_remedy(
        "`energy doctor` shows how to grant access to sensors; or send \"allow_modelled\": true, \
         or start the server with --source modelled, to record power that is modelled from CPU time",
    ))
}

fn names_model(choice: &SourceChoice) -> bool {
    match choice {
        SourceChoice::Modelled => true,
        SourceChoice::Several(choices) => choices.iter().any(names_model),
        _ => false,
    }
}
