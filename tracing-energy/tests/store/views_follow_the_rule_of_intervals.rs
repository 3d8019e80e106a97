//! The views `v_runs`, `v_phases` and `v_tokens` state in SQL when the energy of an interval is
//! known. For any rows, their values are those of `interval_energy`, which states it once.

use std::path::Path;

use crate::store_support::{MS, attributed, rows, write};
use energy_data::interval_energy::{IntervalEnergy, RailInterval};
use energy_data::rows::{Accounts, BalanceRow, PhaseEnergyRow, RailRow, SpanEnergyRow};
use energy_store::Store;
use proptest::prelude::*;
use tracing_energy::Batch;

/// The `decode` phase and the first token of the recording.
const PHASE: u32 = 4;
const TOKEN: u64 = 5;

/// Returns an interval of that length with any part of it known.
fn interval(duration_ns: i64) -> impl Strategy<Value = RailInterval> {
    let share = prop_oneof![
        Just(0.0),
        Just(0.49),
        Just(0.5),
        Just(1.0),
        0.0..1.0_f64,
        0.5..1.0_f64
    ];
    let known = |likely| prop::option::weighted(likely, -1.0..9.0_f64);
    (
        prop::option::weighted(0.8, share),
        known(0.9),
        known(0.8),
        known(0.9),
    )
        .prop_map(
            move |(share, measured_j, idle_j, extrapolated_j)| RailInterval {
                duration_ns,
                covered_ns: share.map(|share| (duration_ns as f64 * share) as i64),
                measured_j,
                idle_j,
                extrapolated_j,
                ..RailInterval::default()
            },
        )
}

/// Values of an interval: energy, measured, extrapolated, idle and active energy, coverage.
type Values = [Option<f64>; 6];

fn values(sum: &IntervalEnergy) -> Values {
    [
        sum.energy_j,
        sum.measured_j,
        sum.extrapolated_j,
        sum.idle_j,
        sum.active_j,
        sum.coverage,
    ]
}

/// SQLite compensates rounding in sums.
fn are_equal(a: Values, b: Values) -> bool {
    a.iter().zip(b).all(|(a, b)| match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() < 1e-9,
        (a, b) => a.is_none() && b.is_none(),
    })
}

fn shown(store: &Store, from: &str) -> Values {
    let sql = format!(
        "SELECT energy_j, measured_j, extrapolated_j, idle_j, active_j, coverage FROM {from}"
    );
    let read = |r: &rusqlite::Row<'_>| {
        let mut values = Values::default();
        for (at, value) in values.iter_mut().enumerate() {
            *value = r.get(at)?;
        }
        Ok(values)
    };
    let found = store.connection().query_row(&sql, [], read);
    found.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// Writes one interval of each table on the rails 1, 2, ..; all of them are roots.
fn written(path: &Path, intervals: &[RailInterval]) {
    let mut batch: Batch = attributed("a");
    let ids = 1..=intervals.len() as u32;
    batch.rails = ids.clone().map(rail).collect();
    batch.samples.clear();
    let on = || ids.clone().zip(intervals);
    let attribution = &mut batch.attribution;
    attribution.balance = on().map(|(rail, on)| balance(rail, on)).collect();
    attribution.phase_energy = on().map(|(rail, on)| phase(rail, on)).collect();
    attribution.span_energy = on().map(|(rail, on)| token(rail, on)).collect();
    write(path, &batch);
    // The writer knows the coverage of phases and spans; files of other programs may lack it.
    let store = Store::open_writable(path).expect("writable");
    for (rail, _) in on().filter(|(_, on)| on.covered_ns.is_none()) {
        let unknown = format!(
            "UPDATE phase_energy SET covered_ns = NULL WHERE rail = {rail};
             UPDATE span_energy SET covered_ns = NULL WHERE rail = {rail};"
        );
        store.connection().execute_batch(&unknown).expect("changed");
    }
}

fn rail(id: u32) -> RailRow {
    rows::rail(id, &format!("rail {id}"), None)
}

