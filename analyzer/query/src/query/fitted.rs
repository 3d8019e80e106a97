//! Energies of kinds by the method `fitted`, regardless of the attribution shown.
//!
//! The proportional rule divides power by time, so it cannot show that a kind draws more
//! power for the same time. An estimate can, in proportion to its weight.

use std::collections::BTreeMap;

use super::kinds::{GroupBy, shares, with_unestimated_rails};
use super::share::Share;
use super::{Balance, Recording, Run, attributions, balance, rails};
use crate::error::Result;

/// Energies of one run's kinds by the method `fitted`.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedKinds {
    /// Kinds; those that samples cannot distinguish are merged.
    pub shares: Vec<Share>,
    /// Share of the spans' energy that is estimated, 0 to 1; the remainder is proportional.
    pub weight: f64,
}

/// Estimates the kinds of a run on root rails or on the named rail, or returns why they
/// cannot be estimated. The file is not written.
///
/// # Errors
/// If the file cannot be read, or the run has no rail of that name.
pub fn fitted_kinds(
    recording: &Recording,
    run: &Run,
    rail: Option<&str>,
) -> Result<std::result::Result<FittedKinds, String>> {
    let wanted = rails(recording, run, rail)?;
    let balance = balance_on(recording, run, &wanted)?;
    if let Some(weights) = shown_weights(recording, run)? {
        return Ok(Ok(FittedKinds {
            shares: shares(recording, run, rail, GroupBy::Kind, true)?,
            weight: weight(&balance, &weights),
        }));
    }
    match energy_store::estimate_kinds(recording.store(), run.no) {
        Ok(found) => {
            let weights = weights(found.head.as_ref().map(|head| head.diagnostics.as_str()));
            let mut kinds = found.kinds;
            kinds.retain(|row| wanted.contains(&i64::from(row.rail)));
            Ok(Ok(FittedKinds {
                shares: with_unestimated_rails(recording, run, wanted, kinds, &found.groups)?,
                weight: weight(&balance, &weights),
            }))
        }
        Err(energy_store::Error::Input { message, .. }) => Ok(Err(message)),
        Err(error) => Err(error.into()),
    }
}

/// Returns the weight of the shown estimate; 0 if no estimate is shown.
///
/// # Errors
/// Same as [`fitted_kinds`].
pub fn estimated_weight(recording: &Recording, run: &Run, rail: Option<&str>) -> Result<f64> {
    let wanted = rails(recording, run, rail)?;
    let weights = shown_weights(recording, run)?.unwrap_or_default();
    Ok(weight(&balance_on(recording, run, &wanted)?, &weights))
}

fn balance_on(recording: &Recording, run: &Run, rails: &[i64]) -> Result<Vec<Balance>> {
    let mut balance = balance(recording, run)?;
    balance.retain(|rail| rails.contains(&rail.id));
    Ok(balance)
}

/// Returns the weights of the shown attribution, if it is an estimate.
fn shown_weights(recording: &Recording, run: &Run) -> Result<Option<RailWeights>> {
    let mut all = attributions(recording, run)?.into_iter();
    let shown = all.find(|one| one.is_shown && one.method != "proportional");
    Ok(shown.map(|shown| {
        let fits = shown.fits().into_iter();
        fits.filter_map(|fit| Some((fit.rail, fit.weight?)))
            .collect()
    }))
}

/// Weights by rail (`source/name`).
type RailWeights = BTreeMap<String, f64>;

fn weights(diagnostics: Option<&str>) -> RailWeights {
    let value: serde_json::Value = diagnostics
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    let rails = value["rails"].as_array().into_iter().flatten();
    rails
        .filter_map(|rail| Some((rail["rail"].as_str()?.to_owned(), rail["weight"].as_f64()?)))
        .collect()
}

/// Returns the mean weight of rails, weighted by their spans' energy. A rail without an
/// estimate has weight 0.
fn weight(balance: &[Balance], weights: &RailWeights) -> f64 {
    let (mut whole, mut estimated) = (0.0, 0.0);
    for rail in balance {
        let spans_j = rail.spans_j.unwrap_or(0.0).max(0.0);
        let of_rail = weights.get(&rail.qualified());
        whole += spans_j;
        estimated += spans_j * of_rail.copied().unwrap_or(0.0);
    }
    if whole > 0.0 { estimated / whole } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rail(name: &str, spans_j: Option<f64>) -> Balance {
        Balance {
            id: 1,
            rail: name.to_owned(),
            name: name.to_owned(),
            source: "rapl".to_owned(),
            spans_j,
            ..Balance::default()
        }
    }

    #[test]
    fn rail_weights_are_averaged_by_span_energy() {
        let rails = [rail("package", Some(9.0)), rail("dram", Some(1.0))];
        let weights = RailWeights::from([("rapl/package".to_owned(), 1.0)]);
        assert_eq!(weight(&rails, &weights), 0.9);
        assert_eq!(weight(&rails, &RailWeights::new()), 0.0);
        assert_eq!(weight(&[rail("package", None)], &weights), 0.0);
    }
}
