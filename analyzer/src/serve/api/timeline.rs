//! Power over a part of a run.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{self, RunRequest};
use super::responses::{RunPath, RunProblems};
use super::run_object::extend;
use crate::charts::{TimelinePart, TimelineRange};
use crate::serve::extract::{Path, Query};
use crate::serve::problem::Problem;
use crate::serve::state::App;

/// Number of steps, and the largest number.
const STEPS: i64 = 600;
const MOST_STEPS: i64 = 5000;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(read_timeline))
}

/// Parameters of a timeline.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct TimelineQuery {
    /// Attribution to show [default: the newest]
    attribution: Option<i64>,
    /// Start of the part in ns of run time
    #[param(default = 0)]
    from_ns: Option<i64>,
    /// End of the part [default: the end of the run]
    to_ns: Option<i64>,
    /// Largest number of steps of a rail
    #[param(minimum = 1, maximum = 5000, default = 600)]
    steps: Option<i64>,
}

/// Returns the power of each rail in steps, with phases, tokens, idle power and peaks.
#[utoipa::path(get, path = "/api/profiling/run/{id}/timeline", tag = "run",
    params(RunPath, TimelineQuery),
    responses((status = 200, description = "The timeline", body = Object), RunProblems))]
async fn read_timeline(
    State(app): State<App>,
    Path(path): Path<RunPath>,
    Query(query): Query<TimelineQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let steps = query.steps.unwrap_or(STEPS);
    if !(1..=MOST_STEPS).contains(&steps) {
        let text = format!("steps {steps} is not 1 to {MOST_STEPS}");
        return Err(Problem::invalid(text));
    }
    let from_ns = query.from_ns.unwrap_or(0);
    if query.to_ns.is_some_and(|to_ns| to_ns <= from_ns) {
        return Err(Problem::invalid("to_ns is not after from_ns"));
    }
    let what = format!("timeline {query:?}");
    let request = RunRequest::new(path.id, query.attribution, what, &headers);
    answer::json(&app, request, move |recording, run| {
        let part = TimelineRange {
            from_ns,
            to_ns: query.to_ns.or(run.row.end_ns).unwrap_or(i64::MAX),
            steps,
        };
        let mut value = json!(TimelinePart::read(recording, &run, part)?);
        let more = json!({ "run_id": run.row.uuid, "run_end_ns": run.row.end_ns });
        extend(&mut value, more);
        Ok(value)
    })
    .await
}
