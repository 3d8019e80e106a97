//! Requests for a run that was started here and is not in the file yet.

use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::child::ChildEnd;
use super::jobs::JobState;
use crate::serve::problem::{NoRun, Problem};
use crate::serve::state::App;

/// Beginnings of paths that are followed by the selector of a run.
const PATHS: [&str; 2] = ["/api/profiling/run/", "/api/profiling/export/"];

/// Explains an answer that the file contains no such run, if the run was started here.
pub(in crate::serve) async fn explain(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Response {
    let method = request.method().clone();
    let selector = selector(request.uri().path()).map(str::to_owned);
    let response = next.run(request).await;
    if response.extensions().get::<NoRun>().is_none() {
        return response;
    }
    let found = selector.and_then(|selector| app.generator.find(&selector));
    let problem = found.and_then(|(job, state)| problem(&job.id, &state, &method));
    problem.map_or(response, IntoResponse::into_response)
}

fn selector(path: &str) -> Option<&str> {
    let rest = PATHS.iter().find_map(|start| path.strip_prefix(start))?;
    rest.split('/').next()
}

/// Returns the problem of a request for a run in that state; `None` if the file should contain it.
fn problem(id: &str, state: &JobState, method: &Method) -> Option<Problem> {
    let what = match state {
        JobState::Queued(_) => "waits to be generated",
        JobState::Running => "is being generated",
        JobState::Ended(ChildEnd::Failed { message, .. }) => {
            let text = format!("run {id} failed before it was in the file: {message}");
            let remedy = "remove the cause and start the run again";
            return Some(Problem::absent(text).with_remedy(remedy));
        }
        JobState::Ended(ChildEnd::Complete | ChildEnd::Cancelled) => return None,
    };
    let detail = format!("run {id} {what}: it is not in the file yet");
    Some(match *method {
        Method::GET | Method::HEAD => Problem::absent(detail).with_remedy(format!(
            "GET /api/profiling/generate/{id} shows its state, and \
             /api/profiling/run/{id}/events its messages"
        )),
        _ => Problem::new(StatusCode::CONFLICT, detail).with_remedy(format!(
            "POST /api/profiling/cancel/{id} ends it, or wait for its end"
        )),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_is_generated_is_not_there_yet_and_cannot_be_deleted() {
        let get = problem("a", &JobState::Running, &Method::GET).unwrap();
        assert_eq!(get.status(), 404);
        assert!(get.remedy().unwrap().contains("generate/a"));
        let delete = problem("a", &JobState::Queued(1), &Method::DELETE).unwrap();
        assert_eq!(delete.status(), 409);
        assert!(
            delete
                .remedy()
                .unwrap()
                .contains("POST /api/profiling/cancel/a")
        );
        let ended = JobState::Ended(ChildEnd::Complete);
        assert_eq!(problem("a", &ended, &Method::GET), None);
    }

    #[test]
    fn the_selector_follows_the_start_of_the_path() {
        assert_eq!(selector("/api/profiling/run/ab/summary"), Some("ab"));
        assert_eq!(selector("/api/profiling/export/ab"), Some("ab"));
        assert_eq!(selector("/api/profiling/runs"), None);
    }
}
