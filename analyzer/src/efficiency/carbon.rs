//! What an energy emits.
//!
//! Factors of places are averages over a year and a grid, from the file beside this
//! one. A grid's mix changes by the hour and the factor with what is counted (burning
//! alone, or building and mining as well), so that each is shown with its year and its
//! source.

use serde::{Deserialize, Serialize};

use super::{J_PER_KWH, rate};
use crate::error::{Error, Result};
use crate::query::Totals;

const REGIONS: &str = include_str!("regions.csv");

/// Grams of CO2 for a kilowatt hour, and who says so.
#[derive(Debug, Clone, PartialEq)]
pub struct Factor {
    /// The factor.
    pub g_per_kwh: f64,
    /// The place whose factor it is; none where it was given as a number.
    pub region: Option<Region>,
}

/// A place in the file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Region {
    /// Short name.
    pub region: String,
    /// Name.
    pub name: String,
    /// Its factor.
    pub g_per_kwh: f64,
    /// Of which year.
    pub year: u16,
    /// Who published it.
    pub source: String,
}

/// What a run's measured work emitted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Carbon {
    /// The factor.
    pub g_per_kwh: f64,
    /// The place whose factor it is.
    pub region: Option<String>,
    /// Of which year.
    pub year: Option<u16>,
    /// Who published it; none where it was given as a number.
    pub source: Option<String>,
    /// The whole of it, in grams of CO2.
    pub co2_g: Option<f64>,
    /// Of a million tokens, read and sampled as in this run.
    pub co2_g_per_million_tokens: Option<f64>,
}

impl Carbon {
    pub(super) fn of(totals: &Totals, factor: &Factor) -> Self {
        let grams = |joules: f64| joules / J_PER_KWH * factor.g_per_kwh;
        let region = factor.region.as_ref();
        Self {
            g_per_kwh: factor.g_per_kwh,
            region: region.map(|region| region.name.clone()),
            year: region.map(|region| region.year),
            source: region.map(|region| region.source.clone()),
            co2_g: totals.energy_j.map(grams),
            co2_g_per_million_tokens: totals.j_per_token.map(|joules| grams(joules * 1e6)),
        }
    }
}

/// A factor as it is written: `400g/kWh`, `0.4 kg/kWh`, `400 gCO2/kWh`.
///
/// # Errors
/// When it is none; the message shows one.
pub fn parse_factor(text: &str) -> Result<Factor> {
    let factor = rate::parse(text).and_then(|rate| {
        let [before, unit] = rate.words;
        let unit = unit.to_ascii_lowercase();
        let unit = unit
            .trim_end_matches('e')
            .trim_end_matches("co2")
            .trim_end();
        let grams = match unit {
            "g" => 1.0,
            "kg" => 1e3,
            _ => return None,
        };
        before.is_empty().then_some(Factor {
            g_per_kwh: rate.per_kwh * grams,
            region: None,
        })
    });
    factor.ok_or_else(|| Error::Rate {
        what: "CO2 factor",
        text: crate::format::shorten(text, 40),
        example: "400g/kWh or 0.4kg/kWh",
    })
}

/// The factor of a place, by its short name or its name.
///
/// # Errors
/// When the place is not in the file; the message lists those that are.
pub fn parse_region(text: &str) -> Result<Factor> {
    let regions = regions();
    let is_it = |region: &&Region| {
        let names = [&region.region, &region.name];
        names.iter().any(|name| name.eq_ignore_ascii_case(text))
    };
    if let Some(region) = regions.iter().find(is_it) {
        return Ok(Factor {
            g_per_kwh: region.g_per_kwh,
            region: Some(region.clone()),
        });
    }
    let known: Vec<&str> = regions.iter().map(|one| one.region.as_str()).collect();
    Err(Error::Unknown {
        what: "region",
        name: crate::format::shorten(text, 40),
        known: format!("{}; or give a factor: --co2 400g/kWh", known.join(", ")),
    })
}

/// All places; a line that cannot be read is none, which a test would notice.
fn regions() -> Vec<Region> {
    let mut reader = csv::Reader::from_reader(REGIONS.as_bytes());
    reader
        .deserialize()
        .filter_map(|region| region.ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_has_a_factor_a_year_and_a_source() {
        let regions = regions();
        assert_eq!(regions.len(), REGIONS.lines().count() - 1);
        for region in &regions {
            assert!((1.0..1500.0).contains(&region.g_per_kwh), "{region:?}");
            assert!(
                region.year > 2015 && !region.source.is_empty(),
                "{region:?}"
            );
            let again = parse_region(&region.name.to_uppercase()).unwrap();
            assert_eq!(again.region.as_ref(), Some(region));
        }
    }

    #[test]
    fn factors_are_read_and_places_that_nobody_knows_are_told() {
        let grams = |text| parse_factor(text).map(|factor| factor.g_per_kwh).ok();
        assert_eq!(grams("400g/kWh"), Some(400.0));
        assert_eq!(grams("0.4 kg CO2e/kWh"), Some(400.0));
        assert_eq!(grams("400 gCO2/kWh"), Some(400.0));
        assert_eq!(grams("400 t/kWh"), None);
        assert_eq!(grams("400/kWh"), None);
        let fault = parse_region("atlantis").unwrap_err().to_string();
        assert!(
            fault.contains("atlantis") && fault.contains("de, dk"),
            "{fault}"
        );
    }
}
