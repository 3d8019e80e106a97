//! A real Prometheus scrapes `energy serve`, and answers a query with the energy of the summary.

use std::collections::HashSet;
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

/// Returns the answer to a query.
fn answer(port: u16, query: &str) -> Option<Value> {
    let query: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
    get(port, &format!("/api/v1/query?query={query}"))
}

/// Returns the value of a query with one result.
fn query(port: u16, query: &str) -> Option<f64> {
    let answer = answer(port, query)?;
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
    for expression in dashboard() {
        let expression = expression
            .replace("$service", ".*")
            .replace("$__rate_interval_ms", "60000")
            .replace("$__rate_interval", "1m")
            .replace("$__range", "1h");
        let answer = answer(port, &expression).unwrap();
        assert_eq!(answer["status"], "success", "{expression}: {answer}");
    }
    // The run began in the hour before: all of its energy counts, from its first sample on.
    let panel = dashboard()
        .into_iter()
        .find(|expression| expression.starts_with("sum(last_over"));
    let panel = panel
        .unwrap()
        .replace("$service", ".*")
        .replace("$__range", "1h");
    assert_eq!(query(port, &panel), Some(13.0), "spans and unattributed");
    let rules = get(port, "/api/v1/rules").unwrap();
    let groups = rules["data"]["groups"].as_array().unwrap();
    assert!(!groups.is_empty(), "{rules}");
    for group in groups {
        for rule in group["rules"].as_array().unwrap() {
            assert_ne!(rule["health"], "err", "{rule}");
        }
    }
}

/// Runs promtool, if it is installed.
fn promtool(arguments: [&str; 2], file: &Path) {
    let Some(program) = prometheus("promtool") else {
        return;
    };
    let output = Command::new(program).args(arguments).arg(file).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(printed.contains("SUCCESS"), "{output:?}");
}

#[test]
fn alert_rules_are_valid() {
    promtool(["check", "rules"], &alert_rules());
}

#[test]
fn alert_rules_count_each_host_once_and_compare_runs_of_one_name() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/telemetry/rules.yml");
    promtool(["test", "rules"], &tests);
}

/// Returns the queries of the dashboard and of the rules.
fn expressions() -> Vec<String> {
    let mut expressions = dashboard();
    let rules = std::fs::read_to_string(alert_rules()).unwrap();
    let rules = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("expr:"));
    expressions.extend(rules.map(str::to_owned));
    expressions
}

fn dashboard() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/grafana-dashboard.json");
    let dashboard: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut expressions = Vec::new();
    collect(&dashboard, &mut expressions);
    assert!(expressions.len() >= 10, "{expressions:?}");
    expressions
}

/// Returns the names of the samples that a scrape may have.
fn samples(text: &str) -> HashSet<String> {
    let families = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let name = |family: &str| match family.split_once(' ').unwrap() {
        (name, "counter") => format!("{name}_total"),
        (name, "info") => format!("{name}_info"),
        (name, _) => name.to_owned(),
    };
    families.map(name).chain(["up".to_owned()]).collect()
}

#[test]
fn the_dashboard_and_the_rules_use_metrics_and_labels_that_exist() {
    let folder = tempfile::tempdir().unwrap();
    let database = fixture::changed(folder.path(), "measured", |batch| {
        let run = batch.run.as_mut().unwrap();
        run.status = energy_data::rows::RunStatus::Running;
        run.metadata.tags = vec![("service".to_owned(), "shop".to_owned())];
        run.metadata.precision = Some("q8_0".to_owned());
        run.chip = Some("chip".to_owned());
    });
    let server = Served::start(&database, &[]);
    let text = server.get("/metrics").text();
    let samples = samples(&text);
    let label = regex::Regex::new(r#"(\w+)(=~|!~|!=|=)""#).unwrap();
    let of_text = label.captures_iter(&text).map(|found| found[1].to_owned());
    let mut labels: HashSet<String> = of_text.collect();
    labels.extend(["instance", "job"].map(str::to_owned));
    let list = regex::Regex::new(r"(?:by|on|group_left) \(([^)]*)\)").unwrap();
    let metric = regex::Regex::new(r"(^|[^\w:])((?:hw|tracing_energy)_\w+)").unwrap();
    for expression in expressions() {
        let matched = label
            .captures_iter(&expression)
            .map(|found| found[1].to_owned());
        let listed = list.captures_iter(&expression);
        let listed = listed.flat_map(|found| {
            let names = found[1].split(',').map(|name| name.trim().to_owned());
            names.collect::<Vec<_>>()
        });
        for used in matched.chain(listed) {
            assert!(labels.contains(&used), "{used} of {expression} is no label");
        }
        for found in metric.captures_iter(&expression) {
            let name = &found[2];
            let is_known = samples.contains(name) || labels.contains(name);
            assert!(is_known, "{name} of {expression} is no metric");
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
