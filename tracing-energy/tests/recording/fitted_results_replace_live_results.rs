//! A recording by the method `fitted`: results of a live estimate while it runs, and of the
//! fit of the whole run once it has ended.

use std::path::Path;
use std::time::{Duration, Instant};

use energy_attribution::balances;
use energy_data::rows::Basis;
use energy_power::SourceChoice;
use rusqlite::Connection;
use tracing::info_span;
use tracing_energy::MemorySink;
use tracing_energy::{EnergyLayer, EnergyLayerBuilder, Error, Method, RunSummary};
use tracing_subscriber::prelude::*;

/// Samples of 20 ms in the replayed recording, alternating between 12 W and 4 W.
const SAMPLES: i64 = 60;

fn table(path: &Path) {
    let mut rows = vec!["t_start_ns,t_end_ns,rail,energy_mj".to_owned()];
    for at in 0..SAMPLES {
        let energy_mj = if at % 5 < 2 { 240 } else { 80 };
        rows.push(format!(
            "{},{},cpu,{energy_mj}",
            at * 20_000_000,
            (at + 1) * 20_000_000
        ));
    }
    std::fs::write(path, rows.join("\n")).expect("written");
}

fn burn(time: Duration) {
    let begin = Instant::now();
    while begin.elapsed() < time {
        std::hint::black_box((0..1_000_u64).fold(0, |a, b| a ^ b.wrapping_mul(31)));
    }
}

/// Records two kinds of span alternately until `over`.
fn record(builder: EnergyLayerBuilder, over: impl Fn() -> bool) -> RunSummary {
    let (layer, guard) = builder.build().expect("a recording");
    let work = || {
        let inference = info_span!("inference").entered();
        for round in 0_u64.. {
            info_span!("matmul", round).in_scope(|| burn(Duration::from_millis(2 + round % 7)));
            info_span!("softmax", round).in_scope(|| burn(Duration::from_millis(3)));
            if over() {
                break;
            }
        }
        drop(inference);
    };
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), work);
    guard.finish()
}

/// Records with replayed power until the replay ends.
fn replayed(
    folder: &Path,
    method: impl FnOnce(EnergyLayerBuilder) -> EnergyLayerBuilder,
) -> (RunSummary, MemorySink) {
    let power = folder.join("power.csv");
    table(&power);
    let memory = MemorySink::new();
    let builder = EnergyLayer::builder()
        .sink(memory.clone())
        .source(SourceChoice::Replay(power));
    let seen = memory.clone();
    let summary = record(method(builder), || {
        seen.rows().samples.len() >= SAMPLES as usize - 1
    });
    (summary, memory)
}

/// Method and parameters of each attribution in the file, by id.
fn attributions(path: &Path) -> Vec<(u32, String, String)> {
    let database = Connection::open(path).expect("the database");
    let sql = "SELECT id, method, params FROM attributions ORDER BY id";
    let mut query = database.prepare(sql).expect("a query");
    let rows = query.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)));
    rows.expect("rows").map(|row| row.expect("a row")).collect()
}

fn count(path: &Path, sql: &str) -> i64 {
    let database = Connection::open(path).expect("the database");
    database.query_row(sql, [], |r| r.get(0)).expect("a count")
}

fn has(params: &str, key: &str) -> bool {
    let params: serde_json::Value = serde_json::from_str(params).expect("JSON");
    params.get(key).is_some()
}

#[test]
fn two_attributions_are_stored_and_the_fit_is_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("energy.db");
    let (summary, memory) = replayed(folder.path(), |b| b.database(&path).method(Method::Fitted));
    let found = attributions(&path);
    assert_eq!(found.len(), 2, "{found:?} {:?}", summary.warnings);
    let [(1, live, live_params), (2, fitted, params)] = &found[..] else {
        panic!("{found:?}");
    };
    assert_eq!((live.as_str(), fitted.as_str()), ("fitted", "fitted"));
    assert!(
        has(live_params, "live") && !has(params, "live"),
        "{found:?}"
    );
    assert_eq!(summary.method, Method::Fitted);

    // The summary matches the file.
    let database = Connection::open(&path).expect("the database");
    let sql = "SELECT spans_j, idle_j FROM balance WHERE attribution = 2";
    let shown: (f64, Option<f64>) = database
        .query_row(sql, [], |r| Ok((r.get(0)?, r.get(1)?)))
        .expect("a balance");
    let accounts = summary.rails[0].accounts.expect("measured");
    assert_eq!((accounts.spans_j, accounts.idle_j), shown);
    assert!(balances(&accounts), "{accounts:?}");

    // While it ran, windows were priced kind by kind once enough was known.
    let rows = memory.rows().attribution;
    let balanced = rows
        .sample_balance
        .iter()
        .all(|row| balances(&row.accounts));
    assert!(balanced && rows.sample_balance.len() > 40);
    let of_kinds = rows.window_power.iter().filter(|row| row.kind.is_some());
    assert!(of_kinds.clone().count() > 0);
    assert!(of_kinds.clone().all(|row| row.power_w >= 0.0));
    let kinds: Vec<&str> = rows
        .kind_energy
        .iter()
        .map(|row| row.name.as_str())
        .collect();
    let expected = ["inference", "inference > matmul", "inference > softmax"];
    assert_eq!(kinds, expected);
    assert!(
        rows.kind_energy
            .iter()
            .all(|row| row.basis == Basis::Fitted)
    );
    // Live and fitted attribution number kinds the same way.
    for row in &rows.kind_energy {
        let sql = format!(
            "SELECT count(*) FROM kind_energy WHERE attribution = 2 AND kind = {} AND name = '{}'",
            row.kind, row.name
        );
        assert_eq!(count(&path, &sql), 1, "{row:?}");
    }
}

