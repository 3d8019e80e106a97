//! Sizes of runs, and deletion by age, number and size.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use energy_host as host;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{JSON, to_bytes};
use super::choice::parsed;
use super::cut::cut_texts;
use super::responses::BodyProblems;
use super::run_object::extend;
use crate::error::{Error, Result};
use crate::format::rfc3339;
use crate::query::{self, Recording};
use crate::runs::parse_age;
use crate::serve::cache::KeptAnswer;
use crate::serve::extract;
use crate::serve::problem::Problem;
use crate::serve::state::App;
use crate::upkeep::{LimitNames, PruneOptions, PrunePlan, is_protected, parse_bytes, size};

/// Names of limits in the body.
const KEYS: LimitNames = LimitNames {
    all: "the key `all`",
    max_size: "`max_size`",
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(read_sizes))
        .routes(routes!(clean_up))
}

/// Returns the sizes of the file, its tables and runs.
#[utoipa::path(get, path = "/api/profiling/retention/stats", tag = "retention",
    responses((status = 200, description = "The sizes", body = Object)))]
async fn read_sizes(State(app): State<App>) -> std::result::Result<Response, Problem> {
    let shared = App::clone(&app);
    let sizes = app.readers.read_version(move |recording, version| {
        // Sizes are found by reading the whole file.
        shared.cache.get_or_compute(format!("sizes {version}"), || {
            Ok::<_, Error>(KeptAnswer::body(to_bytes(&sizes(recording)?)?))
        })
    });
    let kind = [(header::CONTENT_TYPE, JSON)];
    Ok((kind, sizes.await?.bytes).into_response())
}

fn sizes(recording: &Recording) -> Result<Value> {
    let mut value = size(recording, None)?.into_value();
    if let Some(runs) = value.get_mut("runs") {
        cut_texts(runs);
    }
    let runs = query::list(recording)?;
    let starts = || runs.iter().filter_map(|run| run.start_unix_ns);
    let more = json!({
        "total_runs": runs.len(),
        "total_size_bytes": value["file_bytes"],
        "protected_runs": runs.iter().filter(|run| is_protected(run)).count(),
        "oldest_run": starts().min().map(rfc3339),
        "newest_run": starts().max().map(rfc3339),
    });
    extend(&mut value, more);
    Ok(value)
}

/// Limits of a cleanup; at least one is required. Runs with the tag `keep` or `baseline` stay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CleanupBody {
    /// Number of newest runs to keep
    keep: Option<usize>,
    /// Age from which runs are deleted: `12h`, `30d`, `8w`
    older_than: Option<String>,
    /// Size of the used part of the file, above which the oldest runs are deleted: `500MB`
    max_size: Option<String>,
    /// Also delete runs with the tag `keep` or `baseline`
    #[serde(default)]
    all: bool,
    /// Delete; otherwise the runs are only listed
    #[serde(default)]
    confirm: bool,
}

/// Lists the runs that exceed the limits, and deletes them if `confirm` is true.
#[utoipa::path(post, path = "/api/profiling/retention/cleanup", tag = "retention",
    request_body = CleanupBody,
    responses((status = 200, description = "The runs", body = Object), BodyProblems))]
async fn clean_up(
    State(app): State<App>,
    extract::Json(body): extract::Json<CleanupBody>,
) -> std::result::Result<Json<Value>, Problem> {
    let options = PruneOptions {
        keep: body.keep,
        older_than_ns: parsed(body.older_than.as_ref(), "older_than", parse_age)?,
        max_bytes: parsed(body.max_size.as_ref(), "max_size", parse_bytes)?,
        all: body.all,
    };
    if options.keep.is_none() && options.older_than_ns.is_none() && options.max_bytes.is_none() {
        let text = "no limit is given";
        return Err(Problem::invalid(text).with_remedy("give keep, older_than or max_size"));
    }
    let plan = app
        .readers
        .read(move |recording| PrunePlan::read(recording, &options, host::unix_ns()));
    let plan = plan.await?;
    let is_done = body.confirm && !plan.runs.is_empty();
    let plan = match is_done {
        true => {
            let delete = move |db: &std::path::Path| {
                plan.delete(db, &mut |_, _| {})?;
                Ok(plan)
            };
            app.readers.change(delete).await?
        }
        false => plan,
    };
    let mut value = plan.answer(&options, is_done, KEYS).into_value();
    if let Some(runs) = value.get_mut("runs") {
        cut_texts(runs);
    }
    extend(&mut value, json!({ "dry_run": !body.confirm }));
    Ok(Json(value))
}
