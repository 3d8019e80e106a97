//! Comparison of runs or groups of runs.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::choice::{given, optional_choice};
use super::responses::BodyProblems;
use crate::compare::{CompareOptions, ComparedEnergy, ComparedSides, sides};
use crate::serve::extract;
use crate::serve::problem::Problem;
use crate::serve::state::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(compare_runs))
}

/// What to compare. Fractions are numbers: 0.05 is 5 %.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CompareBody {
    /// Two to four runs (ids, prefixes, names), tags `KEY=VALUE` or groups; the others are compared
    /// with the first. With `by`, runs to group; empty for all
    #[serde(default, alias = "run_ids", alias = "runIds")]
    runs: Vec<String>,
    /// Groups runs into sides by the value of this tag
    by: Option<String>,
    /// Divisor of energies: `run`, `token`, `input_token` or `output_token`
    per: Option<String>,
    /// Rail [default: the sum of root rails]
    rail: Option<String>,
    /// Phase [default: all]
    phase: Option<String>,
    /// Smallest relative difference that counts as one
    #[schema(minimum = 0, exclusive_maximum = 1)]
    min_effect: Option<f64>,
    /// Assumed relative standard deviation between sessions
    #[schema(minimum = 0, exclusive_maximum = 1)]
    session_sd: Option<f64>,
    /// Relative increase above which a side is a regression
    #[schema(minimum = 0)]
    fail_above: Option<f64>,
    /// Compare runs with different configurations
    #[serde(default)]
    allow_different: bool,
}

impl CompareBody {
    fn options(&self) -> Result<CompareOptions, Problem> {
        let default = CompareOptions::default();
        let fraction = |value: Option<f64>, default: f64, name: &str| match value {
            Some(value) if !(0.0..1.0).contains(&value) => {
                let text = format!("{name} {value} is not at least 0 and below 1");
                Err(Problem::invalid(text))
            }
            value => Ok(value.unwrap_or(default)),
        };
        Ok(CompareOptions {
            energy: ComparedEnergy {
                per: optional_choice(self.per.as_ref(), "per")?,
                rail: given(self.rail.as_ref()),
                session_sd: fraction(self.session_sd, default.energy.session_sd, "session_sd")?,
                allow_different: self.allow_different,
            },
            phase: given(self.phase.as_ref()),
            min_effect: fraction(self.min_effect, default.min_effect, "min_effect")?,
            ..default
        })
    }
}

/// Compares two to four runs or groups: differences, intervals and verdicts.
#[utoipa::path(post, path = "/api/profiling/compare", tag = "runs", request_body = CompareBody,
    responses((status = 200, description = "The comparison", body = Object), BodyProblems))]
async fn compare_runs(
    State(app): State<App>,
    extract::Json(body): extract::Json<CompareBody>,
) -> Result<Json<Value>, Problem> {
    let options = body.options()?;
    let by = given(body.by.as_ref());
    let by = by.map(|by| by.strip_prefix("tag=").unwrap_or(&by).to_owned());
    if by.is_none() && !(2..=4).contains(&body.runs.len()) {
        return Err(Problem::invalid("give two to four runs or groups, or `by`"));
    }
    if body.fail_above.is_some_and(|above| above < 0.0) {
        return Err(Problem::invalid("fail_above is below 0"));
    }
    let compared = app.readers.read(move |recording| {
        let (sides, left_out) = sides(recording, &body.runs, by.as_deref())?;
        let compared = ComparedSides::read(recording, sides, &options)?;
        Ok(compared.answer(&left_out, body.fail_above).into_value())
    });
    Ok(Json(compared.await?))
}
