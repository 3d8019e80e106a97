//! CO2 emissions of energy.
//!
//! Factors of regions are yearly averages of a grid, from `regions.csv`. A grid's mix changes
//! hourly, and factors depend on what they include (combustion only, or also construction
//! and mining), so each is shown with its year and source.

use serde::{Deserialize, Serialize};

use super::rate::{self, J_PER_KWH};
use crate::error::{Error, Result};
use crate::query::Totals;

const REGIONS: &str = include_str!("regions.csv");

/// Emission factor and its region.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Factor {
    /// Grams of CO2 per kWh.
    pub g_per_kwh: f64,
    /// Region of the factor; `None` if it was given as a number.
    pub region: Option<Region>,
}

/// A region in the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Region {
    /// Short name.
    pub region: String,
    /// Name.
    pub name: String,
    /// Grams of CO2 per kWh.
    pub g_per_kwh: f64,
    /// Year.
    pub year: u16,
    /// Publisher.
    pub source: String,
}

/// Emissions of a run's measured work.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Carbon {
    /// Grams of CO2 per kWh.
    pub g_per_kwh: f64,
    /// Region of the factor.
    pub region: Option<String>,
    /// Year of the factor.
    pub year: Option<u16>,
    /// Publisher of the factor; `None` if it was given as a number.
    pub source: Option<String>,
    /// Total in grams of CO2.
    pub co2_g: Option<f64>,
    /// Grams of CO2 per million tokens, prompt and generated.
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

/// Parses a factor: `400g/kWh`, `0.4 kg/kWh`, `400 gCO2/kWh`.
///
/// # Errors
/// If it is invalid; the message shows an example.
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

/// Returns the factor of a region, by its short or full name.
///
/// # Errors
/// If the region is unknown; the message lists all regions.
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

/// Reads all regions. Invalid lines are skipped; a test ensures that there are none.
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
    fn every_region_has_a_factor_a_year_and_a_source() {
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
    fn factors_are_parsed_and_unknown_regions_are_rejected() {
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
