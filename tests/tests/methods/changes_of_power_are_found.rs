//! `baseline check` of an operation that draws a fifth more power for the same time, and of
//! the unchanged program. The full campaign is ignored: it takes minutes.

use std::path::Path;

use energy_analyzer::baseline::{
    CheckOptions, CheckOutcome, IfExists, SaveOptions, check_runs, find, save_runs,
};
use energy_analyzer::compare::KindMethod;
use energy_analyzer::query::{Recording, select};
use energy_store::Store;
use energy_tests::power_trials::PowerTrial;

/// The operation that changes: a fifth of the energy of spans.
const CHANGED: &str = "gather";
/// Runs on each side.
const RUNS: u64 = 5;

/// Records a baseline and a group `check`, five runs each.
fn record(folder: &Path, seed: u64, power: Option<(&'static str, f64)>) -> std::path::PathBuf {
    let db = folder.join("energy.db");
    for at in 0..2 * RUNS {
        let is_checked = at % 2 == 1;
        let trial = PowerTrial {
            power: power.filter(|_| is_checked),
            ..PowerTrial::plain(seed * 1000 + at)
        };
        trial.import(&db, folder, &format!("run {at}"));
        let store = Store::open_writable(&db).expect("a recording");
        let run = store.find_run("last").expect("the run").no;
        let side = if is_checked { "check" } else { "base" };
        store.set_tag(&[run], "side", side).expect("a tag");
    }
    db
}

/// Returns the kinds that a check reports, and its outcome.
fn check(db: &Path) -> (Vec<String>, CheckOutcome, KindMethod) {
    let recording = Recording::open(db).expect("opens");
    let base = select(&recording, "side=base").expect("runs").runs;
    let options = SaveOptions {
        name: "main".to_owned(),
        repeat: 0,
        if_exists: IfExists::Refuse,
    };
    save_runs(db, &base, &options).expect("saved");
    let saved = find(&recording, "main").expect("the baseline");
    let done = check_runs(&recording, &saved, "side=check", &CheckOptions::default());
    let done = done.expect("a check");
    let blamed = done.verdict.nodes.iter().filter(|node| node.is_regression);
    (
        blamed.map(|node| node.kind.clone()).collect(),
        done.outcome(),
        done.compared.kind_basis.by,
    )
}

/// Returns how many campaigns report the changed operation, and how many another one.
fn campaigns(seeds: std::ops::Range<u64>, power: Option<(&'static str, f64)>) -> (usize, usize) {
    let (mut found, mut false_alarms) = (0, 0);
    for seed in seeds {
        let folder = tempfile::tempdir().expect("a folder");
        let (blamed, outcome, by) = check(&record(folder.path(), seed, power));
        assert_eq!(by, KindMethod::Fitted, "seed {seed}");
        let is_changed = |kind: &String| power.is_some() && kind.ends_with(CHANGED);
        let is_found = blamed.iter().any(is_changed);
        assert!(!is_found || outcome == CheckOutcome::Regression);
        found += usize::from(is_found);
        let others = blamed.iter().filter(|kind| !is_changed(kind)).count();
        let is_total = blamed.is_empty() && outcome == CheckOutcome::Regression;
        false_alarms += usize::from(others > 0 || is_total);
    }
    (found, false_alarms)
}

#[test]
fn a_fifth_more_power_at_equal_time_is_found() {
    assert_eq!(campaigns(1..4, Some((CHANGED, 1.2))), (3, 0));
}

#[test]
fn an_unchanged_program_is_not_blamed() {
    assert_eq!(campaigns(11..14, None), (0, 0));
}

#[test]
#[ignore = "a campaign of some minutes: cargo test --release -p energy-tests --test methods changes_of_power_are_found -- --ignored --nocapture"]
fn how_often_changes_of_power_are_found() {
    const CAMPAIGNS: u64 = 30;
    let (found, wrong) = campaigns(100..100 + CAMPAIGNS, Some((CHANGED, 1.2)));
    eprintln!("+20 % power: found {found} of {CAMPAIGNS}, another kind blamed in {wrong}");
    let (_, alarms) = campaigns(200..200 + CAMPAIGNS, None);
    eprintln!("unchanged: false alarms {alarms} of {CAMPAIGNS}");
    assert!(found >= 27 && wrong <= 2 && alarms <= 2);
}
