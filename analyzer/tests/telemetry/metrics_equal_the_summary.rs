//! `/metrics` has the energies of `energy summary`, behind the same rules as other paths.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::fixture;
use super::fixture::command::json;
use super::served::{Served, serve_measured};

/// Returns the value of the line that begins with a name and contains all labels.
pub(super) fn value(text: &str, name: &str, labels: &[&str]) -> Option<f64> {
    let is_found = |line: &&str| {
        line.starts_with(&format!("{name}{{")) && labels.iter().all(|label| line.contains(label))
    };
    let line = text.lines().find(is_found)?;
    line.rsplit(' ').next()?.parse().ok()
}

#[test]
fn metrics_are_the_energies_of_the_summary() {
    let (folder, server) = serve_measured(&[]);
    let answered = server.get("/metrics");
    assert_eq!(answered.status, 200);
    let kind = answered.header("content-type").unwrap();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    let text = answered.text();
    let summary = json(folder.path(), &["summary"]);
    let run = format!("run=\"{}\"", fixture::UUID);
    let of = |name, labels: &[&str]| value(&text, name, &[labels, &[run.as_str()]].concat());
    let total = of("tracing_energy_run_energy_joules", &[]);
    assert_eq!(total, summary["totals"]["energy_j"].as_f64());
    assert_eq!(of("hw_energy_joules_total", &[]), Some(20.0));
    assert!(
        !text.contains("/core\""),
        "a rail in another one is not added"
    );
    for (account, joules) in [("idle", 4.0), ("spans", 12.0), ("residual", 1.5)] {
        let label = format!("account=\"{account}\"");
        assert_eq!(of("tracing_energy_account_joules", &[&label]), Some(joules));
    }
    let layers = "kind=\"inference > decode > layer\"";
    assert_eq!(
        of("tracing_energy_kind_energy_joules", &[layers]),
        Some(8.0)
    );
    assert_eq!(
        of("tracing_energy_kind_activations_total", &[layers]),
        Some(20.0)
    );
    assert_eq!(
        of("tracing_energy_run_tokens", &["direction=\"output\""]),
        Some(20.0)
    );
    assert_eq!(
        server.get("/metrics").text(),
        text,
        "a second scrape reads the same totals"
    );
}

#[test]
fn metrics_follow_a_run_that_is_changed() {
    let (folder, server) = serve_measured(&[]);
    assert!(!server.get("/metrics").text().contains("service=\"shop\""));
    let output = super::fixture::command::energy(folder.path(), &["tag", "last", "service=shop"]);
    assert!(output.status.success(), "{output:?}");
    assert!(server.get("/metrics").text().contains("service=\"shop\""));
}

#[test]
fn a_run_that_cannot_be_read_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let second = "0f1e2d3c-0000-4000-8000-000000000002";
    let mut other = fixture::summed("measured");
    other.run.as_mut().unwrap().uuid = second.to_owned();
    let database = folder.path().join("energy.db");
    fixture::write(&database, &[fixture::summed("measured"), other]);
    let server = Served::start(&database, &[]);
    let text = server.get("/metrics").text();
    assert!(
        text.contains(fixture::UUID) && text.contains(second),
        "{text}"
    );
    let connection = rusqlite::Connection::open(&database).unwrap();
    let damage = "PRAGMA ignore_check_constraints = ON;
                  UPDATE node_energy SET activations = x'00' WHERE run = 2;
                  UPDATE node_energy SET basis = x'00' WHERE run = 2;
                  UPDATE runs SET name = 'changed' WHERE no = 2";
    connection.execute_batch(damage).unwrap();
    drop(connection);
    let answered = server.get("/metrics");
    let text = answered.text();
    assert_eq!(answered.status, 200, "{text}");
    assert!(
        text.contains(fixture::UUID) && !text.contains(second),
        "{text}"
    );
}

