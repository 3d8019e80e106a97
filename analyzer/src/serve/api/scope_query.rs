//! Parameters that select a part of a run.

use axum::http::HeaderMap;
use serde::Deserialize;
use utoipa::IntoParams;

use super::answer::RunRequest;
use super::choice::given;
use super::responses::RunPath;
use crate::serve::problem::Problem;
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
    /// Returns the part.
    ///
    /// # Errors
    /// If the basis is unknown.
    pub(super) fn scope(&self) -> Result<ViewScope, Problem> {
        scope(&self.rail, &self.phase, &self.basis)
    }

    /// Returns the request for `what` of this part.
    pub(super) fn request(&self, path: RunPath, what: &str, headers: &HeaderMap) -> RunRequest {
        let what = format!("{what} {self:?}");
        RunRequest::new(path.id, self.attribution, what, headers)
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
) -> Result<ViewScope, Problem> {
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
