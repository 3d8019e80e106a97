//! A simulated trace is the same for the same seed, its truth accounts for all energy, and
//! its files have the same contents.

use energy_tests::simulate::{
    HARSH, Scenario, SimulateError, SimulatedRail, SimulatedTrace, simulate,
};
use proptest::prelude::*;

fn made(scenario: Scenario, seed: u64, changes: &str) -> SimulatedTrace {
    let settings = scenario.settings().with(changes).expect("known settings");
    simulate(scenario, seed, &settings).expect("a trace")
}

fn relative(a: f64, b: f64) -> f64 {
    (a - b).abs() / b.abs()
}

fn assert_truth_adds_up(trace: &SimulatedTrace) {
    let mut spans_mj = 0.0;
    for (&rail, truth) in &trace.truth.rails {
        let parts = truth.spans_mj + truth.idle_mj + truth.background_mj;
        assert!(
            relative(parts, truth.total_mj) < 1e-9,
            "{rail}: {parts} {}",
            truth.total_mj
        );
        let kinds: f64 = trace.true_energy_mj(rail).iter().sum();
        assert!(
            relative(kinds, truth.spans_mj) < 1e-9,
            "{rail}: {kinds} {}",
            truth.spans_mj
        );
        spans_mj += truth.spans_mj;
    }
    let by_span: f64 = trace.truth.span_energy_mj.iter().sum();
    assert!(relative(by_span, spans_mj) < 1e-9, "{by_span} {spans_mj}");
}

#[test]
fn energy_of_spans_idle_and_background_is_all_energy() {
    for scenario in Scenario::ALL {
        assert_truth_adds_up(&made(scenario, 11, ""));
        assert_truth_adds_up(&made(scenario, 12, HARSH));
    }
}

#[test]
fn a_seed_determines_the_trace() {
    for scenario in Scenario::ALL {
        let trace = made(scenario, 3, "");
        assert!(trace == made(scenario, 3, ""), "{scenario}");
        assert!(trace.truth != made(scenario, 4, "").truth, "{scenario}");
    }
}

#[test]
fn sampling_changes_samples_only() {
    let slow = made(Scenario::Web, 5, "");
    let fast = made(Scenario::Web, 5, "period_ms=20 clock_offset_ms=0");
    assert_eq!(slow.spans, fast.spans);
    assert_eq!(slow.truth.span_energy_mj, fast.truth.span_energy_mj);
    assert!(fast.samples.len() > 4 * slow.samples.len());
}

#[test]
fn a_common_seed_of_powers_gives_equal_powers() {
    for scenario in [Scenario::Llm, Scenario::Web, Scenario::Once] {
        let [one, other] = [8, 9].map(|seed| made(scenario, seed, "pow_seed=1"));
        assert_eq!(one.truth.powers_w, other.truth.powers_w);
        assert_ne!(one.truth.span_energy_mj, other.truth.span_energy_mj);
        assert_ne!(one.truth.powers_w, made(scenario, 8, "").truth.powers_w);
    }
}

#[test]
fn samples_hold_the_energy_of_their_time() {
    for changes in [
        "",
        "sensor=rapl",
        "sensor=nvml",
        "lp_tau_ms=30",
        "period_mode=uniform",
    ] {
        let exact = format!("drop_p=0 ts_jit_ms=0 {changes}");
        let trace = made(Scenario::Once, 21, &exact);
        let read: f64 = trace.samples.iter().map(|sample| sample.energy_mj).sum();
        let time = |ns: i64| ns as f64 * 1e-9;
        let first = trace
            .samples
            .first()
            .map_or(0.0, |sample| time(sample.start_ns));
        let last = trace
            .samples
            .last()
            .map_or(0.0, |sample| time(sample.end_ns));
        let truth = &trace.truth.rails[&SimulatedRail::Cpu];
        // Energy outside of the samples is mostly idle energy.
        let run_s = truth.idle_mj / 1e3 / truth.idle_w;
        let outside_mj = (run_s - (last - first)) * truth.idle_w * 1e3;
        let missing = truth.total_mj - read - outside_mj;
        assert!(
            missing.abs() < 0.02 * truth.total_mj,
            "{changes}: {missing} mJ"
        );
    }
}