#[test]
fn without_a_database_the_live_results_are_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let trace = folder.path().join("trace.json");
    let (summary, memory) = replayed(folder.path(), |builder| {
        builder.chrome(&trace).method(Method::Fitted)
    });
    let head = memory.rows().attribution.head.expect("a head");
    assert_eq!(head.method, "fitted");
    assert!(
        has(&head.params, "live") && head.clock_offset_ns.is_none(),
        "{head:?}"
    );
    assert!(
        head.diagnostics.contains("the sensor's clock is taken"),
        "{head:?}"
    );
    assert_eq!(summary.method, Method::Fitted);
    let accounts = summary.rails[0].accounts.expect("measured");
    assert!(
        balances(&accounts) && accounts.spans_j > 0.0,
        "{accounts:?}"
    );

    // The trace prices what ran within spans by its own kind.
    let text = std::fs::read_to_string(trace).expect("a trace");
    let events: Vec<serde_json::Value> = serde_json::from_str(&text).expect("JSON");
    let slices = || events.iter().filter(|event| event["ph"] == "X");
    let known = slices().filter(|event| event["args"]["energy_j"].as_f64().is_some());
    let (known, all) = (known.count(), slices().count());
    assert!(2 * known > all, "{known} of {all} slices have an energy");
}

#[test]
fn calibrated_is_proportional_until_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("energy.db");
    let (summary, memory) = replayed(folder.path(), |builder| {
        builder
            .database(&path)
            .method(Method::Calibrated)
            .prior("inference > matmul", 9.0, 0.05)
    });
    let live = memory.rows().attribution;
    assert!(live.kind_energy.is_empty(), "nothing is estimated");
    let methods: Vec<String> = attributions(&path).into_iter().map(|a| a.1).collect();
    assert_eq!(
        methods,
        ["proportional", "calibrated"],
        "{:?}",
        summary.warnings
    );
    assert_eq!(summary.method, Method::Calibrated);
}

#[test]
fn a_failed_fit_is_reported_and_keeps_the_live_results() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("energy.db");
    let begin = Instant::now();
    let builder = EnergyLayer::builder()
        .database(&path)
        .source(SourceChoice::Modelled)
        .method(Method::Fitted);
    let summary = record(builder, || begin.elapsed() > Duration::from_millis(300));
    let warning = |text: &String| text.contains("method fitted was not applied");
    assert!(
        summary.warnings.iter().any(warning),
        "{:?}",
        summary.warnings
    );
    assert_eq!(summary.method, Method::Proportional);
    assert!(summary.rails.iter().all(|rail| rail.accounts.is_some()));
    let [(1, method, _)] = &attributions(&path)[..] else {
        panic!("one attribution");
    };
    assert_eq!(method, "proportional");
    let sql = "SELECT count(*) FROM events WHERE kind = 'not_attributed'";
    assert_eq!(count(&path, sql), 1);
}

#[test]
fn a_cancelled_run_keeps_its_live_results() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("energy.db");
    let power = folder.path().join("power.csv");
    table(&power);
    let builder = EnergyLayer::builder()
        .database(&path)
        .source(SourceChoice::Replay(power))
        .method(Method::Fitted);
    let (_layer, guard) = builder.build().expect("a recording");
    let summary = guard.cancel();
    assert_eq!(
        (attributions(&path).len(), summary.method),
        (1, Method::Fitted)
    );
}

#[test]
fn settings_without_effect_are_refused() {
    let message = |builder: EnergyLayerBuilder| match builder.build() {
        Err(Error::Setting { message }) => message,
        other => panic!("{other:?}"),
    };
    let calibrated = || EnergyLayer::builder().method(Method::Calibrated);
    assert!(message(calibrated()).contains("`prior`"));
    assert!(message(calibrated().prior("a", 5.0, 0.1)).contains("`database`"));
    for (watts, relative_sd) in [(0.0, 0.1), (f64::NAN, 0.1), (5.0, -1.0)] {
        let text = message(EnergyLayer::builder().prior("a > b", watts, relative_sd));
        assert!(
            text.contains("`a > b`") && text.contains("above 0"),
            "{text}"
        );
    }
}
