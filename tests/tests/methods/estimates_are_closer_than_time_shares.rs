//! The project's own pipeline on fixed seeds: estimates are closer to the truth than time
//! shares if samples separate kinds, hardly worse otherwise, and intervals have their
//! nominal coverage. `cargo bench --bench accuracy` is the large one.

use energy_tests::accuracy::{AccuracyTrial, Pipeline, RowResult, chosen, run};

const SEEDS: [u64; 4] = [11, 12, 13, 14];

fn trials(result: &RowResult) -> &[AccuracyTrial] {
    result.trials.as_deref().expect("no failure")
}

fn mean(trials: &[AccuracyTrial], of: impl Fn(&AccuracyTrial) -> f64) -> f64 {
    trials.iter().map(of).sum::<f64>() / trials.len() as f64
}

#[test]
fn estimates_are_closer_than_time_shares() {
    // The highest mean error, as a part of that of time shares.
    let most = [
        ("web100", 0.35),
        ("web20", 0.25),
        ("gpu", 0.25),
        ("once", 0.4),
        ("llm20", 0.85),
        ("llm100-cal5", 0.6),
        ("short100-cal5", 0.7),
        ("gpu-dram", 0.6),
    ];
    let names = most.map(|(name, _)| name).join(",");
    let results = run(&Pipeline, &chosen(Some(&names)).expect("rows"), &SEEDS);
    assert_eq!(results.len(), most.len());
    for (result, (name, most)) in results.iter().zip(most) {
        assert_eq!(result.row.name, name);
        let trials = trials(result);
        let ours = mean(trials, |trial| trial.ours.wmae);
        let plain = mean(trials, |trial| trial.proportional.wmae);
        assert!(ours < most * plain, "{name}: {ours} against {plain}");
        let balanced = trials.iter().all(|trial| trial.ours.imbalance < 1e-9);
        assert!(balanced, "{name}");
    }
}

#[test]
fn time_shares_are_kept_if_samples_do_not_separate_kinds() {
    let rows = chosen(Some("short100,llm16tok,harsh-llm20,harsh-llm100")).expect("rows");
    for result in run(&Pipeline, &rows, &SEEDS) {
        let trials = trials(&result);
        let ours = mean(trials, |trial| trial.ours.wmae);
        let plain = mean(trials, |trial| trial.proportional.wmae);
        assert!(ours < plain + 0.03, "{}: {ours}, {plain}", result.row.name);
    }
}
