//! Handlers that start and cancel runs, and list models.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::bodies::EitherBody;
use super::child::ChildEnd;
use super::jobs::{Generator, Job, JobState};
use super::models::{self, ModelEntry};
use super::power;
use super::request::GenerateRequest;
use crate::run::{RunOptions, SMOLLM2};
use crate::serve::extract::{Json, Path};
use crate::serve::problem::Problem;
use crate::serve::state::App;

/// Longest time that a request to cancel waits for the end of the run.
const CANCELLING: Duration = Duration::from_secs(10);

/// Returns the routes. A request may wait for a whole run, so they have no time limit.
pub(in crate::serve) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(generate))
        .routes(routes!(generation))
        .routes(routes!(cancel))
        .routes(routes!(list_models))
}

/// State of a run that a client has started.
#[derive(Debug, Serialize, ToSchema)]
struct Generation {
    /// Id of the run
    run_id: String,
    /// queued, running, complete, cancelled or failed
    status: &'static str,
    /// Number of runs before it; 0 if it runs or has ended
    position: usize,
    /// Messages about the run
    events_url: String,
    /// Reason of a failure
    message: Option<String>,
}

impl Generation {
    fn of(id: &str, state: JobState) -> Self {
        let (status, position, message) = match state {
            JobState::Queued(position) => ("queued", position, None),
            JobState::Running => ("running", 0, None),
            JobState::Ended(ChildEnd::Complete) => ("complete", 0, None),
            JobState::Ended(ChildEnd::Cancelled) => ("cancelled", 0, None),
            JobState::Ended(ChildEnd::Failed { message, .. }) => ("failed", 0, Some(message)),
        };
        Self {
            run_id: id.to_owned(),
            status,
            position,
            events_url: events_url(id),
            message,
        }
    }
}

/// Returns the path of the messages about a run.
fn events_url(id: &str) -> String {
    format!("/api/profiling/run/{id}/events")
}

/// Starts a run of a model.
///
/// The body has one of two forms. Their keys cannot be mixed.
#[utoipa::path(post, path = "/api/profiling/generate", tag = "generate",
    request_body = EitherBody,
    responses(
        (status = 200, description = "The run has ended: `runId`, `response`, `message`, or with \
                                      `wait` `run_id`, `status`, `response`, `message`"),
        (status = 202, description = "The run is started or waits", body = Generation),
        (status = 404, description = "The model is unknown"),
        (status = 408, description = "The body did not arrive in time"),
        (status = 409, description = "Another run is being generated"),
        (status = 413, description = "The body is too large"),
        (status = 415, description = "The body is not application/json"),
        (status = 422, description = "The request is invalid"),
        (status = 429, description = "Too many runs wait"),
        (status = 500, description = "The run has failed"),
        (status = 501, description = "This build cannot run models"),
        (status = 503, description = "Power cannot be measured, or the file has the log of another file"),
    ))]
async fn generate(State(app): State<App>, Json(body): Json<Value>) -> Result<Response, Problem> {
    if !cfg!(feature = "inference") {
        let text = "this build cannot run models";
        return Err(Problem::new(StatusCode::NOT_IMPLEMENTED, text).with_remedy(
            "install one that can: cargo install energy-analyzer --features inference,serve",
        ));
    }
    let mut request = GenerateRequest::parse(body, &app.options.power)?;
    let model = model(&app, request.options.model.clone()).await?;
    request.options.model = model.argument;
    app.generator.check(request.on_busy)?;
    app.readers.check_log().await?;
    let (power, allow) = (app.options.power.clone(), request.allow_modelled);
    blocking(move || power::check(&power, allow)).await??;
    let options: RunOptions = request.options;
    let (job, position) = app.generator.submit(options, request.on_busy)?;
    if request.is_waiting {
        let end = wait(&app.generator, &job, request.is_cancelled_on_disconnect).await;
        return answer(&app, &job.id, end, request.is_compatible).await;
    }
    let state = match position {
        0 => JobState::Running,
        position => JobState::Queued(position),
    };
    Ok((
        StatusCode::ACCEPTED,
        axum::Json(Generation::of(&job.id, state)),
    )
        .into_response())
}

/// Waits for the end of a run. The future is dropped if the client disconnects.
async fn wait(generator: &Arc<Generator>, job: &Arc<Job>, is_cancelled: bool) -> ChildEnd {
    struct CancelOnDrop<'j>(&'j Generator, Option<&'j Arc<Job>>);
    impl Drop for CancelOnDrop<'_> {
        fn drop(&mut self) {
            if let Some(job) = self.1 {
                self.0.cancel(job);
            }
        }
    }
    let mut guard = CancelOnDrop(generator, is_cancelled.then_some(job));
    let end = job.wait().await;
    guard.1 = None;
    end
}

