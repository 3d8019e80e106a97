//! Error rates and power of `energy compare`: tables for docs/comparing.md, from simulated runs
//! whose true difference is known.
//!
//!     cargo run --release -p energy-analyzer --no-default-features \
//!         --example compare_power -- --trials 1000

#![allow(clippy::print_stdout)]

mod campaign;

use campaign::{Campaign, RecordingOrder};
use clap::Parser;
use energy_analyzer::compare::stats::ComparisonOptions;

/// Simulates comparisons whose true outcome is known.
#[derive(Debug, Parser)]
struct ComparePowerArgs {
    /// Number of comparisons for each table cell
    #[arg(long, default_value_t = 1000)]
    trials: u32,
    /// Seed of the random number generator
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

const EQUAL_SIDES: Campaign = Campaign {
    layout: RecordingOrder::Interleaved,
    runs: 3,
    noise: 0.03,
    drift: 0.0,
    stragglers: false,
    effect: 0.0,
};
const LAYOUTS: [(RecordingOrder, &str); 2] = [
    (RecordingOrder::Interleaved, "interleaved"),
    (RecordingOrder::SeparateSessions, "separate"),
];
const NOISES: [f64; 3] = [0.03, 0.045, 0.06];
const DRIFTS: [f64; 3] = [0.0, 0.01, 0.02];
const EFFECTS: [f64; 4] = [0.02, 0.05, 0.10, 0.20];
const RUNS: [usize; 5] = [3, 5, 7, 10, 20];
/// A node of a tenth of the energy, and others like the operations of a decoder.
const SHARES: [f64; 12] = [
    0.10, 0.22, 0.17, 0.12, 0.09, 0.08, 0.06, 0.05, 0.04, 0.03, 0.02, 0.02,
];

fn main() {
    let arguments = ComparePowerArgs::parse();
    println!(
        "{} comparisons per cell, seed {}",
        arguments.trials, arguments.seed
    );
    equal_sides(&arguments);
    different_sides(&arguments);
    one_different_node(&arguments);
}

fn percent(part: f64) -> String {
    format!("{:.1} %", part * 100.0)
}

/// Prints a row of a Markdown table.
fn row(cells: impl IntoIterator<Item = String>) {
    let cells: Vec<String> = cells.into_iter().collect();
    println!("| {} |", cells.join(" | "));
}

fn equal_sides(arguments: &ComparePowerArgs) {
    println!("\nSides that do not differ: judged better or worse\n");
    row(["recorded", "n", "noise"]
        .map(str::to_owned)
        .into_iter()
        .chain(
            DRIFTS
                .map(|drift| format!("drift {}", percent(drift)))
                .into_iter()
                .chain(["2.0 % and stragglers".to_owned()]),
        ));
    row(vec!["---".to_owned(); 4 + DRIFTS.len()]);
    let (mut sum, mut cells) = (0.0, 0.0);
    for (layout, name) in LAYOUTS {
        for runs in [3, 5] {
            for noise in NOISES {
                let scenario = |drift, stragglers| Campaign {
                    layout,
                    runs,
                    noise,
                    drift,
                    stragglers,
                    ..EQUAL_SIDES
                };
                let rates: Vec<f64> = DRIFTS
                    .map(|drift| scenario(drift, false))
                    .into_iter()
                    .chain([scenario(0.02, true)])
                    .map(|one| {
                        one.totals(
                            &ComparisonOptions::default(),
                            arguments.trials,
                            arguments.seed,
                        )
                        .either()
                    })
                    .collect();
                sum += rates.iter().sum::<f64>();
                cells += rates.len() as f64;
                let head = [name.to_owned(), runs.to_string(), percent(noise)];
                row(head.into_iter().chain(rates.into_iter().map(percent)));
            }
        }
    }
    println!("\nAll cells: {}", percent(sum / cells));
}

fn different_sides(arguments: &ComparePowerArgs) {
    println!("\nThe other side needs more: judged worse (drift 1 %)\n");
    let effects = EFFECTS.map(|effect| format!("+{}", percent(effect)));
    row(["recorded", "noise", "n"]
        .map(str::to_owned)
        .into_iter()
        .chain(effects));
    row(vec!["---".to_owned(); 3 + EFFECTS.len()]);
    for (layout, name) in LAYOUTS {
        for noise in [0.03, 0.06] {
            for runs in RUNS {
                let found = EFFECTS.map(|effect| {
                    let scenario = Campaign {
                        layout,
                        runs,
                        noise,
                        effect,
                        drift: 0.01,
                        ..EQUAL_SIDES
                    };
                    percent(
                        scenario
                            .totals(
                                &ComparisonOptions::default(),
                                arguments.trials,
                                arguments.seed,
                            )
                            .worse,
                    )
                });
                let head = [name.to_owned(), percent(noise), runs.to_string()];
                row(head.into_iter().chain(found));
            }
        }
    }
}

fn one_different_node(arguments: &ComparePowerArgs) {
    println!(
        "\nOne of {} nodes, a tenth of the energy, needs more (noise 3 %, drift 1 %)\n",
        SHARES.len()
    );
    row([
        "recorded",
        "n",
        "it needs",
        "it is judged worse",
        "another is judged different",
    ]
    .map(str::to_owned));
    row(vec!["---".to_owned(); 5]);
    for (layout, name) in LAYOUTS {
        for runs in [3, 5, 10] {
            for effect in [0.0, 0.10, 0.20] {
                let scenario = Campaign {
                    layout,
                    runs,
                    effect,
                    drift: 0.01,
                    ..EQUAL_SIDES
                };
                let [caught, falsely] = scenario.nodes(
                    &SHARES,
                    &ComparisonOptions::default(),
                    arguments.trials,
                    arguments.seed,
                );
                row([
                    name.to_owned(),
                    runs.to_string(),
                    format!("+{}", percent(effect)),
                    percent(caught),
                    percent(falsely),
                ]);
            }
        }
    }
}
