//! A real Prometheus scrapes `energy serve`, and answers a query with the energy of the summary.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::fixture;
use super::fixture::command::json;
use super::served::{Served, until};
use super::tools::{Started, free_port, prometheus};

const TOKEN: &str = "0123456789abcdef0123456789";

fn configuration(server: &Served, rules: &Path) -> String {
    let address = server.url.strip_prefix("http://").unwrap();
    format!(
        "global: {{scrape_interval: 200ms, evaluation_interval: 200ms}}\n\
         rule_files: [\"{}\"]\n\
         scrape_configs:\n\
         - job_name: energy\n\
         \x20 authorization: {{credentials: {TOKEN}}}\n\
         \x20 static_configs: [{{targets: [\"{address}\"]}}]\n",
        rules.display()
    )
}

/// Returns the answer of Prometheus.
fn get(port: u16, path: &str) -> Option<Value> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(5)))
        .build()
        .into();
    let mut response = agent
        .get(format!("http://127.0.0.1:{port}{path}"))
        .call()
        .ok()?;
    serde_json::from_str(&response.body_mut().read_to_string().ok()?).ok()
}

/// Returns the value of a query with one result.
fn query(port: u16, query: &str) -> Option<f64> {
    let query: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let answer = get(port, &format!("/api/v1/query?query={query}"))?;
    answer["data"]["result"][0]["value"][1]
        .as_str()?
        .parse()
        .ok()
}

fn alert_rules() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/prometheus-alerts.yml")
}

#[test]
fn queries_return_the_energy_of_the_summary() {
    let Some(program) = prometheus("prometheus") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let database = fixture::recording(folder.path(), "measured");
    let server = Served::start(&database, &["--token", TOKEN]);
    let config = folder.path().join("prometheus.yml");
    std::fs::write(&config, configuration(&server, &alert_rules())).unwrap();
    let port = free_port();
    let listen = format!("--web.listen-address=127.0.0.1:{port}");
    let config = format!("--config.file={}", config.display());
    let arguments = [&*config, &*listen, "--storage.tsdb.path=data"];
    let mut started = Started::program(&program, &arguments, folder.path());
    let up = "up{job=\"energy\"}";
    until("a scrape", || {
        let log = || std::fs::read_to_string(folder.path().join("prometheus.log"));
        assert!(started.is_alive(), "{}", log().unwrap_or_default());
        query(port, up) == Some(1.0)
    });
    let summary = json(folder.path(), &["summary"]);
    let total = query(port, "sum(tracing_energy_run_energy_joules)");
    assert_eq!(total, summary["totals"]["energy_j"].as_f64());
    assert_eq!(query(port, "sum(hw_energy_joules_total)"), Some(20.0));
    let spans = "sum(tracing_energy_account_joules{account=\"spans\"})";
    assert_eq!(query(port, spans), Some(12.0));
    let balance = "abs(sum(hw_energy_joules_total) - sum(tracing_energy_account_joules))";
    assert!(
        query(port, balance).unwrap() < 1e-9,
        "accounts sum to the energy"
    );
    let name = "count(tracing_energy_run_info{run_name=~\"sky.*\", model=\"smollm2\"})";
    assert_eq!(
        query(port, name),
        Some(1.0),
        "a name with control characters is a label"
    );
    let rules = get(port, "/api/v1/rules").unwrap();
    let groups = rules["data"]["groups"].as_array().unwrap();
    assert!(!groups.is_empty(), "{rules}");
    for group in groups {
        for rule in group["rules"].as_array().unwrap() {
            assert_ne!(rule["health"], "err", "{rule}");
        }
    }
}

#[test]
fn alert_rules_are_valid() {
    let Some(program) = prometheus("promtool") else {
        return;
    };
    let output = Command::new(program)
        .args(["check", "rules"])
        .arg(alert_rules())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("SUCCESS"),
        "{output:?}"
    );
}

#[test]
fn the_dashboard_uses_metrics_that_exist() {
    let folder = tempfile::tempdir().unwrap();
    let database = fixture::changed(folder.path(), "measured", |batch| {
        batch.run.as_mut().unwrap().status = energy_data::rows::RunStatus::Running;
    });
    let server = Served::start(&database, &[]);
    let text = server.get("/metrics").text();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/grafana-dashboard.json");
    let dashboard: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut expressions = Vec::new();
    collect(&dashboard, &mut expressions);
    let rules = std::fs::read_to_string(alert_rules()).unwrap();
    let rules = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("expr:"));
    expressions.extend(rules.map(str::to_owned));
    assert!(expressions.len() >= 8, "{expressions:?}");
    let is_name = |word: &&str| word.starts_with("hw_") || word.starts_with("tracing_energy_");
    let labels = ["hw_id", "hw_type"];
    for expression in &expressions {
        let words = expression.split(|char: char| !char.is_ascii_alphanumeric() && char != '_');
        for name in words.filter(is_name).filter(|word| !labels.contains(word)) {
            let family = name.strip_suffix("_total").or(name.strip_suffix("_info"));
            let described = format!("# TYPE {} ", family.unwrap_or(name));
            assert!(
                text.contains(&described),
                "{name} of {expression} is no metric"
            );
        }
    }
}

/// Collects the queries of a dashboard.
fn collect(value: &Value, expressions: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            let own = fields.get("expr").and_then(Value::as_str);
            expressions.extend(own.map(str::to_owned));
            fields
                .values()
                .for_each(|value| collect(value, expressions));
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, expressions)),
        _ => {}
    }
}
