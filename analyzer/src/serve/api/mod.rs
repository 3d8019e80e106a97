//! Endpoints of the interface, one file for each group.

mod answer;
mod charts;
mod openapi;
mod responses;
mod rows;
mod run_head;
mod run_object;
mod runs;
mod runs_query;
mod scope_query;
mod summary;
mod tokens;

pub(super) use openapi::description;

use utoipa_axum::router::OpenApiRouter;

use super::state::App;

/// Routes of all groups: a new group is one line.
const GROUPS: &[fn() -> OpenApiRouter<App>] = &[
    runs::routes,
    run_head::routes,
    summary::routes,
    tokens::routes,
    charts::routes,
];

/// Returns all endpoints with their descriptions.
pub(super) fn routes() -> OpenApiRouter<App> {
    GROUPS
        .iter()
        .fold(OpenApiRouter::new(), |all, group| all.merge(group()))
}
