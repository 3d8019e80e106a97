//! Attention of prefill is a term of predictions where a sweep shows it, and only there.

use energy_statistics::prediction::{EnergyPredictor, EnergyTerm, MeasuredWorkload, Workload};

/// Joules for each pair of prompt tokens.
const PAIRS: f64 = 4e-5;

/// Returns energies of a grid that follow a law with this much energy for each pair of prompt
/// tokens, with errors of 1 % that depend on the workload only.
fn grid(inputs: &[f64], pairs: f64) -> Vec<MeasuredWorkload> {
    let mut all = Vec::new();
    for &input_tokens in inputs {
        for output_tokens in [16.0, 64.0, 128.0] {
            let workload = Workload {
                input_tokens,
                output_tokens,
                batch: 1.0,
            };
            // Of alternating sign along both inputs.
            let sign = if all.len().is_multiple_of(2) {
                1.0
            } else {
                -1.0
            };
            let error = 1.0 + 0.01 * sign;
            all.push(MeasuredWorkload {
                workload,
                energies_j: vec![energy(&workload, pairs) * error],
            });
        }
    }
    all
}

fn energy(workload: &Workload, pairs: f64) -> f64 {
    let (input, output) = (workload.input_tokens, workload.output_tokens);
    20.0 + 0.05 * input
        + 0.5 * output
        + 2e-5 * output * (input + output / 2.0)
        + pairs * input * input / 2.0
}

fn joules_of_pairs(predictor: &EnergyPredictor) -> f64 {
    let terms = predictor.terms();
    let found = terms.iter().find(|one| one.term == EnergyTerm::InputPairs);
    found.map_or(f64::NAN, |one| one.joules)
}

const NEW: Workload = Workload {
    input_tokens: 1500.0,
    output_tokens: 100.0,
    batch: 1.0,
};

#[test]
fn squared_prompts_are_found_and_predicted() {
    let lengths = [32.0, 128.0, 512.0, 1024.0, 2048.0];
    let predictor = EnergyPredictor::fit(&grid(&lengths, PAIRS), 0.9).unwrap();
    let found = joules_of_pairs(&predictor);
    assert!((found / PAIRS - 1.0).abs() < 0.2, "{found}");
    let predicted = predictor.predict(&NEW).unwrap().energy_j.value;
    let truth = energy(&NEW, PAIRS);
    assert!(
        (predicted / truth - 1.0).abs() < 0.03,
        "{predicted} {truth}"
    );
}

#[test]
fn energies_without_them_or_few_lengths_have_no_such_term() {
    let lengths = [32.0, 128.0, 512.0, 1024.0, 2048.0];
    let without = EnergyPredictor::fit(&grid(&lengths, 0.0), 0.9).unwrap();
    assert_eq!(joules_of_pairs(&without), 0.0);
    let three = EnergyPredictor::fit(&grid(&[32.0, 512.0, 2048.0], PAIRS), 0.9).unwrap();
    assert_eq!(joules_of_pairs(&three), 0.0);
    let near = EnergyPredictor::fit(&grid(&[800.0, 1000.0, 1500.0, 2048.0], PAIRS), 0.9).unwrap();
    assert_eq!(joules_of_pairs(&near), 0.0);
}