/// Answers a client that has waited.
async fn answer(
    app: &App,
    id: &str,
    end: ChildEnd,
    is_compatible: bool,
) -> Result<Response, Problem> {
    let (status, message) = match end {
        ChildEnd::Complete => ("complete", "the run is complete"),
        ChildEnd::Cancelled => ("cancelled", "the run was cancelled"),
        ChildEnd::Failed {
            message,
            is_request,
        } => {
            let status = match is_request {
                true => StatusCode::UNPROCESSABLE_ENTITY,
                false => StatusCode::INTERNAL_SERVER_ERROR,
            };
            return Err(Problem::new(status, message).with("run_id", id));
        }
    };
    // A run that was cancelled early is not in the file.
    let run = id.to_owned();
    let read = app.readers.read(move |recording| recording.run(&run));
    let response = read.await.ok().and_then(|run| run.row.metadata.response);
    let body = match is_compatible {
        true => json!({"runId": id, "response": response, "message": message}),
        false => json!({
            "run_id": id, "status": status, "response": response, "message": message,
            "events_url": events_url(id),
        }),
    };
    Ok(axum::Json(body).into_response())
}

/// Shows the state of a run that a client has started.
#[utoipa::path(get, path = "/api/profiling/generate/{id}", tag = "generate",
    params(("id" = String, Path, description = "Id of the run")),
    responses(
        (status = 200, description = "The state", body = Generation),
        (status = 404, description = "The server has not started this run"),
    ))]
async fn generation(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<axum::Json<Generation>, Problem> {
    match app.generator.find(&id) {
        Some((job, state)) => Ok(axum::Json(Generation::of(&job.id, state))),
        None => Err(Problem::absent(format!(
            "run {id:?}: it is none of the last runs started here"
        ))
        .with_remedy("GET /api/profiling/runs lists recorded runs")),
    }
}

/// A cancelled run.
#[derive(Debug, Serialize, ToSchema)]
struct Cancellation {
    /// Always true
    success: bool,
    /// Id of the run
    run_id: String,
    /// cancelled, cancelling, or complete if it ended before
    status: &'static str,
    /// The state in words
    message: &'static str,
}

/// Cancels a run that a client has started. What it recorded is kept.
#[utoipa::path(post, path = "/api/profiling/cancel/{id}", tag = "generate",
    params(("id" = String, Path, description = "Id, unique prefix or name of the run")),
    responses(
        (status = 200, description = "The run has ended, or ends soon", body = Cancellation),
        (status = 404, description = "The run is unknown"),
        (status = 409, description = "The run has ended, or another program records it"),
        (status = 422, description = "The id is ambiguous"),
    ))]
async fn cancel(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<axum::Json<Cancellation>, Problem> {
    let id = match app.generator.find(&id) {
        Some((job, _)) => job.id.clone(),
        None => {
            app.readers
                .read(move |recording| recording.run(&id))
                .await?
                .row
                .uuid
        }
    };
    let job = match app.generator.find(&id) {
        Some((job, JobState::Queued(_) | JobState::Running)) => job,
        found => {
            let why = match found {
                Some(_) => "it has ended",
                None => "it was not started by this server",
            };
            return Err(Problem::new(
                StatusCode::CONFLICT,
                format!("run {id} cannot be cancelled: {why}"),
            )
            .with_remedy("end the program that records it, if it is being recorded"));
        }
    };
    app.generator.cancel(&job);
    let (status, message) = match tokio::time::timeout(CANCELLING, job.wait()).await {
        Ok(ChildEnd::Complete) => ("complete", "the run was complete before it was cancelled"),
        Ok(_) => ("cancelled", "the run was cancelled"),
        Err(_) => ("cancelling", "the run is being stored"),
    };
    Ok(axum::Json(Cancellation {
        success: true,
        run_id: id,
        status,
        message,
    }))
}

/// Models that can be run.
#[derive(Debug, Serialize, ToSchema)]
struct ModelList {
    /// Models: known names first, then those of the folder `--models`
    models: Vec<ModelEntry>,
    /// Id of the model that is used if a request names none
    default: &'static str,
}

/// Lists models that can be run.
#[utoipa::path(get, path = "/api/profiling/models", tag = "generate",
    responses((status = 200, description = "The models", body = ModelList)))]
async fn list_models(State(app): State<App>) -> Result<axum::Json<ModelList>, Problem> {
    let folder = app.options.models.clone();
    let models = blocking(move || models::list(folder.as_deref())).await?;
    Ok(axum::Json(ModelList {
        models,
        default: SMOLLM2.name,
    }))
}

/// Finds a model of the list.
async fn model(app: &App, id: String) -> Result<ModelEntry, Problem> {
    let (folder, wanted) = (app.options.models.clone(), id.clone());
    let found = blocking(move || models::find(&wanted, folder.as_deref())).await?;
    found.ok_or_else(|| {
        Problem::absent(format!("model {id:?} is unknown")).with_remedy(
            "GET /api/profiling/models lists the models; start the server with --models DIR to add \
             those of a folder",
        )
    })
}

/// Executes `work` on a blocking thread.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| Problem::unexpected())
}
