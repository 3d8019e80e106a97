//! How far does a joule go, and what do joules cost?

mod carbon;
mod cost;
mod rate;

pub use carbon::{Carbon, Factor, parse_factor, parse_region};
pub use cost::{Cost, Price, parse_price};

use serde::Serialize;
use serde_json::Value;

use crate::query::{RailPower, Run, Totals};

/// Joules in a kilowatt hour.
const J_PER_KWH: f64 = 3.6e6;

/// What an energy is worth, if anything is asked for. Nothing is supposed: a price and
/// a factor differ from place to place.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rates {
    /// What a kilowatt hour costs.
    pub price: Option<Price>,
    /// What a kilowatt hour emits.
    pub factor: Option<Factor>,
}

/// Figures that relate a run's energy to its work; those of tokens and seconds are in
/// [`Totals`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Efficiency {
    /// Energy of a token sampled over that of a token read.
    pub output_over_input: Option<f64>,
    /// Weights of the model.
    pub parameters: Option<u64>,
    /// Weights that one token passes, where not all are used for each.
    pub active_parameters: Option<u64>,
    /// Energy of the measured work over millions of weights.
    pub j_per_million_parameters: Option<f64>,
    /// Over millions of active weights.
    pub j_per_million_active_parameters: Option<f64>,
    /// Energy x time of a token sampled, on average.
    pub energy_delay_per_token_js: Option<f64>,
    /// Idle part of the energy.
    pub idle_share: Option<f64>,
    /// The rest of it.
    pub active_share: Option<f64>,
    /// Mean and highest power of each rail over the whole recording.
    pub rails: Vec<RailPower>,
    /// What it cost; none unless a price is given.
    pub cost: Option<Cost>,
    /// What it emitted; none unless a factor is given.
    pub carbon: Option<Carbon>,
}

impl Efficiency {
    /// Of a run whose measured work has these totals.
    pub fn of(run: &Run, totals: &Totals, rails: Vec<RailPower>, rates: &Rates) -> Self {
        let config = run.row.metadata.config.as_deref();
        let config: Value = config
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default();
        let weights = |key: &str| config[key].as_u64().filter(|weights| *weights > 0);
        let (parameters, active) = (weights("parameters"), weights("active_parameters"));
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
                .map(|idle| beside_active(idle, active_share)),
            active_share,
            rails,
            cost: rates.price.as_ref().map(|price| Cost::of(totals, price)),
            carbon: rates
                .factor
                .as_ref()
                .map(|factor| Carbon::of(totals, factor)),
        }
    }
}

/// The idle share, which with the active one is no more than all: rails that rest may lie
/// below their idle power by noise.
fn beside_active(idle: f64, active: Option<f64>) -> f64 {
    let active = active.unwrap_or(0.0);
    match idle + active > 1.0 + 1e-9 {
        true => 1.0 - active,
        false => idle,
    }
}

/// Nothing where there is nothing to divide by.
fn ratio(part: Option<f64>, whole: Option<f64>) -> Option<f64> {
    Some(part? / whole.filter(|whole| *whole != 0.0)?)
}
