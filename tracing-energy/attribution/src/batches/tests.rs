use proptest::prelude::*;

use super::*;
use energy_data::{Kernel, Provenance};

const MS: i64 = 1_000_000;

fn rail(kind: RailKind) -> RailRow {
    RailRow {
        id: 7,
        source: "made".to_owned(),
        name: "rail".to_owned(),
        parent: None,
        kind,
        unit: "J".to_owned(),
        interval_ns: 100 * MS,
        kernel: Kernel::Box,
        provenance: Provenance::Replayed,
    }
}

/// Readings of 100 ms with these energies.
fn readings(energies: impl IntoIterator<Item = f64>) -> Vec<SampleRow> {
    let reading = |(at, energy): (i64, f64)| SampleRow {
        rail: 7,
        start_ns: at * 100 * MS,
        end_ns: (at + 1) * 100 * MS,
        energy_j: Some(energy),
    };
    (0..).zip(energies).map(reading).collect()
}

/// Merges the readings of rails without known spans.
fn merged(rails: &[RailRow], samples: Vec<SampleRow>) -> (Vec<SampleRow>, Vec<Batched>) {
    merge(rails, samples, || None)
}

/// A counter that moves every `period` readings, by `watts` of the time since.
fn counter(count: usize, period: f64, watts: impl Fn(f64) -> f64) -> Vec<SampleRow> {
    let mut moved = 0.0_f64;
    readings((1..=count).map(|at| {
        let now = (at as f64 / period).floor() * period;
        let energy = (0..=20).map(|step| watts(moved + (now - moved) * f64::from(step) / 20.0));
        let energy = energy.sum::<f64>() / 21.0 * (now - moved) * 0.1;
        moved = now;
        energy
    }))
}

fn watts(sample: &SampleRow) -> Option<f64> {
    Some(sample.energy_j? * 1e9 / (sample.end_ns - sample.start_ns) as f64)
}

fn total(samples: &[SampleRow]) -> f64 {
    samples.iter().filter_map(|sample| sample.energy_j).sum()
}

#[test]
fn a_counter_that_moves_every_third_reading_is_merged_into_its_true_power() {
    for (period, ms) in [(3.0, 300), (3.33, 330), (21.0, 2100), (2.0, 200)] {
        let samples = counter(20 * 21, period, |_| 5.0);
        let (merged, batched) = merged(&[rail(RailKind::Cpu)], samples.clone());
        assert_eq!(batched.len(), 1, "{period}");
        assert_eq!(batched[0].batching, Batching::Counter);
        let found_ms = batched[0].period.nanos() / MS;
        assert!((found_ms - ms).abs() <= 50, "{found_ms} of {ms}");
        assert!((total(&merged) - total(&samples)).abs() < 1e-9, "{period}");
        // Window edges are accurate to one reading.
        let off = 1.0 / period + 1e-9;
        for power in merged.iter().filter_map(watts) {
            assert!(
                (power / 5.0 - 1.0).abs() <= off,
                "{power} W, period {period}"
            );
        }
        let message = batched[0].message("cpu");
        assert!(
            message.contains("cpu: the counter moves every "),
            "{message}"
        );
    }
}

#[test]
fn energy_before_the_recording_and_after_the_last_move_is_not_in_its_windows() {
    // One reading of the first batch was recorded, and two after the last move.
    let mut energies = vec![2.1];
    for _ in 0..9 {
        energies.extend([0.0, 0.0, 2.1]);
    }
    energies.extend([0.0, 0.0]);
    let (merged, _) = merged(&[rail(RailKind::Package)], readings(energies));
    assert_eq!(
        (merged[0].start_ns, merged[0].end_ns),
        (-200 * MS, 100 * MS)
    );
    let last = merged.last().unwrap();
    assert_eq!(
        (last.energy_j, last.end_ns - last.start_ns),
        (None, 200 * MS)
    );
}

#[test]
fn a_window_does_not_span_a_gap_of_the_recording() {
    let mut samples = readings((0..60).map(|at| if at % 3 == 2 { 1.5 } else { 0.0 }));
    for sample in &mut samples[31..] {
        sample.start_ns += 10_000 * MS;
        sample.end_ns += 10_000 * MS;
    }
    let (merged, batched) = merged(&[rail(RailKind::Cpu)], samples);
    assert_eq!(batched.len(), 1);
    assert!(
        merged
            .iter()
            .all(|sample| sample.end_ns - sample.start_ns <= 300 * MS)
    );
}

#[test]
fn each_repeated_mean_becomes_one_window() {
    let mean = |at: usize| 5.0 + (at / 4 * 13 % 29) as f64;
    let samples = readings((1..81).map(|at| mean(at) * 0.1));
    let (merged, batched) = merged(&[rail(RailKind::Cpu)], samples.clone());
    assert_eq!(batched[0].batching, Batching::HeldMean);
    assert_eq!(batched[0].period, Nanos::from_millis(400));
    assert!((total(&merged) - total(&samples)).abs() < 1e-9);
    // The first three and the last reading are parts of a mean.
    let lengths: Vec<i64> = merged
        .iter()
        .map(|s| (s.end_ns - s.start_ns) / MS)
        .collect();
    assert_eq!(
        (lengths[0], lengths[1], *lengths.last().unwrap()),
        (300, 400, 100)
    );
}

