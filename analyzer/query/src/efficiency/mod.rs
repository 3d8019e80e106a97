//! Efficiency, cost and emissions of a run.

mod carbon;
mod cost;
mod rate;
mod stored_rates;

pub use carbon::{Carbon, Factor, parse_factor, parse_region};
pub use cost::{Cost, Price, parse_price};

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::query::{RailPower, Run, StoredConfig, Totals};

/// Price and emission factor, if given. There are no defaults because they depend on the
/// region.
#[derive(Debug, Clone, Default, PartialEq, Args, Serialize, Deserialize)]
pub struct Rates {
    /// Price of electricity, e.g. 0.30/kWh, 0.30EUR/kWh [default: that of the run, if it has one]
    #[arg(long, value_name = "PRICE", value_parser = parse_price)]
    #[serde(default)]
    pub price: Option<Price>,
    /// Emission factor of electricity, e.g. 400g/kWh [default: that of the run, if it has one]
    #[arg(long, value_name = "FACTOR", value_parser = parse_factor,
          conflicts_with = "region")]
    #[serde(default)]
    pub co2: Option<Factor>,
    /// Region of the emission factor: de, eu, us, us-ca, ... (an unknown name lists all)
    #[arg(long, value_name = "REGION", value_parser = parse_region)]
    #[serde(default)]
    pub region: Option<Factor>,
}

impl Rates {
    /// Returns the emission factor, if one or a region is given.
    pub fn factor(&self) -> Option<&Factor> {
        self.co2.as_ref().or(self.region.as_ref())
    }
}

/// Energy of a run relative to its work. Values per token and second are in [`Totals`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Efficiency {
    /// Energy per generated token over energy per prompt token.
    pub output_over_input: Option<f64>,
    /// Number of parameters of the model.
    pub parameters: Option<u64>,
    /// Number of parameters used per token, if not all are.
    pub active_parameters: Option<u64>,
    /// Energy of the measured work per million parameters.
    pub j_per_million_parameters: Option<f64>,
    /// Energy of the measured work per million active parameters.
    pub j_per_million_active_parameters: Option<f64>,
    /// Mean energy-delay product per generated token.
    pub energy_delay_per_token_js: Option<f64>,
    /// Idle share of the energy.
    pub idle_share: Option<f64>,
    /// Active share of the energy.
    pub active_share: Option<f64>,
    /// Mean and peak power of each rail over the whole recording.
    pub rails: Vec<RailPower>,
    /// Cost, if a price is given.
    pub cost: Option<Cost>,
    /// Emissions, if a factor is given.
    pub carbon: Option<Carbon>,
}

impl Efficiency {
    /// Computes the efficiency of a run from its totals.
    pub fn of(run: &Run, totals: &Totals, rails: Vec<RailPower>, rates: &Rates) -> Self {
        let config = StoredConfig::of(&run.row.metadata);
        let parameters = config.parameters.filter(|weights| *weights > 0);
        let active = config.active_parameters.filter(|weights| *weights > 0);
        let per_million = |weights: Option<u64>| {
            weights
                .zip(totals.energy_j)
                .map(|(weights, joules)| joules * 1e6 / weights as f64)
        };
        let per_token_s = totals.tokens_per_s.filter(|speed| *speed > 0.0);
        let active_share = ratio(totals.active_j, totals.energy_j);
        Self {
            output_over_input: ratio(totals.j_per_output_token, totals.j_per_input_token),
            parameters,
            active_parameters: active,
            j_per_million_parameters: per_million(parameters),
            j_per_million_active_parameters: per_million(active),
            energy_delay_per_token_js: ratio(totals.j_per_output_token, per_token_s),
            idle_share: ratio(totals.idle_j, totals.energy_j)
                .map(|idle| limit_idle_share(idle, active_share)),
            active_share,
            rails,
            cost: rates.price.as_ref().map(|price| Cost::of(totals, price)),
            carbon: rates.factor().map(|factor| Carbon::of(totals, factor)),
        }
    }
}

/// Limits the idle share, so that both shares sum to at most 1. Noise may put idle rails
/// below their idle power.
fn limit_idle_share(idle: f64, active: Option<f64>) -> f64 {
    let active = active.unwrap_or(0.0);
    match idle + active > 1.0 + 1e-9 {
        true => 1.0 - active,
        false => idle,
    }
}

/// Divides, or returns `None` if the divisor is 0 or unknown.
fn ratio(part: Option<f64>, whole: Option<f64>) -> Option<f64> {
    Some(part? / whole.filter(|whole| *whole != 0.0)?)
}
