//! Cost of energy.

use serde::{Deserialize, Serialize};

use super::rate::{self, J_PER_KWH};
use crate::error::{Error, Result};
use crate::query::Totals;

/// Maximum number of characters of a currency.
const CURRENCY: usize = 8;

/// Price of energy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Price {
    /// Price per kWh.
    pub per_kwh: f64,
    /// Currency as given.
    pub currency: Option<String>,
}

/// Cost of a run's measured work.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cost {
    /// Price per kWh.
    pub price_per_kwh: f64,
    /// Currency.
    pub currency: Option<String>,
    /// Total cost.
    pub cost: Option<f64>,
    /// Cost per million tokens, prompt and generated.
    pub cost_per_million_tokens: Option<f64>,
}

impl Cost {
    pub(super) fn of(totals: &Totals, price: &Price) -> Self {
        let cost = |joules: f64| joules / J_PER_KWH * price.per_kwh;
        Self {
            price_per_kwh: price.per_kwh,
            currency: price.currency.clone(),
            cost: totals.energy_j.map(cost),
            cost_per_million_tokens: totals.j_per_token.map(|joules| cost(joules * 1e6)),
        }
    }
}

/// Parses a price: `0.30/kWh`, `0.30 EUR/kWh`, `$120/MWh`.
///
/// # Errors
/// If it is invalid; the message shows an example.
pub fn parse_price(text: &str) -> Result<Price> {
    let is_money = |word: &&str| {
        let is_letter = |c: char| !c.is_control() && !c.is_whitespace() && c != '-';
        word.chars().count() <= CURRENCY && word.chars().all(is_letter)
    };
    let rate = rate::parse(text).filter(|rate| rate.words.iter().all(is_money));
    let Some(rate) = rate else {
        return Err(Error::Rate {
            what: "price",
            text: crate::format::shorten(text, 40),
            example: "0.30/kWh or 0.30EUR/kWh",
        });
    };
    let currency = rate.words.into_iter().find(|word| !word.is_empty());
    Ok(Price {
        per_kwh: rate.per_kwh,
        currency: currency.map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_keeps_its_currency() {
        let price = parse_price("0.30 EUR/kWh").unwrap();
        assert_eq!(
            (price.per_kwh, price.currency.as_deref()),
            (0.3, Some("EUR"))
        );
        assert_eq!(parse_price("0.30/kWh").unwrap().currency, None);
        let fault = parse_price("cheap").unwrap_err().to_string();
        assert!(
            fault.contains("cheap") && fault.contains("0.30/kWh"),
            "{fault}"
        );
        assert!(parse_price("0.3 \u{1b}[1m/kWh").is_err());
    }
}