#[test]
fn a_gap_divides_a_repeated_mean() {
    let mut samples = readings((0..80).map(|at| 0.5 + f64::from(at / 4 * 13 % 29) * 0.1));
    for sample in &mut samples[42..] {
        sample.start_ns += 5_000 * MS;
        sample.end_ns += 5_000 * MS;
    }
    let (merged, batched) = merged(&[rail(RailKind::Cpu)], samples);
    assert_eq!(batched.len(), 1);
    assert!(
        merged
            .iter()
            .all(|sample| sample.end_ns - sample.start_ns <= 400 * MS)
    );
}

#[test]
fn irregular_readings_are_not_merged() {
    let busy = |at: usize| {
        if at % 40 < 15 {
            0.5 + at as f64 * 1e-3
        } else {
            0.0
        }
    };
    let random = [3, 1, 9, 2, 14, 1, 1, 6, 3, 22, 2, 1, 8];
    let mut irregular = Vec::new();
    for length in random {
        irregular.extend(std::iter::repeat_n(0.0, length));
        irregular.push(0.7);
    }
    let coarse = random.iter().enumerate();
    let coarse =
        coarse.flat_map(|(at, length)| std::iter::repeat_n(1.0 + (at % 2) as f64, *length));
    let square = |at: usize| if (at / 5).is_multiple_of(2) { 0.4 } else { 1.4 };
    let cases: [(&str, Vec<f64>); 7] = [
        ("a square wave", (0..200).map(square).collect()),
        ("work that comes and goes", (0..400).map(busy).collect()),
        ("irregular work", irregular),
        ("a coarse meter", coarse.collect()),
        ("constant power", vec![1.0; 200]),
        ("nothing", vec![0.0; 200]),
        (
            "too few batches",
            (0..12)
                .map(|at| if at % 3 == 0 { 1.0 } else { 0.0 })
                .collect(),
        ),
    ];
    for (name, energies) in cases {
        let samples = readings(energies);
        let (merged, batched) = merged(&[rail(RailKind::Cpu)], samples.clone());
        assert_eq!((merged, batched), (samples, Vec::new()), "{name}");
    }
}

#[test]
fn regular_bursts_of_a_gated_gpu_are_kept_and_those_of_a_large_one_merged() {
    let gpu = rail(RailKind::Gpu);
    let bursts =
        |joules: f64| readings((0..90).map(move |at| if at % 5 == 0 { joules } else { 0.0 }));
    assert_eq!(merged(std::slice::from_ref(&gpu), bursts(0.02)).1, []);
    assert_eq!(merged(&[gpu], bursts(20.0)).1.len(), 1);
}

#[test]
fn regular_bursts_of_spans_are_not_batches() {
    let samples = readings((0..100).map(|at| if at % 5 == 0 { 1.0 } else { 0.0 }));
    let bursts = || BatchActivity::of((0..20).map(|at| (at * 500 * MS, at * 500 * MS + 80 * MS)));
    let rails = [rail(RailKind::Cpu)];
    assert_eq!(merge(&rails, samples.clone(), || Some(bursts())).1, []);
    // Spans that run half of the time, whatever the counter does.
    let steady = BatchActivity::of((0..50).map(|at| (at * 200 * MS, at * 200 * MS + 100 * MS)));
    assert_eq!(merge(&rails, samples, || Some(steady)).1.len(), 1);
}

#[test]
fn other_rails_keep_their_readings() {
    let mut samples = counter(90, 3.0, |_| 5.0);
    let other = RailRow {
        id: 8,
        ..rail(RailKind::Dram)
    };
    let plain = readings((0..90).map(|at| 0.1 + f64::from(at) * 1e-3));
    let plain: Vec<SampleRow> = plain
        .into_iter()
        .map(|s| SampleRow { rail: 8, ..s })
        .collect();
    samples.extend(plain.iter().copied());
    let (merged, batched) = merged(&[rail(RailKind::Cpu), other], samples);
    assert_eq!(batched.len(), 1);
    let kept: Vec<SampleRow> = merged.iter().filter(|s| s.rail == 8).copied().collect();
    assert_eq!(kept, plain);
    assert!(merged.is_sorted_by_key(|sample| sample.start_ns));
}

proptest! {
    /// For any readings, merging conserves energy and windows do not overlap.
    #[test]
    fn energy_is_conserved_and_windows_do_not_overlap(
        energies in proptest::collection::vec(prop_oneof![3 => Just(Some(0.0)), 2 => (0.1..3.0).prop_map(Some), 1 => Just(None)], 0..200),
        period in 2_usize..9,
    ) {
        for shift in [0, period] {
            let mut samples = readings(energies.iter().enumerate().map(|(at, energy)| {
                if shift > 0 && at % period != 0 { 0.0 } else { energy.unwrap_or(0.0) }
            }));
            for (sample, energy) in samples.iter_mut().zip(&energies) {
                sample.energy_j = sample.energy_j.filter(|_| energy.is_some());
            }
            let (merged, _) = merged(&[rail(RailKind::Cpu)], samples.clone());
            prop_assert!((total(&merged) - total(&samples)).abs() < 1e-9);
            for pair in merged.windows(2) {
                prop_assert!(pair[0].end_ns <= pair[1].start_ns, "{pair:?}");
            }
            prop_assert!(merged.iter().all(|sample| sample.end_ns > sample.start_ns));
        }
    }
}
