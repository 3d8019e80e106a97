//! Endpoints of the interface, one file for each group.

mod analyses;
mod answer;
mod charts;
mod choice;
mod compare;
mod cut;
mod detail;
mod export;
mod file_name;
mod openapi;
mod pictures;
mod pipeline;
mod responses;
mod retention;
mod rows;
mod run;
mod run_head;
mod run_object;
mod runs;
mod runs_query;
mod scope_query;
mod sources;
mod status;
mod summary;
mod tar;
mod text;
mod timeline;
mod tokens;
mod views;

pub(super) use openapi::description;
pub(super) use summary::layer_index;

use utoipa_axum::router::OpenApiRouter;

use super::state::App;

/// Routes of all groups: a new group is one line.
const GROUPS: &[fn() -> OpenApiRouter<App>] = &[
    runs::routes,
    run_head::routes,
    run::routes,
    summary::routes,
    pipeline::routes,
    tokens::routes,
    views::routes,
    timeline::routes,
    charts::routes,
    text::routes,
    pictures::routes,
    export::routes,
    compare::routes,
    analyses::routes,
    retention::routes,
    sources::routes,
    status::routes,
];

/// Returns all endpoints with their descriptions.
pub(super) fn routes() -> OpenApiRouter<App> {
    GROUPS
        .iter()
        .fold(OpenApiRouter::new(), |all, group| all.merge(group()))
}
