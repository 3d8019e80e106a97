//! One run: its nested document, its deletion, and changes of its name and tags.

use std::collections::BTreeMap;
use std::io;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{self, JSON};
use super::choice::{choice, parsed};
use super::detail::{DetailDepth, RunDocument};
use super::responses::{ChangeProblems, RunPath, RunProblems};
use super::run_object::run_object;
use crate::error::Result;
use crate::format::escape;
use crate::query::Recording;
use crate::serve::extract::{self, OptionalJson, Path, Query};
use crate::serve::problem::Problem;
use crate::serve::state::App;
use crate::upkeep::{DeletePlan, RunEdit, edit_run};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(read_run, delete_run, change_run))
}

/// Parameters of the nested document of a run.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct DetailQuery {
    /// Attribution to show [default: the newest]
    attribution: Option<i64>,
    /// Indices of the tokens to include, such as `0..50`; the end is not included [default: all]
    tokens: Option<String>,
    /// Depth: `sections`, `tokens`, `layers`, `components` or `operations` [default: operations]
    depth: Option<String>,
}

/// Returns a run with its power samples, sections and tokens; tokens contain layers, these
/// components, and these operations. Restrict it with `tokens` and `depth`: it may be large.
#[utoipa::path(get, path = "/api/profiling/run/{id}", tag = "run",
    params(RunPath, DetailQuery),
    responses((status = 200, description = "The run", body = Object), RunProblems))]
async fn read_run(
    State(app): State<App>,
    Path(path): Path<RunPath>,
    Query(query): Query<DetailQuery>,
) -> std::result::Result<Response, Problem> {
    let tokens = parsed(query.tokens.as_ref(), "tokens", parse_indices)?;
    let tokens = tokens.unwrap_or((0, usize::MAX));
    let depth: DetailDepth = choice(query.depth.as_ref(), "depth")?;
    let attribution = query.attribution;
    app.readers
        .stream(move |recording, head| {
            let run = answer::find_run(recording, &path.id, attribution)?;
            let document = RunDocument::read(recording, &run)?;
            let mut response = Response::new(Body::empty());
            let media = HeaderValue::from_static(JSON);
            response.headers_mut().insert(header::CONTENT_TYPE, media);
            let mut body = head.begin(response)?;
            let result = document.write(&mut body, tokens, depth);
            body.finish(result.map_err(io::Error::other));
            Ok(())
        })
        .await
}

fn parse_indices(text: &str) -> std::result::Result<(usize, usize), String> {
    let advice = || format!("`{text}` is not a range of indices; write 0..50, 50.. or ..50");
    let (from, to) = text.split_once("..").ok_or_else(advice)?;
    let index = |text: &str, open: usize| match text {
        "" => Ok(open),
        digits => digits.parse::<usize>().map_err(|_| advice()),
    };
    match (index(from, 0)?, index(to, usize::MAX)?) {
        (from, to) if from <= to => Ok((from, to)),
        _ => Err(advice()),
    }
}

/// Confirmation of a deletion.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DeleteBody {
    /// Id of the run: it confirms the deletion
    confirm: Option<String>,
}

/// Confirmation of a deletion.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct DeleteQuery {
    /// Id of the run: it confirms the deletion, as the body does
    confirm: Option<String>,
}

/// Deletes a run permanently. Body or parameter `confirm` must be the id of the run, unless the
/// server was started with `--allow-delete` and a token.
#[utoipa::path(delete, path = "/api/profiling/run/{id}", tag = "run",
    params(RunPath, DeleteQuery), request_body = Option<DeleteBody>,
    responses((status = 200, description = "The run was deleted", body = Object),
              ChangeProblems))]
async fn delete_run(
    State(app): State<App>,
    Path(path): Path<RunPath>,
    Query(query): Query<DeleteQuery>,
    OptionalJson(body): OptionalJson<DeleteBody>,
) -> std::result::Result<Json<Value>, Problem> {
    let selector = path.id;
    let run = app.readers.read(move |recording| recording.run(&selector));
    let run = run.await?;
    let uuid = run.row.uuid.clone();
    let confirm = body.confirm.or(query.confirm);
    match confirm {
        Some(confirm) if confirm == uuid => {}
        None if app.options.may_delete() => {}
        given => return Err(unconfirmed(&uuid, given.is_some())),
    }
    let title = escape(&run.title());
    app.readers
        .change(move |db| {
            let recording = Recording::open(db)?;
            // Another process may have changed the file since.
            let run = recording.run(&run.row.uuid)?;
            let plan = DeletePlan::without_sizes(vec![run])?;
            drop(recording);
            plan.delete(db, &mut |_, _| Ok(()))
        })
        .await?;
    Ok(Json(json!({
        "success": true,
        "message": format!("deleted run {title}"),
        "run_id": uuid,
    })))
}

fn unconfirmed(uuid: &str, is_other: bool) -> Problem {
    let text = match is_other {
        true => "confirm is not the id of this run",
        false => "the deletion is not confirmed",
    };
    Problem::invalid(text).with_remedy(format!("send {{\"confirm\": \"{uuid}\"}}"))
}

/// Changes of a run.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangeBody {
    /// New name; empty removes the name
    name: Option<String>,
    /// Tags to set, by key; null removes a tag
    #[serde(default)]
    tags: BTreeMap<String, Option<String>>,
}

/// Changes the name and tags of an ended run, and returns the run as in the list of runs.
#[utoipa::path(patch, path = "/api/profiling/run/{id}", tag = "run",
    params(RunPath), request_body = ChangeBody,
    responses((status = 200, description = "The changed run", body = Object), ChangeProblems))]
async fn change_run(
    State(app): State<App>,
    Path(path): Path<RunPath>,
    extract::Json(body): extract::Json<ChangeBody>,
) -> std::result::Result<Json<Value>, Problem> {
    let edit = RunEdit {
        name: body
            .name
            .map(|name| Some(name).filter(|name| !name.is_empty())),
        tags: body.tags,
    };
    edit.check().map_err(Problem::from)?;
    let selector = path.id;
    let run = app.readers.read(move |recording| recording.run(&selector));
    let run = run.await?;
    let uuid = run.row.uuid;
    let changed = uuid.clone();
    let edited = app.readers.change(move |db| edit_run(db, &uuid, &edit));
    edited.await?;
    let object = app
        .readers
        .read(move |recording| object(recording, &changed));
    Ok(Json(object.await?))
}

fn object(recording: &Recording, uuid: &str) -> Result<Value> {
    run_object(recording, &recording.run(uuid)?)
}
