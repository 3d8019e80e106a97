//! Generated runs resemble recorded ones: they balance, their tree is that of a decoder,
//! and the same seed gives the same run.

use std::path::Path;

use energy_tests::StoredRun;
use energy_tests::large::LargeRun;
use tracing_energy::Method;

fn make(folder: &Path, name: &str, seed: u64, factor: f64) -> StoredRun {
    let path = folder.join(format!("{name}.db"));
    let options = LargeRun {
        spans: 20_000,
        layers: 4,
        seed,
        factor,
        name: name.to_owned(),
        host: None,
        tags: Vec::new(),
        methods: vec![Method::Proportional],
    };
    let made = options.make(&path).expect("a run");
    let run = StoredRun::open(&path, "last");
    assert_eq!(run.spans().len() as u64, made.spans);
    assert!(
        made.spans > 19_900 && made.spans <= 20_000,
        "{}",
        made.spans
    );
    run
}

#[test]
fn generated_runs_balance_and_are_reproducible() {
    let folder = tempfile::tempdir().expect("a folder");
    let [a, b, c] =
        [("a", 1), ("b", 1), ("c", 2)].map(|(name, seed)| make(folder.path(), name, seed, 1.0));
    a.assert_balanced();
    assert_eq!(a.spans(), b.spans());
    assert_ne!(a.spans(), c.spans());
    assert!(a.spans().iter().all(|span| span.end_ns.is_some()));
    let layers = a
        .labels()
        .keys()
        .filter(|label| label.starts_with("layer "))
        .count();
    assert_eq!(layers, 4);
    let of_spans = a.number("SELECT sum(spans_j) FROM balance WHERE run = ?1");
    let active = a.number("SELECT sum(measured_j - idle_j) FROM balance WHERE run = ?1");
    assert!(
        (of_spans / active - 1.0).abs() < 0.05,
        "{of_spans} J of {active} J"
    );
}

#[test]
fn more_work_needs_more_energy() {
    let folder = tempfile::tempdir().expect("a folder");
    let energy = |name: &str, factor: f64| {
        let run = make(folder.path(), name, 3, factor);
        let sql = "SELECT sum(e.self_j) FROM node_energy e
                   JOIN nodes n ON n.run = e.run AND n.id = e.node
                   WHERE e.run = ?1 AND n.label = 'down_proj'";
        run.number(sql) / run.number("SELECT output_tokens FROM runs WHERE no = ?1")
    };
    let ratio = energy("less", 1.0) / energy("more", 1.5);
    assert!((ratio - 1.0 / 1.5).abs() < 0.05, "{ratio}");
}
