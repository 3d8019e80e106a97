//! Malformed requests and requests for absent things are problems with the next step.

use super::nested::{self, Nested};
use super::served::{JSON_VIEWS, OTHER_VIEWS, Served};

#[test]
fn unknown_and_ambiguous_runs_are_distinguished() {
    let folder = tempfile::tempdir().unwrap();
    let (db, uuid) = nested::add(folder.path(), &Nested::default());
    nested::add(folder.path(), &Nested::default());
    let server = Served::start(&db, &[]);
    let views = JSON_VIEWS.iter().chain(&OTHER_VIEWS);
    for view in views.chain(&["/token/0/operations"]) {
        let path = |id: &str| format!("/api/profiling/run/{id}{view}");
        server.get(&path("none")).problem(404);
        let ambiguous = server.get(&path("0000000"));
        assert!(ambiguous.problem(422).contains(&uuid), "{view}");
        assert_eq!(server.get(&path("00000000")).status, 200, "{view}");
        server.get(&path("%00")).problem(404);
        server.get(&path("%ff%fe")).problem(422);
        server.get(&path("..%2f..%2fetc%2fpasswd")).problem(404);
        server.get(&path(&"x".repeat(5000))).problem(404);
    }
    server.get("/api/profiling/export/0000000").problem(422);
    server.get("/api/profiling/export/%00").problem(404);
}

#[test]
fn malformed_parameters_are_refused() {
    let (_folder, server) = nested::serve(&Nested::default());
    for path in [
        "runs?limit=0",
        "runs?limit=1001",
        "runs?limit=-1",
        "runs?limit=99999999999999999999999",
        "runs?limit=ten",
        "runs?offset=-1",
        "runs?sort_by=colour",
        "runs?order=up",
        "runs?status=done",
        "runs?date_from=yesterday",
        "runs?j_per_token=5",
        "runs?tags==x",
        "runs?colour=red",
        "run/last/summary?basis=guessed",
        "run/last/summary?attribution=x",
        "run/last/tokens?limit=0",
        "run/last/tokens?outliers=perhaps",
        "run/last/ops?by=colour",
        "run/last/cells?metric=colour",
        "run/last/cells?from=9&to=3",
        "run/last/timeline?steps=0",
        "run/last/token/-1/operations",
        "run/last/token/x/operations",
        "run/last?tokens=5..1",
        "run/last?tokens=all",
        "run/last?depth=deep",
        "export/last?format=word",
    ] {
        server.get(&format!("/api/profiling/{path}")).problem(422);
    }
    for (path, expected) in [
        ("runs?limit=-1", "limit: expected a whole number from 0"),
        ("runs?sort_by=colour", "sort_by: unknown variant `colour`"),
        (
            "run/last/token/x/operations",
            "expected a whole number from 0",
        ),
        (
            "run/last/tokens?outliers=perhaps",
            "outliers: expected true or false",
        ),
    ] {
        let detail = server.get(&format!("/api/profiling/{path}")).problem(422);
        assert!(detail.contains(expected), "{path}: {detail}");
        assert!(!detail.contains("deserialize"), "{path}: {detail}");
    }
    for path in [
        "run/last/summary?rail=none",
        "run/last/summary?attribution=99",
        "run/last/layers?phase=none",
        "run/last/balance?rail=none",
        "run/last/power?phase=none",
    ] {
        server.get(&format!("/api/profiling/{path}")).problem(404);
    }
    let huge = server.json("/api/profiling/runs?offset=18446744073709551615");
    assert_eq!(huge["runs"].as_array().unwrap().len(), 0);
}

#[test]
fn methods_and_bodies_are_checked() {
    let (_folder, server) = nested::serve(&Nested::default());
    let refused = server.send("POST", "/api/profiling/runs", "application/json", b"{}");
    refused.problem(405);
    assert_eq!(refused.header("allow"), Some("GET,HEAD"));
    let refused = server.send("PUT", "/api/profiling/run/last", "application/json", b"{}");
    refused.problem(405);
    for method in ["GET", "DELETE", "PATCH"] {
        let allowed = refused.header("allow").unwrap();
        assert!(allowed.contains(method), "{allowed}");
    }
    let compare = "/api/profiling/compare";
    server
        .send("POST", compare, "text/plain", b"{}")
        .problem(415);
    server
        .send("POST", compare, "application/json", b"")
        .problem(422);
    server
        .send("POST", compare, "application/json", b"\xff")
        .problem(422);
    for body in [
        r#"{"runs": []}"#,
        r#"{"runs": ["last"]}"#,
        r#"{"runs": ["last", "last"]}"#,
        r#"{"runs": ["a", "b", "c", "d", "e"]}"#,
        r#"{"runs": "last"}"#,
        r#"{"runs": ["last", "nested"], "per": "joke"}"#,
        r#"{"runs": ["last", "nested"], "min_effect": 5}"#,
    ] {
        server
            .send("POST", compare, "application/json", body.as_bytes())
            .problem(422);
    }
    let absent = r#"{"runs": ["last", "none"]}"#;
    server
        .send("POST", compare, "application/json", absent.as_bytes())
        .problem(404);
}

#[test]
fn the_description_lists_every_path_and_problem() {
    let (_folder, server) = nested::serve(&Nested::default());
    let document = server.json("/api/openapi.json");
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let paths = document["paths"].as_object().unwrap();
    for path in [
        "/api/profiling/runs",
        "/api/profiling/run/{id}",
        "/api/profiling/run/{id}/summary",
        "/api/profiling/run/{id}/cells",
        "/api/profiling/run/{id}/token/{token}/operations",
        "/api/profiling/export/{id}",
        "/api/profiling/compare",
        "/api/profiling/retention/cleanup",
        "/api/profiling/powermetrics/status",
    ] {
        assert!(paths.contains_key(path), "{path}");
    }
    let summary = &paths["/api/profiling/run/{id}/summary"]["get"];
    assert!(summary["responses"]["404"].is_object(), "{summary}");
    let schemas = &document["components"]["schemas"];
    for (body, keys) in [
        ("GenerateBody", ["min_p", "stop", "top_p"].as_slice()),
        ("GenerateBody", &["system", "chat"]),
        ("CompatibleConfig", &["min_p", "stop", "top_p"]),
    ] {
        let properties = &schemas[body]["properties"];
        for key in keys {
            assert!(properties[key].is_object(), "{body}: {key}");
        }
    }
    for view in [
        "summary", "pipeline", "tokens", "layers", "balance", "hot", "ops", "power",
    ] {
        let operation = &paths[&format!("/api/profiling/run/{{id}}/{view}")]["get"];
        let content = &operation["responses"]["200"]["content"]["application/json"];
        let parts = content["schema"]["allOf"].as_array().unwrap();
        let name = parts[0]["$ref"]
            .as_str()
            .unwrap()
            .rsplit('/')
            .next()
            .unwrap();
        let found = server.json(&format!("/api/profiling/run/last/{view}"));
        for schema in [&schemas[name], &parts[1]] {
            let problem = jsonschema::validate(schema, &found);
            assert!(problem.is_ok(), "{view}: {problem:?}");
        }
    }
}
