//! The exported tables `phase_energy` and `span_energy` state in SQL when the energy of an
//! interval on one rail is known. For any rows, their values are those of `interval_energy`.

use crate::fixture::{changed, rows};
use energy_analyzer::query::{CellValue, Recording, TABLES, table_rows};
use energy_data::interval_energy::{IntervalEnergy, RailInterval};
use energy_data::rows::{PhaseEnergyRow, SpanEnergyRow};
use energy_store::Store;
use proptest::prelude::*;

const DURATION_NS: i64 = 1_000_000;

/// Columns of both tables that the rule is about.
const COLUMNS: [&str; 4] = ["energy_j", "idle_j", "measured_j", "extrapolated_j"];

fn interval() -> impl Strategy<Value = RailInterval> {
    let share = prop_oneof![Just(0.0), Just(0.49), Just(0.5), Just(1.0), 0.0..1.0_f64];
    let known = || prop::option::weighted(0.8, 0.0..9.0_f64);
    let parts = (known(), known(), 0.0..9.0_f64);
    (prop::option::weighted(0.8, share), parts).prop_map(|(share, parts)| RailInterval {
        duration_ns: DURATION_NS,
        covered_ns: share.map(|share| (DURATION_NS as f64 * share) as i64),
        measured_j: parts.0,
        idle_j: parts.1,
        extrapolated_j: Some(parts.2),
        ..RailInterval::default()
    })
}

fn exported(recording: &Recording, name: &str) -> [Option<f64>; 4] {
    let run = recording.run("last").unwrap();
    let table = TABLES.iter().find(|table| table.name == name).unwrap();
    let at = COLUMNS.map(|name| table.columns.iter().position(|of| of.0 == name).unwrap());
    let mut found = [None; 4];
    table_rows(recording, &run, table, |row| {
        found = at.map(|at| match row[at] {
            CellValue::Real(joules) => Some(joules),
            _ => None,
        });
        Ok(())
    })
    .unwrap();
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn tables_have_the_values_of_the_rule(on in interval()) {
        let folder = tempfile::tempdir().unwrap();
        let path = changed(folder.path(), "measured", |batch| {
            batch.spans = vec![rows::span(1, 2, 0, DURATION_NS)];
            batch.attribution.phase_energy = vec![PhaseEnergyRow {
                idle_j: on.idle_j,
                covered_ns: on.covered_ns.unwrap_or(0),
                extrapolated_j: on.extrapolated_j,
                ..rows::phase_energy(Some(2), 1, DURATION_NS, on.measured_j)
            }];
            batch.attribution.span_energy = vec![SpanEnergyRow {
                idle_j: on.idle_j,
                covered_ns: on.covered_ns.unwrap_or(0),
                extrapolated_j: on.extrapolated_j.unwrap(),
                ..rows::span_energy(1, 1, DURATION_NS, on.measured_j)
            }];
        });
        if on.covered_ns.is_none() {
            // The writer knows the coverage; files of other programs may lack it.
            let store = Store::open_writable(&path).unwrap();
            for table in ["phase_energy", "span_energy"] {
                let sql = format!("UPDATE {table} SET covered_ns = NULL");
                store.connection().execute_batch(&sql).unwrap();
            }
        }
        let recording = Recording::open(path).unwrap();
        let rule = IntervalEnergy::over_rails(&[on]);
        // Measured and estimated parts are exported even if the energy is not known.
        let rule = [rule.energy_j, rule.idle_j, on.measured_j, on.extrapolated_j];
        for table in ["phase_energy", "span_energy"] {
            let values = exported(&recording, table);
            let is_equal = values.iter().zip(rule).all(|(a, b)| match (a, b) {
                (Some(a), Some(b)) => (a - b).abs() < 1e-9,
                (a, b) => a.is_none() && b.is_none(),
            });
            prop_assert!(is_equal, "{}: {:?}, not {:?}", table, values, rule);
        }
    }
}
