//! The keys of all answers are listed in a file, so that no key changes unnoticed.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use super::fixture::golden;
use super::nested::{self, Nested};
use super::served::{JSON_VIEWS, Served};

/// Adds the paths of all keys; `[]` stands for the elements of a list.
fn add(paths: &mut BTreeSet<String>, value: &Value, path: &str) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                // Members by name of a layer, component or tag.
                let key = match path.ends_with("components_j") || path.ends_with("tags") {
                    true => "*",
                    false => key,
                };
                let path = format!("{path}.{key}");
                add(paths, value, &path);
                paths.insert(path);
            }
        }
        Value::Array(list) => {
            for value in list {
                add(paths, value, &format!("{path}[]"));
            }
        }
        _ => {}
    }
}

#[test]
fn answers_have_exactly_these_keys() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["one", "two"] {
        let run = Nested {
            name: name.into(),
            tags: vec![("side".into(), name.into())],
            ..Nested::default()
        };
        nested::add(folder.path(), &run);
    }
    let server = Served::start(&folder.path().join("energy.db"), &[]);
    let mut text = String::new();
    let mut list = |name: &str, value: &Value| {
        let mut paths = BTreeSet::new();
        add(&mut paths, value, "");
        let _ = writeln!(text, "{name}");
        for path in paths {
            let _ = writeln!(text, "    {path}");
        }
    };
    for path in ["runs", "status", "powermetrics/status", "retention/stats"] {
        list(path, &server.json(&format!("/api/profiling/{path}")));
    }
    for view in JSON_VIEWS.iter().chain(&["/token/1/operations"]) {
        list(
            &format!("run{view}"),
            &server.json(&format!("/api/profiling/run/one{view}")),
        );
    }
    let two = serde_json::json!({ "runs": ["one", "two"] });
    list(
        "compare",
        &server.post("/api/profiling/compare", &two).json(),
    );
    let keep = serde_json::json!({ "keep": 1 });
    list(
        "cleanup",
        &server
            .post("/api/profiling/retention/cleanup", &keep)
            .json(),
    );
    let name = serde_json::json!({ "name": "three" }).to_string();
    let path = "/api/profiling/run/two";
    let changed = server.send("PATCH", path, "application/json", name.as_bytes());
    list("patch", &changed.json());
    let uuid = changed.json()["run_id"].as_str().unwrap().to_owned();
    let confirm = serde_json::json!({ "confirm": uuid });
    list(
        "delete",
        &server
            .delete(&format!("/api/profiling/run/{uuid}"), &confirm)
            .json(),
    );
    list("problem", &server.get("/api/profiling/run/none").json());
    golden::check("server/keys.txt", &text);
}
