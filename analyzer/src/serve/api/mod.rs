//! Endpoints of the interface, one file for each group.

pub(super) mod extract;
mod openapi;
mod runs;

pub(super) use openapi::description;

use utoipa_axum::router::OpenApiRouter;

use super::state::App;

/// Routes of all groups: a new group is one line.
const GROUPS: &[fn() -> OpenApiRouter<App>] = &[runs::routes];

/// Returns all endpoints with their descriptions.
pub(super) fn routes() -> OpenApiRouter<App> {
    GROUPS
        .iter()
        .fold(OpenApiRouter::new(), |all, group| all.merge(group()))
}
