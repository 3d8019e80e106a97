//! Analyses of experiments, and the table of configurations.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::choice::{given, optional_choice, parsed};
use super::responses::AnalysisProblems;
use super::runs_query::tags;
use crate::analyse::{
    ANALYSES, AnalyseOptions, Analysed, Latencies, analysis, read_configurations,
};
use crate::query::{self, Recording, RunFilter};
use crate::serve::extract::{Path, Query};
use crate::serve::problem::Problem;
use crate::serve::state::App;
use crate::table::ConfigurationTable;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_analyses))
        .routes(routes!(analyse))
        .routes(routes!(read_table))
}

/// The analysis in the path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct AnalysisPath {
    /// Name of the analysis: batch, context, quantization, parameters, shape, attention, experts,
    /// engines, pareto, trend
    kind: String,
}

/// Runs to analyse. Empty parameters do not filter.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct AnalysisQuery {
    /// Experiment [default: all runs]
    experiment: Option<String>,
    /// Text in the model's name, ignoring case
    model: Option<String>,
    /// Text in the engine's name, ignoring case
    engine: Option<String>,
    /// Tags that all must match, separated by commas: `KEY` or `KEY=VALUE`
    tags: Option<String>,
    /// Divisor of energies: `token`, `input_token` or `output_token` [default: `output_token` for
    /// context, else `token`]
    per: Option<String>,
}

impl AnalysisQuery {
    fn options(&self) -> Result<AnalyseOptions, Problem> {
        Ok(AnalyseOptions {
            filter: RunFilter {
                experiment: given(self.experiment.as_ref()),
                model: given(self.model.as_ref()),
                engine: given(self.engine.as_ref()),
                tags: parsed(self.tags.as_ref(), "tags", tags)?.unwrap_or_default(),
                ..RunFilter::default()
            },
            per: optional_choice(self.per.as_ref(), "per")?,
        })
    }
}

/// Lists the analyses, and the experiments with runs in the file.
#[utoipa::path(get, path = "/api/profiling/analyses", tag = "experiments",
    responses((status = 200, description = "Analyses and experiments", body = Object),
              AnalysisProblems))]
async fn list_analyses(State(app): State<App>) -> Result<Json<Value>, Problem> {
    let read = app.readers.read(query::experiments);
    let experiments = match read.await {
        // Nothing was recorded yet: there is no file.
        Err(problem) if problem.status() == 404 => Vec::new(),
        other => other?,
    };
    let analyses: Vec<Value> = ANALYSES
        .iter()
        .map(|one| json!({ "kind": one.name, "question": one.question, "per": one.per }))
        .collect();
    Ok(Json(
        json!({ "analyses": analyses, "experiments": experiments }),
    ))
}

/// Analyses complete runs: findings with intervals, and plots.
#[utoipa::path(get, path = "/api/profiling/analyses/{kind}", tag = "experiments",
    params(AnalysisPath, AnalysisQuery),
    responses((status = 200, description = "The findings", body = Object), AnalysisProblems))]
async fn analyse(
    State(app): State<App>,
    Path(path): Path<AnalysisPath>,
    Query(parameters): Query<AnalysisQuery>,
) -> Result<Json<Value>, Problem> {
    let options = parameters.options()?;
    let analysed = app.readers.read(move |recording: &Recording| {
        let analysed = Analysed::read(&[recording], analysis(&path.kind)?, &options)?;
        Ok(analysed.answer().into_value())
    });
    Ok(Json(analysed.await?))
}

/// Returns the table of configurations, in the schema `energy-table/1`.
#[utoipa::path(get, path = "/api/profiling/table", tag = "experiments", params(AnalysisQuery),
    responses((status = 200, description = "The table", body = Object), AnalysisProblems))]
async fn read_table(
    State(app): State<App>,
    Query(parameters): Query<AnalysisQuery>,
) -> Result<Json<Value>, Problem> {
    let options = parameters.options()?;
    let table = app.readers.read(move |recording: &Recording| {
        let read = read_configurations(&[recording], &options.filter, Latencies::Read)?;
        let experiment = options.filter.experiment.as_deref();
        Ok(ConfigurationTable::of(&read, experiment).value())
    });
    Ok(Json(table.await?))
}
