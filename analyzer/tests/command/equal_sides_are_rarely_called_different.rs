//! The rate of false verdicts on simulated runs without a true difference, and the
//! verdicts on runs with one. Seeds are fixed; the example `compare_power` prints whole
//! tables.

#[path = "../../examples/compare_power/campaign.rs"]
mod campaign;

use campaign::{Campaign, RecordingOrder};
use energy_analyzer::compare::stats::ComparisonOptions;

const TRIALS: u32 = 1000;

fn scenario(layout: RecordingOrder, runs: usize, noise: f64, drift: f64) -> Campaign {
    Campaign {
        layout,
        runs,
        noise,
        drift,
        stragglers: false,
        effect: 0.0,
    }
}

#[test]
fn equal_sides_get_no_verdict_of_a_difference() {
    let (mut sum, mut cells) = (0.0, 0.0);
    for layout in [
        RecordingOrder::Interleaved,
        RecordingOrder::SeparateSessions,
    ] {
        for runs in [3, 5] {
            for (noise, drift) in [(0.03, 0.02), (0.03, 0.01), (0.06, 0.02), (0.06, 0.0)] {
                let scenario = scenario(layout, runs, noise, drift);
                let rate = scenario
                    .totals(&ComparisonOptions::default(), TRIALS, 7)
                    .either();
                // Twice the standard error of a rate of 5 % in 1000 trials above it.
                assert!(rate <= 0.064, "{scenario:?}: {rate}");
                sum += rate;
                cells += 1.0;
            }
        }
    }
    assert!(sum / cells <= 0.05, "{}", sum / cells);
}

#[test]
fn without_a_session_term_sides_recorded_apart_would_be_called_different() {
    let apart = scenario(RecordingOrder::SeparateSessions, 5, 0.03, 0.02);
    let blind = ComparisonOptions {
        session_sd: 0.0,
        ..ComparisonOptions::default()
    };
    let rate = apart.totals(&blind, TRIALS, 7).either();
    assert!(rate > 0.10, "{rate}");
    let in_turns = scenario(RecordingOrder::Interleaved, 5, 0.03, 0.02);
    assert_eq!(
        in_turns.totals(&blind, TRIALS, 7),
        in_turns.totals(&ComparisonOptions::default(), TRIALS, 7)
    );
}

#[test]
fn a_difference_is_found_with_its_direction() {
    let worse = Campaign {
        effect: 0.10,
        stragglers: true,
        ..scenario(RecordingOrder::Interleaved, 5, 0.03, 0.01)
    };
    let verdicts = worse.totals(&ComparisonOptions::default(), TRIALS, 7);
    assert!(
        verdicts.worse > 0.8 && verdicts.better == 0.0,
        "{verdicts:?}"
    );
    let better = Campaign {
        effect: -0.10,
        ..worse
    };
    let verdicts = better.totals(&ComparisonOptions::default(), TRIALS, 7);
    assert!(
        verdicts.better > 0.8 && verdicts.worse == 0.0,
        "{verdicts:?}"
    );
}

#[test]
fn only_the_node_that_differs_is_found() {
    let shares = [0.10, 0.30, 0.20, 0.15, 0.10, 0.05, 0.05, 0.05];
    let node = |effect| Campaign {
        effect,
        ..scenario(RecordingOrder::Interleaved, 5, 0.03, 0.01)
    };
    let options = ComparisonOptions::default();
    let [caught, falsely] = node(0.20).nodes(&shares, &options, TRIALS, 7);
    assert!(caught >= 0.95 && falsely <= 0.08, "{caught} {falsely}");
    let [caught, falsely] = node(0.0).nodes(&shares, &options, TRIALS, 7);
    assert!(caught + falsely <= 0.05, "{caught} {falsely}");
}
