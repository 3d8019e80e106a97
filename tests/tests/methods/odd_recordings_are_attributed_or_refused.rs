//! Any table that is imported, attributed by the method `fitted` and listed gives valid
//! energies with warnings, or one clear error.

use energy_tests::simulate::{
    Scenario, Settings, SimulatedRail, SimulatedSample, SimulatedTrace, simulate,
};
use energy_tests::{ImportOutcome, Listed, imported};

const MS: i64 = 1_000_000;

/// A short run with a second of idle time before it.
fn trace() -> SimulatedTrace {
    let settings = Settings {
        preroll_s: 1.0,
        clock_offset_ms: Some(3.0),
        ..Scenario::Short.settings()
    };
    simulate(Scenario::Short, 11, &settings).expect("a trace")
}

fn take(trace: &SimulatedTrace) -> ImportOutcome {
    let folder = tempfile::tempdir().expect("a folder");
    let imported = imported(trace, folder.path());
    if let ImportOutcome::Listed(listed) = &imported {
        listed.assert_sound();
    }
    imported
}

fn listed(trace: &SimulatedTrace) -> Box<Listed> {
    match take(trace) {
        ImportOutcome::Listed(listed) => listed,
        ImportOutcome::Refused(why) => panic!("refused: {why}"),
    }
}

/// Checks that it is refused with a message that contains all of `words`.
fn assert_refused(trace: &SimulatedTrace, words: &[&str]) {
    match take(trace) {
        ImportOutcome::Refused(why) => {
            let matches = |word: &&str| why.contains(*word);
            assert!(words.iter().all(matches), "{why}");
        }
        ImportOutcome::Listed(listed) => panic!("not refused: {listed:?}"),
    }
}

/// Checks that one of the warnings contains all of `words`.
fn assert_warned(listed: &Listed, words: &[&str]) {
    let matches = |doubt: &String| words.iter().all(|word| doubt.contains(word));
    assert!(listed.warnings.iter().any(matches), "{:?}", listed.warnings);
}

fn shares_j(listed: &Listed) -> f64 {
    listed.ops.shares.iter().map(|share| share.energy_j).sum()
}

#[test]
fn no_samples() {
    let mut trace = trace();
    trace.samples.clear();
    assert_refused(&trace, &["samples"]);
}

#[test]
fn one_sample() {
    let mut trace = trace();
    let middle = trace.samples[trace.samples.len() / 2].clone();
    trace.samples = vec![middle];
    let listed = listed(&trace);
    assert_warned(&listed, &["1 sample"]);
    assert!(shares_j(&listed) > 0.0, "{:?}", listed.ops);
}

#[test]
fn no_idle_time() {
    let mut trace = trace();
    let first = trace.spans.iter().map(|span| span.start_ns).min();
    let last = trace.spans.iter().map(|span| span.end_ns).max();
    let busy = first.expect("spans") + 20 * MS..last.expect("spans") - 20 * MS;
    let inside =
        |sample: &SimulatedSample| busy.contains(&sample.start_ns) && busy.contains(&sample.end_ns);
    trace.samples.retain(inside);
    assert!(trace.samples.len() > 5);
    let listed = listed(&trace);
    assert_warned(&listed, &["idle"]);
    assert!(shares_j(&listed) > 0.0, "{:?}", listed.ops);
}

#[test]
fn a_rail_that_is_missing_half_the_time() {
    let settings = Settings {
        tokens: Some(40.0),
        ..Scenario::Gpu.settings()
    };
    let mut trace = simulate(Scenario::Gpu, 3, &settings).expect("a trace");
    let end = trace.samples.iter().map(|sample| sample.end_ns).max();
    let half = end.expect("samples") / 2;
    trace
        .samples
        .retain(|sample| sample.rail != SimulatedRail::Gpu || sample.start_ns < half);
    let listed = listed(&trace);
    assert_warned(&listed, &["extrapolated to time without samples"]);
    assert!(listed.ops.accounts.extrapolated_j > 0.0, "{:?}", listed.ops);
}

#[test]
fn spans_without_length() {
    let mut trace = trace();
    for (place, span) in trace.spans.iter_mut().enumerate() {
        span.end_ns = span.start_ns + place as i64 % 2;
    }
    let listed = listed(&trace);
    // Spans of a nanosecond can have almost none of the energy.
    assert!(shares_j(&listed) < 1e-3, "{:?}", listed.ops);
}

