//! Prints how often the intervals of experiments contain the truth, on simulated sweeps with a known
//! truth, as Markdown tables:
//!
//! ```sh
//! cargo run --release -p energy-statistics --example simulated_sweeps -- --simulations 2000
//! ```
//!
//! `--seed N` simulates other sweeps than those of the documentation.
#![allow(clippy::print_stdout)]

mod drift;
mod exponent;
mod noise;
mod prediction;
mod saturation;
mod selection;
mod tally;
mod unseen_models;

use std::error::Error;

/// Simulated sweeps and their seed.
struct Arguments {
    simulations: usize,
    seed: u64,
}

impl Arguments {
    fn read() -> Result<Self, Box<dyn Error>> {
        let mut read = Self {
            simulations: 2000,
            seed: 1,
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let number = words.next().ok_or(format!("{word} needs a number"))?;
            match word.as_str() {
                "--simulations" => read.simulations = number.parse()?,
                "--seed" => read.seed = number.parse()?,
                _ => {
                    return Err(
                        format!("unknown option {word}: give --simulations or --seed").into(),
                    );
                }
            }
        }
        Ok(read)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { simulations, seed } = Arguments::read()?;
    println!("{simulations} simulations a row, seed {seed}.\n");
    exponent::print(simulations, seed);
    prediction::print(simulations, seed);
    unseen_models::print(simulations, seed);
    saturation::print(simulations, seed);
    selection::print(simulations, seed);
    drift::print(simulations, seed);
    Ok(())
}