fn assert_same_but_for_rounding(read: &SimulatedTrace, made: &SimulatedTrace) {
    assert_eq!(read.kinds, made.kinds);
    assert!(read.spans == made.spans, "spans differ");
    assert_eq!(read.settings, made.settings);
    for (read, made) in read.truth.rails.values().zip(made.truth.rails.values()) {
        assert_eq!(read.sensor, made.sensor);
        assert!(relative(read.total_mj, made.total_mj) < 1e-12);
        assert!(relative(read.idle_mj, made.idle_mj) < 1e-12);
        assert!(relative(read.background_mj, made.background_mj) < 1e-12);
        assert!(relative(read.spans_mj, made.spans_mj) < 1e-12);
    }
    assert!(read.truth.rails.keys().eq(made.truth.rails.keys()));
    assert!(read.truth.powers_w.keys().eq(made.truth.powers_w.keys()));
    assert_eq!(read.samples.len(), made.samples.len());
    for (read, made) in read.samples.iter().zip(&made.samples) {
        let times =
            |sample: &energy_tests::simulate::SimulatedSample| (sample.start_ns, sample.end_ns);
        assert_eq!(times(read), times(made));
        assert!((read.energy_mj - made.energy_mj).abs() < 1e-6);
    }
    for (read, made) in read.truth.kinds.iter().zip(&made.truth.kinds) {
        assert_eq!(
            (read.kind, read.rail, read.count),
            (made.kind, made.rail, made.count)
        );
        assert_eq!(read.self_time_ns, made.self_time_ns);
        assert!((read.energy_mj - made.energy_mj).abs() < 1e-6);
    }
    let energy = read
        .truth
        .span_energy_mj
        .iter()
        .zip(&made.truth.span_energy_mj);
    assert_eq!(
        read.truth.span_energy_mj.len(),
        made.truth.span_energy_mj.len()
    );
    assert!(
        energy
            .clone()
            .all(|(read, made)| (read - made).abs() < 1e-6)
    );
}

#[test]
fn files_match_the_trace() {
    for scenario in [Scenario::Gpu, Scenario::Short, Scenario::LlmFine] {
        let folder = tempfile::tempdir().expect("a folder");
        let trace = made(scenario, 31, "dup_p=.1");
        trace.write(folder.path()).expect("files");
        let read = SimulatedTrace::read(folder.path()).expect("a trace");
        assert_same_but_for_rounding(&read, &trace);
    }
}

#[test]
fn a_bad_file_is_named_with_its_line() {
    let folder = tempfile::tempdir().expect("a folder");
    made(Scenario::Short, 1, "")
        .write(folder.path())
        .expect("files");
    let path = folder.path().join("samples.csv");
    let text = std::fs::read_to_string(&path).expect("the file");
    std::fs::write(&path, text.replacen(",cpu,", ",cup,", 1)).expect("a changed file");
    let error = SimulatedTrace::read(folder.path())
        .expect_err("no such rail")
        .to_string();
    assert!(
        error.contains("samples.csv, line 2: unknown rail \"cup\""),
        "{error}"
    );
    std::fs::remove_file(&path).expect("the file goes");
    let error = SimulatedTrace::read(folder.path())
        .expect_err("no file")
        .to_string();
    assert!(error.contains("samples.csv"), "{error}");
}

#[test]
fn bad_settings_are_refused_with_their_name() {
    let usual = Scenario::Web.settings();
    let unknown = usual.with("perod_ms=20").expect_err("no such setting");
    assert!(
        matches!(unknown, SimulateError::UnknownSetting { .. }),
        "{unknown}"
    );
    let text = usual.with("period_ms=often").expect_err("no number");
    assert!(text.to_string().contains("period_ms=often"), "{text}");
    for change in ["period_ms=0", "alpha=-1", "preroll_s=-1", "tokens=-3"] {
        let settings = usual.with(change).expect("a number");
        let error = simulate(Scenario::Web, 1, &settings)
            .expect_err(change)
            .to_string();
        let name = change.split('=').next().unwrap_or_default();
        assert!(error.contains(name), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn truth_adds_up_for_all_settings(
        seed: u64,
        period_ms in 1.0..500.0_f64,
        alpha in 0.5..1.0_f64,
        noise in 0.0..3.0_f64,
        drop_p in 0.0..0.5_f64,
        dup_p in 0.0..0.5_f64,
    ) {
        let changes = format!(
            "period_ms={period_ms} alpha={alpha} noise={noise} drop_p={drop_p} dup_p={dup_p}"
        );
        for scenario in [Scenario::Short, Scenario::Web] {
            let trace = made(scenario, seed, &changes);
            assert_truth_adds_up(&trace);
            prop_assert!(trace.samples.iter().all(|sample| sample.start_ns <= sample.end_ns));
            prop_assert!(trace.spans.iter().all(|span| span.start_ns <= span.end_ns));
        }
    }
}
