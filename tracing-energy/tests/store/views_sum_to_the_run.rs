//! Every view ends with a row `(remainder)` and sums to the run's spans.

use crate::store_support::{MS, attributed, number, write};
use energy_data::rows::WindowPowerRow;
use energy_store::{Store, span_id};

fn file() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("views.db");
    for uuid in ["a", "b"] {
        let mut batch = attributed(uuid);
        batch.attribution.head.as_mut().expect("a head").method = uuid.into();
        write(&path, &batch);
    }
    (folder, Store::open(&path).expect("readable"))
}

fn texts(store: &Store, sql: &str) -> Vec<String> {
    let mut statement = store.connection().prepare(sql).expect(sql);
    let rows = statement.query_map([], |r| r.get(0)).expect(sql);
    rows.map(|row| row.expect(sql)).collect()
}

/// 255 J on `package` and a quarter of that on `dram`; `core` is inside.
const SPANS_J: f64 = 255.0 * 1.25;

#[test]
fn spans_sum_to_the_run_in_each_view() {
    let (_folder, store) = file();
    let views = [
        ("v_phases", "phase"),
        ("v_sections", "section"),
        ("v_tokens", "token"),
        ("v_layers", "layer"),
        ("v_components", "component"),
        ("v_operations", "operation"),
    ];
    for (view, name) in views {
        for run in 1..=2 {
            let sum = format!("SELECT sum(spans_j) FROM {view} WHERE run = {run}");
            assert!((number(&store, &sum) - SPANS_J).abs() < 1e-9, "{view}");
            let names = texts(
                &store,
                &format!("SELECT {name} FROM {view} WHERE run = {run}"),
            );
            assert_eq!(
                names.last().map(String::as_str),
                Some("(remainder)"),
                "{view}"
            );
            let remainders = names.iter().filter(|name| *name == "(remainder)").count();
            assert_eq!(remainders, 1, "{view}");
        }
    }
    assert_eq!(
        number(&store, "SELECT spans_j FROM v_runs WHERE run = 2"),
        SPANS_J
    );
}

/// The attribution is `proportional`, which estimates no kinds.
#[test]
fn operations_sum_to_the_spans_for_every_method() {
    let (_folder, store) = file();
    let sum = "SELECT sum(self_j) FROM v_kinds WHERE run = 1";
    assert!((number(&store, sum) - SPANS_J).abs() < 1e-9);
    // Both layers of `decode`, and none of `prefill`.
    let layers = "SELECT self_j FROM v_kinds
                  WHERE run = 1 AND kind = 'inference > decode > token > layer'";
    assert_eq!(number(&store, layers), (32.0 + 64.0) * 1.25);
}

#[test]
fn phases_sum_to_the_measured_energy() {
    let (_folder, store) = file();
    let phases = number(&store, "SELECT sum(energy_j) FROM v_phases WHERE run = 1");
    let run = number(&store, "SELECT energy_j FROM v_runs WHERE run = 1");
    assert!((phases - 494.0 * 1.25).abs() < 1e-9);
    assert!((run - (510.0 - 8.0) * 1.25).abs() < 1e-9);
    let names = texts(&store, "SELECT phase FROM v_phases WHERE run = 1");
    assert_eq!(names, ["prefill", "decode", "(between)", "(remainder)"]);
    let active = number(
        &store,
        "SELECT active_j FROM v_phases WHERE run = 1 AND phase = 'decode'",
    );
    assert_eq!(active, 240.0 * 1.25);
}

