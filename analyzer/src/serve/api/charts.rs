//! Data of a run's charts, and cells of tokens by layers and components.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{self, RunRequest, to_bytes};
use super::responses::{RunPath, RunProblems};
use super::run_object::{extend, run_object};
use super::scope_query::WholeQuery;
use crate::charts::{CellMetric, RunCharts, TokenCells};
use crate::error::Result;
use crate::query::{self, Recording, Run};
use crate::serve::extract::{Path, Query};
use crate::serve::problem::Problem;
use crate::serve::state::App;
use crate::summary::{Summary, SummaryOptions};

/// Media type of cells.
const OCTETS: &str = "application/octet-stream";

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(read_charts))
        .routes(routes!(read_cells))
}

/// Returns the data of all charts of a run, as `energy report` draws them.
#[utoipa::path(get, path = "/api/profiling/run/{id}/charts", tag = "run",
    params(RunPath, WholeQuery),
    responses((status = 200, description = "The charts", body = Object), RunProblems))]
async fn read_charts(
    State(app): State<App>,
    Path(path): Path<RunPath>,
    Query(query): Query<WholeQuery>,
    headers: HeaderMap,
) -> std::result::Result<Response, Problem> {
    let request = query.request(path, "charts", &headers);
    answer::json(&app, request, charts).await
}

fn charts(recording: &Recording, run: Run) -> Result<Value> {
    let object = run_object(recording, &run)?;
    let summary = Summary::read_unchecked(recording, run, &SummaryOptions::default())?;
    let ledger = query::ledger(recording, &summary.run, None)?;
    let mut value = json!(RunCharts::read(recording, &summary, &ledger)?);
    extend(&mut value, json!({ "run": object }));
    Ok(value)
}

/// Parameters of cells.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct CellsQuery {
    /// Attribution to show [default: the newest]
    attribution: Option<i64>,
    /// Index of the first token in the order of time
    #[param(default = 0)]
    from: Option<usize>,
    /// Index after the last token; at most 1000 tokens [default: 500 tokens]
    to: Option<usize>,
    /// Quantity of the cells
    #[param(inline)]
    metric: Option<MetricName>,
}

/// A quantity of cells.
#[derive(Debug, Clone, Copy, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum MetricName {
    #[default]
    Energy,
    Time,
    Power,
    Mean,
    Std,
    Max,
    Sparsity,
    Entropy,
}

impl From<MetricName> for CellMetric {
    fn from(name: MetricName) -> Self {
        match name {
            MetricName::Energy => Self::Energy,
            MetricName::Time => Self::Time,
            MetricName::Power => Self::Power,
            MetricName::Mean => Self::Mean,
            MetricName::Std => Self::Std,
            MetricName::Max => Self::Max,
            MetricName::Sparsity => Self::Sparsity,
            MetricName::Entropy => Self::Entropy,
        }
    }
}

/// Returns a quantity of tokens by layers and components as octets: one line with a JSON header,
/// padded with spaces to a multiple of four octets, then one 32-bit little-endian number for each
/// token, layer and component in this order. Not a number means unknown.
#[utoipa::path(get, path = "/api/profiling/run/{id}/cells", tag = "run",
    params(RunPath, CellsQuery),
    responses((status = 200, description = "Header and cells",
               content_type = "application/octet-stream", body = Vec<u8>), RunProblems))]
async fn read_cells(
    State(app): State<App>,
    Path(path): Path<RunPath>,
    Query(query): Query<CellsQuery>,
    headers: HeaderMap,
) -> std::result::Result<Response, Problem> {
    let from = query.from.unwrap_or(0);
    let to = query
        .to
        .unwrap_or_else(|| from.saturating_add(TokenCells::TOKENS));
    let metric = CellMetric::from(query.metric.unwrap_or_default());
    if to < from || to - from > TokenCells::MOST_TOKENS {
        let most = TokenCells::MOST_TOKENS;
        let text = format!("tokens {from} to {to}: request 0 to {most} tokens at once");
        return Err(Problem::invalid(text));
    }
    let what = format!("cells {from} {to} {metric:?}");
    let request = RunRequest::new(path.id, query.attribution, what, &headers);
    answer::bytes(&app, request, OCTETS, move |recording, run| {
        let cells = TokenCells::read(recording, &run, from..to, metric)?;
        let mut body = to_bytes(&cells.header)?;
        // The line break is the last octet of the padded header.
        let padded = (body.len() + 1).next_multiple_of(4) - 1;
        body.resize(padded, b' ');
        body.push(b'\n');
        body.extend(cells.values.iter().flat_map(|value| value.to_le_bytes()));
        Ok(body)
    })
    .await
}