#[test]
fn all_spans_without_length() {
    let mut trace = trace();
    for span in &mut trace.spans {
        span.end_ns = span.start_ns;
    }
    let listed = listed(&trace);
    assert_warned(&listed, &["no span"]);
    assert_eq!(shares_j(&listed), 0.0);
}

#[test]
fn ten_thousand_kinds() {
    let mut trace = trace();
    trace.kinds = (0..10_000).map(|kind| format!("kind{kind}")).collect();
    for (place, span) in trace.spans.iter_mut().enumerate() {
        span.kind = place % 10_000;
    }
    assert!(trace.spans.len() > 1_000);
    let spans = trace.spans.clone();
    // Each kind occurs, and never twice in the same mixture.
    while trace.spans.len() < 10_000 {
        let place = trace.spans.len();
        let mut more = spans[place % spans.len()].clone();
        (more.kind, more.parent) = (place, place as u64 % spans.len() as u64 + 1);
        more.start_ns = (more.start_ns + more.end_ns) / 2;
        trace.spans.push(more);
    }
    let listed = listed(&trace);
    assert!(shares_j(&listed) > 0.0, "{:?}", listed.ops.accounts);
}

#[test]
fn energies_that_are_not_numbers() {
    for energy_mj in [f64::NAN, f64::INFINITY] {
        let mut trace = trace();
        trace.samples[3].energy_mj = energy_mj;
        assert_refused(&trace, &["samples.csv", "line 5", "energy"]);
    }
}

#[test]
fn an_energy_below_zero() {
    let mut trace = trace();
    trace.samples[3].energy_mj = -5.0;
    let listed = listed(&trace);
    assert_warned(&listed, &["negative power", "dropped", "line 5"]);
    assert!(shares_j(&listed) > 0.0, "{:?}", listed.ops);
}

#[test]
fn repeated_and_overlapping_samples() {
    let mut trace = trace();
    let mut more = trace.samples.clone();
    more.extend(
        trace
            .samples
            .iter()
            .skip(10)
            .step_by(7)
            .map(|sample| SimulatedSample {
                start_ns: sample.start_ns + 40 * MS,
                end_ns: sample.end_ns + 40 * MS,
                ..sample.clone()
            }),
    );
    trace.samples.extend(more);
    let listed = listed(&trace);
    assert_warned(&listed, &["twice"]);
    assert_warned(&listed, &["overlapped"]);
    assert!(shares_j(&listed) > 0.0, "{:?}", listed.ops);
}

#[test]
fn a_clock_that_is_half_a_second_ahead() {
    let mut trace = trace();
    for sample in &mut trace.samples {
        sample.start_ns += 500 * MS;
        sample.end_ns += 500 * MS;
    }
    let listed = listed(&trace);
    assert!(shares_j(&listed) > 0.0, "{:?}", listed.ops);
}

#[test]
fn spans_without_concurrent_samples() {
    let mut trace = trace();
    let end = trace.samples.iter().map(|sample| sample.end_ns).max();
    for span in &mut trace.spans {
        span.start_ns += end.expect("samples");
        span.end_ns += end.expect("samples");
    }
    let listed = listed(&trace);
    assert_warned(&listed, &["no span ran"]);
}

#[test]
fn a_single_kind() {
    let mut trace = trace();
    trace.kinds = vec!["work".to_owned()];
    trace.truth.kinds.clear();
    for span in &mut trace.spans {
        (span.kind, span.parent) = (0, 0);
    }
    let listed = listed(&trace);
    assert_eq!(listed.ops.shares.len(), 1);
    assert!(shares_j(&listed) > 0.0, "{:?}", listed.ops);
}

#[test]
fn no_energy_at_all() {
    let mut trace = trace();
    for sample in &mut trace.samples {
        sample.energy_mj = 0.0;
    }
    let listed = listed(&trace);
    assert_eq!(shares_j(&listed), 0.0);
}

#[test]
fn less_energy_than_idle() {
    let mut trace = trace();
    let idle = trace.samples[0].energy_mj;
    for sample in trace.samples.iter_mut().skip(12) {
        sample.energy_mj = idle * 0.5;
    }
    listed(&trace);
}
