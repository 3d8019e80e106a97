//! Responses and parameters that the descriptions of several endpoints share.

use std::collections::BTreeMap;

use serde::Deserialize;
use utoipa::openapi::{RefOr, Response, ResponseBuilder};
use utoipa::{IntoParams, IntoResponses};

/// Selector of a run.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct RunPath {
    /// Id, unique prefix of an id, or name of a run (the newest with it), or `last`
    pub(super) id: String,
}

/// Problems of requests with parameters or a body: 422.
pub(super) struct InvalidProblems;

/// Problems of requests for an analysis: 404 and 422.
pub(super) struct AnalysisProblems;

impl IntoResponses for AnalysisProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[
            ("404", "There is no such analysis or experiment, or no file"),
            ("422", "A parameter is malformed"),
        ])
    }
}

/// Problems of requests for a run: 404 and 422.
pub(super) struct RunProblems;

impl IntoResponses for InvalidProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[("422", "The request is malformed, or contradicts its limits")])
    }
}

impl IntoResponses for RunProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[
            (
                "404",
                "There is no such run, or the run lacks the requested data",
            ),
            (
                "422",
                "The selector matches several runs, or a parameter is malformed",
            ),
        ])
    }
}

/// Returns descriptions of problem responses by status. The description of the interface adds their
/// body.
fn problems(of: &[(&str, &str)]) -> BTreeMap<String, RefOr<Response>> {
    let problem = |(status, text): &(&str, &str)| {
        let response = ResponseBuilder::new().description(*text).build();
        ((*status).to_owned(), RefOr::T(response))
    };
    of.iter().map(problem).collect()
}

/// Problems of requests that change a run: 404, 408, 409, 413, 415 and 422.
pub(super) struct ChangeProblems;

/// Problems of requests with a body: 404, 408, 413, 415 and 422.
pub(super) struct BodyProblems;

const TOO_SLOW: (&str, &str) = ("408", "The body did not arrive in time");
const TOO_LARGE: (&str, &str) = ("413", "The body is larger than 1 MiB");
const NOT_JSON: (&str, &str) = ("415", "The body is not `application/json`");

impl IntoResponses for ChangeProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut all = RunProblems::responses();
        let recorded = ("409", "The run is being recorded");
        all.extend(problems(&[TOO_SLOW, recorded, TOO_LARGE, NOT_JSON]));
        all
    }
}

impl IntoResponses for BodyProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[
            ("404", "A run, rail or phase does not exist"),
            TOO_SLOW,
            TOO_LARGE,
            NOT_JSON,
            ("422", "The request is malformed, or contradicts its limits"),
        ])
    }
}
