//! Flamegraph and report of a run.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{self, RunRequest};
use super::choice::{choice, given, optional_choice, parsed};
use super::responses::{RunPath, RunProblems};
use super::scope_query::WholeQuery;
use crate::flamegraph::{
    Collapse, Graph, GraphOptions, Measure, Picture, parse_colors, parse_min_width,
};
use crate::query::RunSelection;
use crate::report::{HtmlReport, ReportOptions};
use crate::serve::extract::{Path, Query};
use crate::serve::headers::isolated;
use crate::serve::problem::Problem;
use crate::serve::state::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(draw_flamegraph))
        .routes(routes!(write_report))
}

/// Parameters of a flamegraph.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct FlamegraphQuery {
    /// Attribution to show [default: the newest]
    attribution: Option<i64>,
    /// `svg` for a picture, or `folded` for stacks as text [default: svg]
    format: Option<String>,
    /// Quantity of widths: `energy` or `time` [default: energy]
    by: Option<String>,
    /// Direction of stacks: `inclusive` or `self` [default: inclusive]
    value: Option<String>,
    /// Rail [default: the sum of root rails]
    rail: Option<String>,
    /// Phase [default: all]
    phase: Option<String>,
    /// Idle energy: `exclude` or `include` [default: exclude]
    idle: Option<String>,
    /// Frames to merge: `layers`, `tokens` or `layers,tokens` [default: none]
    collapse: Option<String>,
    /// Unit to divide by: `run`, `token`, `input_token` or `output_token` [default: run]
    per: Option<String>,
    /// Draw roots at the top
    icicle: Option<bool>,
    /// Title [default: the name of the run]
    title: Option<String>,
    /// Width in pixels [default: that of the window]
    #[param(minimum = 400, maximum = 100_000)]
    width: Option<usize>,
    /// Omit frames narrower than this percentage of the width
    min_width: Option<String>,
    /// Palette [default: hot]
    colors: Option<String>,
}

impl FlamegraphQuery {
    fn graph(&self) -> Result<GraphOptions, Problem> {
        let measure = match self.by.as_deref() {
            None | Some("" | "energy") => Measure::Energy,
            Some("time") => Measure::Time,
            Some(other) => {
                let text = format!("by `{other}` is unknown; choose energy or time");
                return Err(Problem::invalid(text));
            }
        };
        let frames = self.collapse.iter().flat_map(|text| text.split(','));
        let frames = frames.map(|name| optional_choice(Some(&name.trim().to_owned()), "collapse"));
        let collapse: Vec<Option<Collapse>> = frames.collect::<Result<_, Problem>>()?;
        let options = GraphOptions {
            measure,
            value: choice(self.value.as_ref(), "value")?,
            rail: given(self.rail.as_ref()),
            idle: choice(self.idle.as_ref(), "idle")?,
            phase: given(self.phase.as_ref()),
            collapse: collapse.into_iter().flatten().collect(),
            per: optional_choice(self.per.as_ref(), "per")?,
        };
        let has_energy_options =
            options.rail.is_some() || options.idle != GraphOptions::default().idle;
        if measure == Measure::Time && has_energy_options {
            let text = "by=time cannot be combined with rail or idle: times have neither";
            return Err(Problem::invalid(text));
        }
        Ok(options)
    }

    fn picture(&self) -> Result<Picture, Problem> {
        if self
            .width
            .is_some_and(|width| !(400..=100_000).contains(&width))
        {
            return Err(Problem::invalid("width is not 400 to 100000 pixels"));
        }
        let default = Picture::default();
        Ok(Picture {
            reverse: false,
            icicle: self.icicle.unwrap_or(false),
            title: given(self.title.as_ref()),
            width: self.width,
            min_width: parsed(self.min_width.as_ref(), "min_width", parse_min_width)?
                .unwrap_or(default.min_width),
            colors: parsed(self.colors.as_ref(), "colors", parse_colors)?.unwrap_or(default.colors),
        })
    }
}

/// Draws the call paths of a run; widths are joules or seconds.
#[utoipa::path(get, path = "/api/profiling/run/{id}/flamegraph", tag = "run",
    params(RunPath, FlamegraphQuery),
    responses((status = 200, description = "The picture, or folded stacks",
               content((String = "image/svg+xml"), (String = "text/plain"))), RunProblems))]
async fn draw_flamegraph(
    State(app): State<App>,
    Path(path): Path<RunPath>,
    Query(query): Query<FlamegraphQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (options, picture) = (query.graph()?, query.picture()?);
    let is_folded = match query.format.as_deref() {
        None | Some("" | "svg") => false,
        Some("folded") => true,
        Some(other) => {
            let text = format!("format `{other}` is unknown; choose svg or folded");
            return Err(Problem::invalid(text));
        }
    };
    let what = format!("flamegraph {query:?}");
    let request = RunRequest::new(path.id, query.attribution, what, &headers);
    let media = match is_folded {
        true => "text/plain; charset=utf-8",
        false => "image/svg+xml",
    };
    let drawn = answer::bytes(&app, request, media, move |recording, run| {
        let graph = Graph::read(recording, &RunSelection::from(run), &options)?;
        let mut out = Vec::new();
        match is_folded {
            true => graph.fold(&mut out)?,
            false => graph.draw(&picture, &mut out)?,
        }
        Ok(out)
    });
    Ok(isolated(drawn.await?))
}

/// Returns the report of a run: one HTML page that loads nothing.
#[utoipa::path(get, path = "/api/profiling/run/{id}/report", tag = "run",
    params(RunPath, WholeQuery),
    responses((status = 200, description = "The page",
               content_type = "text/html", body = String), RunProblems))]
async fn write_report(
    State(app): State<App>,
    Path(path): Path<RunPath>,
    Query(query): Query<WholeQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let request = query.request(path, "report", &headers);
    let media = "text/html; charset=utf-8";
    let written = answer::bytes(&app, request, media, |recording, run| {
        let options = ReportOptions::default();
        let report = HtmlReport::read(recording, vec![RunSelection::from(run)], &options)?;
        let mut out = Vec::new();
        report.write(&mut out)?;
        Ok(out)
    });
    Ok(isolated(written.await?))
}
