//! The description of the interface.
//!
//! Paths and parameters follow from the handlers. Schemas of answers are those of the commands'
//! output, with the keys that only the server adds.

use axum::Router;
use axum::http::header;
use axum::routing::get;
use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;

use super::run_object::RUN_KEYS;
use crate::schema::{schema, schema_names};
use crate::serve::state::App;

/// Answers: the operation, the schema of the command's output, and keys that are added to it.
const ANSWERS: &[(&str, Option<&str>, &[&str])] = &[
    (
        "summarize_run",
        Some("summary"),
        &[
            "run_id",
            "recorded_tokens",
            "total_duration_ms",
            "total_energy_mj",
            "avg_power_mw",
            "tokens_per_second",
            "phase_breakdown",
            "layer_averages",
            "component_averages",
            "hottest_components",
        ],
    ),
    (
        "read_pipeline",
        Some("pipeline"),
        &[
            "run_id",
            "total_duration_ms",
            "total_energy_mj",
            "avg_power_mw",
            "phases",
        ],
    ),
    (
        "list_tokens",
        Some("tokens"),
        &["run_id", "total", "offset", "limit"],
    ),
    (
        "list_samples",
        Some("power"),
        &["run_id", "total", "offset", "limit"],
    ),
    ("list_layers", Some("layers"), &["run_id"]),
    ("read_balance", Some("balance"), &["run_id"]),
    ("list_hot_paths", Some("hot"), &["run_id"]),
    ("list_operations", Some("ops"), &["run_id"]),
    ("compare_runs", Some("compare"), &[]),
    ("analyse", Some("analyse"), &[]),
    ("read_table", Some("table"), &[]),
    ("list_analyses", None, &["analyses", "experiments"]),
    ("list_sources", Some("doctor"), &[]),
    (
        "read_sizes",
        Some("size"),
        &["total_runs", "total_size_bytes", "protected_runs"],
    ),
    ("list_runs", None, &["runs", "total", "limit", "offset"]),
    (
        "read_run",
        None,
        &[
            "run",
            "power_samples",
            "pipeline_sections",
            "tokens",
            "tokens_total",
        ],
    ),
    ("delete_run", None, &["success", "message", "run_id"]),
    ("change_run", None, RUN_KEYS),
    (
        "read_charts",
        None,
        &[
            "run", "title", "id", "accounts", "phases", "timeline", "tokens", "tree", "flows",
        ],
    ),
    (
        "read_timeline",
        None,
        &["run_id", "from_ns", "to_ns", "tokens", "peaks"],
    ),
    (
        "list_token_operations",
        None,
        &["run_id", "token", "energy_j", "operations"],
    ),
    (
        "read_text",
        None,
        &["run_id", "prompt", "response", "tokens"],
    ),
    ("clean_up", None, &["command", "deleted", "runs", "dry_run"]),
    (
        "read_powermetrics",
        None,
        &["available", "state", "can_measure", "provenance"],
    ),
    (
        "read_status",
        None,
        &[
            "version",
            "epoch",
            "database",
            "runs",
            "recording",
            "generating",
            "queued",
            "provenance",
        ],
    ),
];

/// Returns the route of the description.
pub(in crate::serve) fn description(document: &OpenApi) -> Router<App> {
    let text = complete(document).to_string();
    let respond = move || async move { ([(header::CONTENT_TYPE, "application/json")], text) };
    Router::new().route("/api/openapi.json", get(respond))
}

/// Adds schemas and the problems that every operation may answer.
fn complete(document: &OpenApi) -> Value {
    let mut value = serde_json::to_value(document).unwrap_or_default();
    value["components"]["schemas"]["Problem"] = problem();
    for name in schema_names() {
        value["components"]["schemas"][component(name)] = command_schema(name);
    }
    let paths = value["paths"].as_object_mut();
    for operations in paths.into_iter().flat_map(Map::values_mut) {
        for operation in operations
            .as_object_mut()
            .into_iter()
            .flat_map(Map::values_mut)
        {
            complete_operation(operation);
        }
    }
    value
}

fn complete_operation(operation: &mut Value) {
    if operation["responses"].is_null() {
        return;
    }
    let content = json!({
        "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } }
    });
    // Every error is a problem: handlers describe only its status.
    let responses = operation["responses"].as_object_mut();
    for (status, response) in responses.into_iter().flatten() {
        if status.starts_with(['4', '5']) {
            response["content"] = content.clone();
        }
    }
    operation["responses"]["default"] = json!({
        "description": "A problem: 401 and 403 without permission, 503 while the file is locked",
        "content": content,
    });
    let id = operation["operationId"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let Some((_, command, keys)) = ANSWERS.iter().find(|(known, ..)| *known == id) else {
        return;
    };
    let mut schema = json!({ "type": "object", "required": keys });
    if let Some(command) = command {
        let reference = format!("#/components/schemas/{}", component(command));
        schema = json!({ "allOf": [{ "$ref": reference }, schema] });
    }
    operation["responses"]["200"]["content"]["application/json"]["schema"] = schema;
}

/// Returns the name of the schema of a command's output.
fn component(command: &str) -> String {
    format!("energy-{command}")
}

/// Returns the schema of a command's output without its dialect, which is that of the document.
fn command_schema(command: &str) -> Value {
    let text = schema(command).unwrap_or_default();
    let mut value: Value = serde_json::from_str(text).unwrap_or_default();
    if let Some(members) = value.as_object_mut() {
        members.remove("$schema");
    }
    value
}

/// Returns the schema of problems (RFC 9457).
fn problem() -> Value {
    json!({
        "type": "object",
        "description": "Problem details (RFC 9457)",
        "properties": {
            "type": { "type": "string" },
            "status": { "type": "integer" },
            "title": { "type": "string" },
            "detail": { "type": "string", "description": "What failed, and why" },
            "remedy": { "type": "string", "description": "Next step" }
        },
        "required": ["type", "status", "title", "detail"]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use utoipa::OpenApi as _;

    #[derive(utoipa::OpenApi)]
    struct EmptyDocument;

    #[test]
    fn every_listed_answer_belongs_to_an_operation() {
        let (_, document) =
            utoipa_axum::router::OpenApiRouter::with_openapi(EmptyDocument::openapi())
                .merge(super::super::routes())
                .split_for_parts();
        let document = complete(&document);
        let operations: Vec<&Value> = document["paths"]
            .as_object()
            .unwrap()
            .values()
            .flat_map(|path| path.as_object().unwrap().values())
            .filter(|operation| operation.is_object())
            .collect();
        for (id, command, _) in ANSWERS {
            let found = operations.iter().find(|one| one["operationId"] == *id);
            let operation = found.unwrap_or_else(|| panic!("{id}"));
            let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"];
            assert!(
                schema["type"] == "object" || schema["allOf"].is_array(),
                "{id}"
            );
            if let Some(command) = command {
                let schemas = &document["components"]["schemas"];
                assert!(schemas[component(command)].is_object(), "{command}");
            }
        }
        for operation in operations {
            assert!(operation["responses"]["default"].is_object(), "{operation}");
            assert!(
                operation["description"]
                    .as_str()
                    .is_some_and(|text| !text.is_empty())
                    || operation["summary"].is_string(),
                "{operation}"
            );
        }
    }
}
