//! Idle power slightly above the run's power is kept, idle power that contradicts the run
//! is unknown, and neither changes what a span gets from another rail. All commands and
//! views agree.

use std::path::Path;

use crate::fixture::command::{errors, import_csv, json};
use serde_json::Value;

/// Ten seconds in samples of 200 ms: `cpu` at 8 W, and 20 W in the span from 3 s to 7 s;
/// `gpu` at `idle_w`, and `busy_w` in the span.
fn import(folder: &Path, idle_w: f64, busy_w: f64) {
    let mut samples = String::from("t_start_ns,t_end_ns,rail,energy_mj\n");
    for at in 0..50u64 {
        let (start, end) = (at * 200_000_000, (at + 1) * 200_000_000);
        let is_inside = (15..35).contains(&at);
        let rails = match is_inside {
            true => [("cpu", 20.0), ("gpu", busy_w)],
            false => [("cpu", 8.0), ("gpu", idle_w)],
        };
        for (rail, watts) in rails {
            samples += &format!("{start},{end},{rail},{}\n", watts * 200.0);
        }
    }
    let spans = "span_id,parent_id,thread,kind,start_ns,end_ns,rail\n\
                 1,0,main,work,3000000000,7000000000,cpu\n";
    std::fs::write(folder.join("samples.csv"), samples).unwrap();
    std::fs::write(folder.join("spans.csv"), spans).unwrap();
    let output = import_csv(folder, &[]);
    assert!(output.status.success(), "{}", errors(&output));
}

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("{value} is no number"))
}

fn near(found: f64, right: f64, tolerance: f64) {
    assert!((found - right).abs() <= tolerance, "{found}, not {right}");
}

/// Energy of the only node, by the command and by the view.
fn node_j(folder: &Path) -> f64 {
    let hot = number(&json(folder, &["hot"])["nodes"][0]["energy_j"]);
    let sql = "SELECT self_j + coalesce(idle_j, 0) FROM v_nodes";
    near(
        number(&json(folder, &["query", sql])["rows"][0][0]),
        hot,
        1e-9,
    );
    hot
}

fn rail(folder: &Path, name: &str) -> Value {
    let balance = json(folder, &["balance"]);
    let mut rails = balance["rails"].as_array().unwrap().iter();
    rails.find(|rail| rail["rail"] == name).unwrap().clone()
}

#[test]
fn idle_energy_is_kept_when_a_rail_is_below_its_baseline_by_noise() {
    for idle_w in [6.006, 5.994] {
        let folder = tempfile::tempdir().unwrap();
        import(folder.path(), idle_w, 6.0);
        // 20 W and 6 W for 4 s.
        near(node_j(folder.path()), 104.0, 0.1);
        let gpu = rail(folder.path(), "gpu");
        near(number(&gpu["idle_j"]), idle_w * 10.0, 1e-6);
        assert_eq!(gpu["unattributed_j"], Value::Null);
        assert_eq!(number(&gpu["spans_j"]), 0.0);
        let lacks = (number(&gpu["measured_j"]) - idle_w * 10.0).min(0.0);
        near(number(&gpu["residual_j"]), lacks, 1e-6);
        assert!(number(&gpu["unknown_j"]) >= 0.0);
        let sql = "SELECT min(active_j), min(idle_j) FROM v_phases WHERE energy_j IS NOT NULL";
        let phases = &json(folder.path(), &["query", sql])["rows"][0];
        assert!(
            number(&phases[0]) >= 0.0 && number(&phases[1]) > 0.0,
            "{phases}"
        );
        let sql = "SELECT count(*) FROM events WHERE kind = 'idle_unknown'";
        assert_eq!(json(folder.path(), &["query", sql])["rows"][0][0], 0);
    }
}

#[test]
fn contradicted_idle_power_is_unknown_on_its_rail_only() {
    let folder = tempfile::tempdir().unwrap();
    import(folder.path(), 10.0, 2.0);
    let gpu = rail(folder.path(), "gpu");
    assert_eq!(gpu["idle_j"], Value::Null);
    // No user of this energy is known.
    near(number(&gpu["unknown_j"]), 10.0 * 6.0 + 2.0 * 4.0, 1e-6);
    near(number(&gpu["residual_j"]), 0.0, 1e-9);
    let cpu = rail(folder.path(), "cpu");
    near(number(&cpu["idle_j"]), 80.0, 1e-6);
    near(node_j(folder.path()), 80.0, 0.1);
    let sql = "SELECT message FROM events WHERE kind = 'idle_unknown'";
    let message = json(folder.path(), &["query", sql])["rows"][0][0].to_string();
    assert!(
        message.contains("gpu") && message.contains("10.00 W"),
        "{message}"
    );
    let sql = "SELECT count(*) FROM sample_balance WHERE spans_j < 0 OR unknown_j < 0";
    assert_eq!(json(folder.path(), &["query", sql])["rows"][0][0], 0);
}