#[test]
fn a_sensor_that_has_stopped_has_no_power() {
    let folder = tempfile::tempdir().unwrap();
    let database = fixture::changed(folder.path(), "measured", |batch| {
        let run = batch.run.as_mut().unwrap();
        (run.status, run.end_ns) = (energy_data::rows::RunStatus::Running, None);
        batch.heartbeat_unix_ns = i64::MAX / 2;
        batch.time_ns = 5_000_000_000;
        batch.samples = vec![energy_data::rows::SampleRow {
            rail: 1,
            start_ns: 4_000_000_000,
            end_ns: 5_000_000_000,
            energy_j: Some(2.5),
        }];
    });
    let server = Served::start(&database, &[]);
    let power = || value(&server.get("/metrics").text(), "hw_power_watts", &[]);
    assert_eq!(power(), Some(2.5));
    let connection = rusqlite::Connection::open(&database).unwrap();
    let later = "UPDATE runs SET last_seen_ns = 60000000000";
    connection.execute_batch(later).unwrap();
    assert_eq!(power(), None);
}

#[test]
fn metrics_require_the_token() {
    let token = "0123456789abcdef0123456789";
    let (_folder, server) = serve_measured(&["--token", token]);
    assert_eq!(server.get("/metrics").status, 401);
    let bearer = format!("Bearer {token}");
    let answered = server.get_with("/metrics", &[("authorization", &bearer)]);
    assert_eq!(answered.status, 200);
}

#[test]
fn very_many_names_are_256_operations() {
    let folder = tempfile::tempdir().unwrap();
    let database = fixture::changed(folder.path(), "measured", |batch| {
        for id in 10..2_010 {
            let name = format!("op \"{id}\"\n");
            batch
                .callsites
                .push(fixture::rows::callsite(id, &name, None));
            batch
                .nodes
                .push(fixture::rows::node(id, Some(1), id, &name, 1));
            let joules = f64::from(id) * 1e-6;
            let row = fixture::rows::node_energy(id, 1, joules, 1_000);
            batch.attribution.node_energy.push(row);
        }
    });
    let server = Served::start(&database, &[]);
    let text = server.get("/metrics").text();
    let name = "tracing_energy_kind_energy_joules{";
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with(name)).collect();
    assert_eq!(lines.len(), 257, "256 operations and (other)");
    let values = lines.iter().map(|line| line.rsplit(' ').next().unwrap());
    let sum: f64 = values.map(|value| value.parse::<f64>().unwrap()).sum();
    let expected = 12.0 + (10..2_010).map(|id| f64::from(id) * 1e-6).sum::<f64>();
    assert!((sum - expected).abs() < 1e-9, "{sum} J of {expected} J");
}

/// `energy fleet metrics`; killed when it is dropped.
struct Metrics(Child, String);

impl Metrics {
    fn start(database: &Path) -> Self {
        use std::io::BufRead as _;
        let mut child = Command::new(env!("CARGO_BIN_EXE_energy"))
            .arg("--db")
            .arg(database)
            .args(["fleet", "metrics", "--listen", "127.0.0.1:0"])
            .env_remove("ENERGY_TOKEN")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut printed = std::io::BufReader::new(child.stdout.take().unwrap());
        printed.read_line(&mut line).unwrap();
        Self(child, line.trim().to_owned())
    }
}

impl Drop for Metrics {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_server_for_prometheus_serves_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let metrics = Metrics::start(&fixture::recording(folder.path(), "measured"));
    assert!(metrics.1.ends_with("/metrics"), "{}", metrics.1);
    let get = |url: &str| {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let mut response = agent.get(url).call().unwrap();
        let status = response.status().as_u16();
        (status, response.body_mut().read_to_string().unwrap())
    };
    let (status, text) = get(&metrics.1);
    assert_eq!(status, 200);
    assert_eq!(value(&text, "hw_energy_joules_total", &[]), Some(20.0));
    let other = metrics.1.replace("/metrics", "/api/profiling/runs");
    assert_eq!(get(&other).0, 404);
    let absent = Metrics::start(&folder.path().join("not-there-yet.db"));
    let (status, text) = get(&absent.1);
    assert_eq!(status, 200);
    assert!(text.ends_with("# EOF\n"), "{text}");
}

#[test]
fn a_server_for_prometheus_requires_a_token_where_other_machines_connect() {
    let folder = tempfile::tempdir().unwrap();
    let database = fixture::recording(folder.path(), "measured");
    let output = Command::new(env!("CARGO_BIN_EXE_energy"))
        .arg("--db")
        .arg(database)
        .args(["fleet", "metrics", "--listen", "0.0.0.0:0"])
        .env_remove("ENERGY_TOKEN")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains("--token-file"), "{message}");
}
