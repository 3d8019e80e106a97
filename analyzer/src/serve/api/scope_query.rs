//! Parameters that select a part of a run.

use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;

use super::answer::{self, RunRequest};
use super::choice::given;
use super::responses::RunPath;
use crate::error::Result;
use crate::query::{Recording, Run};
use crate::serve::problem::Problem;
use crate::serve::state::App;
use crate::views::{ViewScope, parse_basis};

/// Parameters of a view of a run.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ScopeQuery {
    /// Attribution to show [default: the newest]
    pub(super) attribution: Option<i64>,
    /// Rail, or source and rail separated by `/` [default: the sum of root rails]
    pub(super) rail: Option<String>,
    /// Phase [default: all]
    pub(super) phase: Option<String>,
    /// Basis that a row has at least in part [default: all]
    pub(super) basis: Option<String>,
}

/// Parameters of an answer about a whole run.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct WholeQuery {
    /// Attribution to show [default: the newest]
    pub(super) attribution: Option<i64>,
}

impl ScopeQuery {
    /// Answers with the JSON `what` that `compute` returns for this part.
    pub(super) async fn answer(
        &self,
        app: &App,
        path: RunPath,
        what: &str,
        headers: &HeaderMap,
        compute: impl FnOnce(&Recording, Run, ViewScope) -> Result<Value> + Send + 'static,
    ) -> std::result::Result<Response, Problem> {
        let scope = scope(&self.rail, &self.phase, &self.basis)?;
        let what = format!("{what} {self:?}");
        let request = RunRequest::new(path.id, self.attribution, what, headers);
        answer::json(app, request, move |recording, run| {
            compute(recording, run, scope)
        })
        .await
    }
}

impl WholeQuery {
    /// Returns the request for `what` of the run.
    pub(super) fn request(&self, path: RunPath, what: &str, headers: &HeaderMap) -> RunRequest {
        RunRequest::new(path.id, self.attribution, what, headers)
    }
}

/// Returns the part with this rail, phase and basis; empty texts select all.
///
/// # Errors
/// If the basis is unknown.
pub(super) fn scope(
    rail: &Option<String>,
    phase: &Option<String>,
    basis: &Option<String>,
) -> std::result::Result<ViewScope, Problem> {
    let basis = given(basis.as_ref()).map(|name| parse_basis(&name));
    Ok(ViewScope {
        rail: given(rail.as_ref()),
        phase: given(phase.as_ref()),
        // An unknown basis is a malformed parameter; an unknown rail does not exist in the run.
        basis: basis
            .transpose()
            .map_err(|error| Problem::invalid(error.to_string()))?,
    })
}