fn balance(rail: u32, on: &RailInterval) -> BalanceRow {
    BalanceRow {
        accounts: Accounts {
            idle_j: on.idle_j,
            ..rows::balance(rail, on.measured_j.unwrap_or(0.0)).accounts
        },
        extrapolated_j: on.extrapolated_j.unwrap_or(0.0),
        duration_ns: Some(on.duration_ns),
        covered_ns: on.covered_ns,
        ..rows::balance(rail, 0.0)
    }
}

fn phase(rail: u32, on: &RailInterval) -> PhaseEnergyRow {
    PhaseEnergyRow {
        idle_j: on.idle_j,
        covered_ns: on.covered_ns.unwrap_or(0),
        extrapolated_j: on.extrapolated_j,
        ..rows::phase_energy(Some(PHASE), rail, on.duration_ns, on.measured_j)
    }
}

fn token(rail: u32, on: &RailInterval) -> SpanEnergyRow {
    SpanEnergyRow {
        idle_j: on.idle_j,
        covered_ns: on.covered_ns.unwrap_or(0),
        extrapolated_j: on.extrapolated_j.unwrap_or(0.0),
        ..rows::span_energy(TOKEN, rail, on.duration_ns, on.measured_j)
    }
}

/// Sums what the tables can hold: `balance` has no NULL where nothing was measured, and neither
/// it nor `span_energy` has one where nothing was extrapolated.
fn sum(intervals: &[RailInterval], is_measured: bool, is_extrapolated: bool) -> Values {
    let stored = intervals.iter().map(|on| RailInterval {
        measured_j: on.measured_j.or(is_measured.then_some(0.0)),
        extrapolated_j: on.extrapolated_j.or(is_extrapolated.then_some(0.0)),
        ..*on
    });
    values(&IntervalEnergy::over_rails(&stored.collect::<Vec<_>>()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn views_have_the_values_of_the_rule(
        intervals in prop::collection::vec(interval(130 * MS), 1..4),
    ) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("views.db");
        written(&path, &intervals);
        let store = Store::open(&path).expect("readable");
        let mut run = shown(&store, "v_runs");
        let rule = sum(&intervals, true, true);
        // The view has the extrapolated energy even where the energy is not known.
        run[2] = run[2].filter(|_| rule[2].is_some());
        prop_assert!(are_equal(run, rule), "{:?}, not {:?}", run, rule);
        let phase = shown(&store, &format!("v_phases WHERE node = {PHASE}"));
        let rule = sum(&intervals, false, false);
        prop_assert!(are_equal(phase, rule), "{:?}, not {:?}", phase, rule);
        let token = shown(&store, "v_tokens WHERE span NOTNULL");
        let rule = sum(&intervals, false, true);
        prop_assert!(are_equal(token, rule), "{:?}, not {:?}", token, rule);
    }
}

#[test]
fn energies_have_an_interval_where_samples_are_missing() {
    let ends = |covered_ns: i64| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("views.db");
        let on = RailInterval {
            duration_ns: 130 * MS,
            covered_ns: Some(covered_ns),
            measured_j: Some(10.0),
            extrapolated_j: Some(0.0),
            ends_j: Some((9.0, 11.0)),
            ..RailInterval::default()
        };
        written(&path, &[on]);
        let store = Store::open_writable(&path).expect("writable");
        let stored = "UPDATE balance SET lo_j = 9, hi_j = 11;
                      UPDATE phase_energy SET lo_j = 9, hi_j = 11;";
        store.connection().execute_batch(stored).expect("changed");
        let of = |from: &str| {
            let sql = format!("SELECT lo_j, hi_j FROM {from}");
            let read = |r: &rusqlite::Row<'_>| Ok((r.get(0)?, r.get(1)?));
            let ends: (Option<f64>, Option<f64>) =
                store.connection().query_row(&sql, [], read).expect(&sql);
            ends.0.zip(ends.1)
        };
        let rule = IntervalEnergy::over_rails(&[on]);
        let views = [of("v_runs"), of(&format!("v_phases WHERE node = {PHASE}"))];
        (views, rule.lo_j.zip(rule.hi_j))
    };
    assert_eq!(ends(130 * MS), ([None, None], None));
    let known = Some((9.0, 11.0));
    assert_eq!(ends(100 * MS), ([known, known], known));
}