#[test]
fn nested_layers_count_once_and_layers_join_over_phases() {
    let (_folder, store) = file();
    let names = texts(&store, "SELECT layer FROM v_layers WHERE run = 1");
    assert_eq!(names, ["layer 0", "layer 1", "(remainder)"]);
    let layer_0 = "FROM v_layers WHERE run = 1 AND layer = 'layer 0'";
    assert_eq!(
        number(&store, &format!("SELECT spans_j {layer_0}")),
        36.0 * 1.25
    );
    assert_eq!(
        number(&store, &format!("SELECT energy_j {layer_0}")),
        54.0 * 1.25
    );
    assert_eq!(
        number(&store, &format!("SELECT phases + 0.0 {layer_0}")),
        2.0
    );
    assert_eq!(
        number(&store, &format!("SELECT activations + 0.0 {layer_0}")),
        9.0
    );
    let layer_1 = "FROM v_layers WHERE run = 1 AND layer = 'layer 1'";
    assert_eq!(
        number(&store, &format!("SELECT spans_j {layer_1}")),
        192.0 * 1.25
    );
    assert_eq!(
        number(&store, &format!("SELECT self_j {layer_1}")),
        64.0 * 1.25
    );
}

#[test]
fn tokens_have_their_phase_and_samples_too() {
    let (_folder, store) = file();
    let tokens = texts(
        &store,
        "SELECT token || ' ' || phase FROM v_tokens WHERE run = 2 AND span NOTNULL",
    );
    assert_eq!(tokens, ["0 decode", "1 decode"]);
    let power = texts(
        &store,
        "SELECT rail || ' ' || coalesce(power_w, 'unknown') || ' ' || phase FROM v_power
         WHERE run = 1 AND root AND rail = 'package' ORDER BY start_ns",
    );
    assert_eq!(
        power,
        [
            "package 5.0 prefill",
            "package 5.0 decode",
            "package unknown decode",
            "package 5.0 decode"
        ]
    );
}

#[test]
fn any_activation_has_an_energy() {
    let (_folder, store) = file();
    // Layer 0 of the prefill: 70 ms at 12.5 W; `span_energy` has no row for it.
    let id = span_id(2, 3);
    let energy = number(&store, &format!("SELECT span_energy_j({id})"));
    assert!((energy - 0.07 * 12.5).abs() < 1e-12);
    let unknown = format!("SELECT coalesce(span_energy_j({}), -1.0)", span_id(9, 3));
    assert_eq!(number(&store, &unknown), -1.0);
}

/// Windows of 100 ms; tokens draw 2 W and their layers 4 W, on all threads. The
/// inner layer of token 1 has no power.
/// ```text
/// token 0   |120 -------- 250|    token 1   |260 ------------- 380|
/// layer 0     |130 --- 240|       layer 1     |270 -------- 370|
///                                 inner layer   |300 - 360|
/// ```
#[test]
fn windows_of_kinds_price_what_ran_within() {
    let (token, layer) = (5, 6);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("kinds.db");
    let mut batch = attributed("a");
    let window = |kind, i: i64, power_w| WindowPowerRow {
        rail: 1,
        start_ns: i * 100 * MS,
        end_ns: (i + 1) * 100 * MS,
        thread: None,
        kind: Some(kind),
        power_w,
    };
    batch.attribution.window_power = (0..4)
        .flat_map(|i| [window(token, i, 2.0), window(layer, i, 4.0)])
        .collect();
    write(&path, &batch);
    let store = Store::open(&path).expect("readable");
    let kinds = store.kinds(1, |_| 0).expect("kinds");
    assert_eq!(kinds.of_node, [0, 1, 2, 3, 4, token, layer, layer, 7]);
    let names: Vec<_> = [layer, 7]
        .map(|kind| kinds.get(kind).map(|k| k.name.as_str()))
        .into();
    assert_eq!(
        names,
        [
            Some("inference > decode > token > layer"),
            Some("inner layer")
        ]
    );
    let energy = |seq| {
        let sql = format!("SELECT span_energy_j({})", span_id(1, seq));
        let found = store
            .connection()
            .query_row(&sql, [], |r| r.get::<_, Option<f64>>(0));
        found.expect("an answer")
    };
    let near = |energy: Option<f64>, joules: f64| {
        assert!(
            energy.is_some_and(|e| (e - joules).abs() < 1e-12),
            "{energy:?}, not {joules}"
        );
    };
    near(energy(6), 4.0 * 0.11);
    near(energy(5), 2.0 * 0.02 + 4.0 * 0.11);
    assert_eq!(energy(7), None, "half of it has no power");
    assert_eq!(energy(9), None);
}
