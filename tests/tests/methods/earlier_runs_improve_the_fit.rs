//! Short runs of one program: the priors of earlier ones improve the estimate of the next.

use std::path::Path;

use energy_analyzer::import::{ImportOptions, import};
use energy_data::AttributeOptions;
use energy_store::Store;
use energy_store::reattribute;
use energy_tests::simulate::{Scenario, SimulatedRail, SimulatedTrace, simulate};
use tracing_energy::Method;

/// Imports `trace` into `database`; returns the run's id.
fn imported(trace: &SimulatedTrace, folder: &Path, database: &Path) -> String {
    trace.write(folder).expect("written");
    let options = ImportOptions {
        spans: folder.join("spans.csv"),
        samples: folder.join("samples.csv"),
        name: None,
        kernels: Vec::new(),
    };
    import(database, &options).expect("imported").uuid
}

/// Error of the run's kinds relative to the true total, as attribution `id` has them.
fn error(database: &Path, uuid: &str, id: u32, trace: &SimulatedTrace) -> f64 {
    let store = Store::open(database).expect("the database");
    let run = store.find_run(uuid).expect("the run").no;
    let rows = store
        .kind_energy(run, id)
        .expect("rows")
        .all()
        .expect("rows");
    let truth = trace.true_energy_mj(SimulatedRail::Cpu);
    let off = trace.kinds.iter().zip(&truth).map(|(name, true_mj)| {
        let row = rows.iter().find(|row| row.name == *name);
        let ours = row.map_or(0.0, |row| (row.self_j + row.extrapolated_j) * 1e3);
        (ours - true_mj).abs()
    });
    off.sum::<f64>() / truth.iter().sum::<f64>()
}

#[test]
fn earlier_runs_improve_the_fit() {
    let settings = Scenario::Llm
        .settings()
        .with("pow_seed=9")
        .expect("settings");
    let (mut alone, mut pooled) = (0.0, 0.0);
    for group in 0..3 {
        let folder = tempfile::tempdir().expect("a folder");
        let database = folder.path().join("energy.db");
        let mut last = None;
        for one in 0..5 {
            let seed = 100 * group + one;
            let trace = simulate(Scenario::Llm, seed, &settings).expect("a trace");
            let uuid = imported(&trace, folder.path(), &database);
            last = Some((trace, uuid));
        }
        let (trace, uuid) = last.expect("runs");
        let fitted = AttributeOptions::new(Method::Fitted);
        let with_earlier = AttributeOptions {
            pool: 4,
            ..fitted.clone()
        };
        for (options, sum) in [(fitted, &mut alone), (with_earlier, &mut pooled)] {
            let id = reattribute(&database, &uuid, &options).expect("attributed");
            *sum += error(&database, &uuid, id, &trace);
        }
    }
    assert!(pooled < 0.95 * alone, "{pooled} with, {alone} without");
}
