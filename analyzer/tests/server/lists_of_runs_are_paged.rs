//! The list of runs counts all matching runs before it cuts a page.

use super::nested::{self, Nested};
use super::served::{Served, serve_measured};

#[test]
fn an_unknown_path_is_a_problem() {
    let (_folder, server) = serve_measured(&[]);
    assert!(
        server
            .get("/api/absent")
            .problem(404)
            .contains("/api/absent")
    );
    assert_eq!(server.json("/api/profiling/runs")["total"], 1);
}

#[test]
fn filters_and_pages_agree() {
    let folder = tempfile::tempdir().unwrap();
    for at in 0..7 {
        let run = Nested {
            name: format!("run {at}"),
            prompt: Some(
                if at < 3 {
                    "Why is the SKY blue?"
                } else {
                    "Count"
                }
                .into(),
            ),
            factor: 1.0 + at as f64,
            tags: vec![("n".into(), at.to_string()), ("all".into(), String::new())],
            start_s: 86_400 * at,
            ..Nested::default()
        };
        nested::add(folder.path(), &run);
    }
    let server = Served::start(&folder.path().join("energy.db"), &[]);
    let page = |query: &str| {
        let page = server.json(&format!("/api/profiling/runs{query}"));
        let names = page["runs"].as_array().unwrap().iter();
        let names: Vec<String> = names
            .map(|run| {
                run["name"]
                    .as_str()
                    .unwrap()
                    .trim_start_matches("run ")
                    .to_owned()
            })
            .collect();
        (names.concat(), page["total"].as_i64().unwrap())
    };
    let expected = |names: &str, total| (names.to_owned(), total);
    assert_eq!(page(""), expected("6543210", 7));
    assert_eq!(page("?limit=2&offset=1"), expected("54", 7));
    assert_eq!(page("?limit=2&offset=100"), expected("", 7));
    assert_eq!(page("?order=asc&limit=3"), expected("012", 7));
    assert_eq!(page("?sort_by=energy&limit=2"), expected("65", 7));
    assert_eq!(
        page("?sort_by=j_per_token&order=asc&limit=2"),
        expected("01", 7)
    );
    assert_eq!(page("?prompt=sky"), expected("210", 3));
    assert_eq!(page("?tags=n=4"), expected("4", 1));
    assert_eq!(page("?tags=all,n=5"), expected("5", 1));
    assert_eq!(page("?model=LLM&engine=candle&limit=1"), expected("6", 7));
    assert_eq!(page("?model=gpt"), expected("", 0));
    assert_eq!(page("?status=complete&limit=1"), expected("6", 7));
    assert_eq!(page("?status=running"), expected("", 0));
    // The runs begin on 2026-11-24 at 00:20:56, one each day.
    assert_eq!(
        page("?date_from=2026-11-26&date_to=2026-11-27"),
        expected("32", 2)
    );
    assert_eq!(page("?date_from=2026-11-29T00:20:55.5Z"), expected("65", 2));
    assert_eq!(page("?model=&tags=&date_from=&limit=1"), expected("6", 7));
    let first = &server.json("/api/profiling/runs?limit=1&order=asc")["runs"][0];
    assert_eq!(first["timestamp"], "2026-11-24T00:20:56.000000Z");
    assert_eq!(first["tags"]["n"], "0");
    let id = first["run_id"].as_str().unwrap();
    let head = server.json(&format!("/api/profiling/run/{id}/head"));
    assert_eq!(&head["run"], first, "the head of a run is its row");
}

#[test]
fn time_and_energy_of_a_run_are_those_of_the_same_work() {
    let (_folder, server) = nested::serve(&Nested::default());
    let listed = server.json("/api/profiling/runs")["runs"][0].clone();
    let head = server.json("/api/profiling/run/last/head")["run"].clone();
    let nested = server.json("/api/profiling/run/last?depth=sections")["run"].clone();
    let summary = server.json("/api/profiling/run/last/summary");
    let tokens = server.json("/api/profiling/run/last/tokens");
    assert!(summary["total_duration_ms"].as_f64().unwrap() > 0.0);
    for run in [&listed, &head, &nested] {
        for key in ["total_duration_ms", "total_energy_mj"] {
            assert_eq!(run[key], summary[key], "{key}");
        }
        let recorded_ms = run["duration_ns"].as_f64().map(|ns| ns / 1e6);
        assert_eq!(run["recorded_duration_ms"].as_f64(), recorded_ms);
    }
    let rows = tokens["tokens"].as_array().unwrap();
    let decoded = rows.iter().filter(|row| row["phase"] == "decode").count();
    assert_eq!(summary["recorded_tokens"].as_u64(), Some(decoded as u64));
}
