//! The accuracy benchmark on fixed seeds: the baseline method has its known score, a
//! method that knows the truth meets all goals, and a wrong one does not.

use energy_tests::accuracy::{
    AccuracyError, AccuracyTrial, AllocatedEnergy, Attributor, EstimateGroup, MethodEstimate,
    MethodOptions, MethodResult, ProportionalMethod, ROWS, RailAttribution, RowResult, RowVerdict,
    TruthInterval, chosen, run, table,
};
use energy_tests::simulate::{
    CalibrationErrors, Scenario, SimulatedRail, SimulatedTrace, TrueCalibration, simulate,
};

const SEEDS: [u64; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

fn trials(result: &RowResult) -> &[AccuracyTrial] {
    result.trials.as_deref().expect("no failure")
}

fn mean_percent(result: &RowResult) -> f64 {
    let trials = trials(result);
    100.0 * trials.iter().map(|trial| trial.ours.wmae).sum::<f64>() / trials.len() as f64
}

#[test]
fn the_baseline_method_has_its_known_score() {
    // Ranges are about four standard errors of eight traces around the mean of many.
    let known = [
        ("web100", 31.0..52.0),
        ("web20", 28.0..48.0),
        ("gpu", 26.0..49.0),
        ("gpu-dram", 53.0..74.0),
        ("once", 14.0..38.0),
        ("llm20", 12.0..22.0),
        ("llm100", 12.0..22.0),
        ("short100", 11.0..24.0),
        ("llm16tok", 12.0..22.0),
        ("adversarial", 24.0..46.0),
        ("harsh-llm20", 12.0..23.0),
        ("harsh-short100", 10.0..26.0),
    ];
    let names = known.clone().map(|(name, _)| name).join(",");
    let rows = chosen(Some(&names)).expect("known rows");
    let results = run(&ProportionalMethod, &rows, &SEEDS);
    assert_eq!(results.len(), known.len());
    for (result, (name, range)) in results.iter().zip(known) {
        assert_eq!(result.row.name, name);
        let mean = mean_percent(result);
        assert!(range.contains(&mean), "{name}: {mean}");
        for trial in trials(result) {
            assert_eq!(trial.ours, trial.proportional);
            assert!(
                trial.ours.imbalance < 1e-9,
                "{name}: {}",
                trial.ours.imbalance
            );
        }
    }
    let again = run(&ProportionalMethod, &rows[..1], &SEEDS);
    assert_eq!(trials(&again[0]), trials(&results[0]));
}

#[test]
fn the_kernel_of_a_trailing_sensor_matters() {
    let trace = simulate(Scenario::Gpu, 2, &Scenario::Gpu.settings()).expect("a trace");
    let rail = SimulatedRail::Gpu;
    let wmae = |options: &MethodOptions| {
        let result = ProportionalMethod
            .attribute(&trace, options)
            .expect("a result");
        energy_tests::accuracy::score(&trace, rail, &result[&rail])
            .expect("a score")
            .wmae
    };
    let window_ms = trace.settings.trailing_window_ms;
    let mut options = MethodOptions::default();
    options.kernels.insert(
        rail,
        energy_tests::accuracy::SampleMeaning::Trailing { window_ms },
    );
    assert_ne!(wmae(&options), wmae(&MethodOptions::default()));
}

/// Returns the truth times `factor`, with intervals of 5 %.
struct Oracle {
    factor: f64,
}

impl Oracle {
    fn estimate(&self, true_mj: f64) -> MethodEstimate {
        let energy_mj = true_mj * self.factor;
        let interval = TruthInterval {
            lo_mj: energy_mj * 0.95,
            hi_mj: energy_mj * 1.05,
        };
        MethodEstimate {
            energy_mj,
            interval: Some(interval),
        }
    }

    fn rail(&self, trace: &SimulatedTrace, rail: SimulatedRail) -> RailAttribution {
        let truth = trace.true_energy_mj(rail);
        let used = trace.truth.kinds.iter().filter(|kind| kind.rail == rail);
        let kinds = used.map(|kind| {
            let estimate = self.estimate(truth[kind.kind]);
            (trace.kinds[kind.kind].clone(), estimate)
        });
        let kinds: std::collections::BTreeMap<_, _> = kinds.collect();
        let groups = kinds.iter();
        let groups = groups.map(|(name, &estimate)| EstimateGroup {
            kinds: vec![name.clone()],
            estimate,
        });
        let measured_mj = trace.truth.rails[&rail].total_mj;
        RailAttribution {
            groups: groups.collect(),
            kinds,
            gate_weight: Some(1.0),
            accounts: AllocatedEnergy {
                measured_mj,
                rest_mj: measured_mj,
                ..AllocatedEnergy::default()
            },
        }
    }
}

impl Attributor for Oracle {
    fn name(&self) -> &str {
        "oracle"
    }

    fn attribute(
        &self,
        trace: &SimulatedTrace,
        _: &MethodOptions,
    ) -> Result<MethodResult, AccuracyError> {
        let rails = trace.truth.rails.keys();
        Ok(rails.map(|&rail| (rail, self.rail(trace, rail))).collect())
    }
}

#[test]
fn an_oracle_meets_all_goals() {
    for result in run(&Oracle { factor: 1.0 }, &ROWS, &SEEDS[..2]) {
        assert_eq!(trials(&result)[0].ours.wmae, 0.0);
        let verdict = RowVerdict::of(&result.row, trials(&result));
        assert_eq!(verdict.faults, Vec::<String>::new(), "{}", result.row.name);
        let aims = [result.row.kinds, result.row.groups].into_iter().flatten();
        assert_eq!(verdict.aim, aims.clone().any(|goal| goal.aim.is_some()));
    }
}

#[test]
fn errors_of_a_fifth_miss_every_fixed_goal() {
    let results = run(&Oracle { factor: 1.2 }, &ROWS, &SEEDS[..2]);
    for result in &results {
        let ours = trials(result)[0].ours;
        assert!((ours.wmae - 0.2).abs() < 1e-9);
        assert_eq!(
            ours.intervals.map(|intervals| intervals.coverage),
            Some(0.0)
        );
        assert!(
            !RowVerdict::of(&result.row, trials(result))
                .faults
                .is_empty()
        );
    }
    let text = table("oracle", &results[..1]);
    let line = text.lines().last().expect("a row");
    assert!(line.starts_with("| web100 | "), "{line}");
    assert!(
        line.contains(" | 20.0 ± 0.0 | 6.5 | 4 | 2/2 | 0.00 | 6 | "),
        "{line}"
    );
    assert!(
        line.ends_with(" | 1.00 | no: kinds 20.0 > 6.5, coverage of kinds 0.00 |"),
        "{line}"
    );
}

/// Returns a kind that is not in any trace.
struct UnknownKindMethod;

impl Attributor for UnknownKindMethod {
    fn name(&self) -> &str {
        "confused"
    }

    fn attribute(
        &self,
        trace: &SimulatedTrace,
        options: &MethodOptions,
    ) -> Result<MethodResult, AccuracyError> {
        let mut result = ProportionalMethod.attribute(trace, options)?;
        let estimate = MethodEstimate {
            energy_mj: 1.0,
            interval: None,
        };
        let rails = result.values_mut();
        rails.for_each(|rail| rail.kinds.extend([("what".to_owned(), estimate)]));
        Ok(result)
    }
}

#[test]
fn a_failure_is_a_row_of_the_table() {
    let rows = chosen(Some("once")).expect("a known row");
    let text = table("confused", &run(&UnknownKindMethod, &rows, &SEEDS[..1]));
    assert!(
        text.contains("| once |") && text.contains("no: \"what\" is not a kind"),
        "{text}"
    );
    let error = chosen(Some("web100,wbe"))
        .expect_err("no such row")
        .to_string();
    assert!(
        error.contains("\"wbe\"") && error.contains("web100"),
        "{error}"
    );
}

#[test]
fn a_calibration_has_the_configured_errors() {
    let errors = CalibrationErrors::with_mismatch(0.10);
    let mut spread = Vec::new();
    let mut shifts = Vec::new();
    for seed in 0..40 {
        let trace = simulate(Scenario::Short, seed, &Scenario::Short.settings()).expect("a trace");
        let calibration = TrueCalibration::draw(&trace, SimulatedRail::Cpu, errors);
        assert_eq!(
            calibration,
            TrueCalibration::draw(&trace, SimulatedRail::Cpu, errors)
        );
        assert!(
            ["run", "decode", "token", "d.layer"]
                .iter()
                .all(|container| !calibration.powers.contains_key(*container))
        );
        let logs = calibration.powers.iter().map(|(kind, power)| {
            assert!((power.relative_sd - 0.04_f64.hypot(0.10)).abs() < 1e-12);
            (power.watts / trace.truth.powers_w[kind][&SimulatedRail::Cpu]).ln()
        });
        let logs: Vec<f64> = logs.collect();
        assert!(logs.len() > 20);
        let mean = logs.iter().sum::<f64>() / logs.len() as f64;
        spread.extend(logs.iter().map(|log| log - mean));
        shifts.push(mean);
    }
    let sd = |values: &[f64]| {
        (values.iter().map(|value| value * value).sum::<f64>() / values.len() as f64).sqrt()
    };
    assert!((sd(&spread) - 0.108).abs() < 0.01, "{}", sd(&spread));
    assert!((0.06..0.15).contains(&sd(&shifts)), "{}", sd(&shifts));
}
