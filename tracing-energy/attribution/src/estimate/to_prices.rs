//! Converts the results of fits into prices.

use std::collections::HashMap;

use serde_json::{Value, json};

use energy_data::rows::{Basis, KindFitRow};

use crate::estimate::fit_input::{SensorInput, SensorRail};
use crate::estimate::observed::{EstimateOptions, EstimatedPrices, ObservedRun};
use crate::fit::{self, FitMethod, RailOutcome, SensorFit};
use crate::prices::{
    ESTIMATE_VERSION, EstimateMetadata, KindEstimate, Prices, RailPrices, SamplePrices,
};

/// Collects the prices and diagnostics of all sources.
pub(crate) struct PriceBuilder<'w> {
    observed: &'w ObservedRun,
    options: &'w EstimateOptions,
    prices: Prices,
    fits: Vec<KindFitRow>,
    rails: Vec<Value>,
    clock_offset_ns: Option<f64>,
}

impl<'w> PriceBuilder<'w> {
    pub(crate) fn new(observed: &'w ObservedRun, options: &'w EstimateOptions) -> Self {
        let names = observed.kinds.kinds.iter().map(|kind| kind.name.clone());
        Self {
            observed,
            options,
            prices: Prices {
                of_node: observed.kinds.of_node.clone(),
                names: std::iter::once(String::new()).chain(names).collect(),
                ..Prices::default()
            },
            fits: Vec::new(),
            rails: Vec::new(),
            clock_offset_ns: None,
        }
    }

    /// Adds the fit of one source.
    pub(crate) fn add(&mut self, sensor: &SensorInput<'_>, fitted: SensorFit) {
        let any_fitted = fitted.rails.iter().any(Result::is_ok);
        if any_fitted && self.clock_offset_ns.is_none() {
            self.clock_offset_ns = Some(fitted.clock_offset_ns);
        }
        for (rail, result) in sensor.rails.iter().zip(&fitted.rails) {
            let name = format!("{}/{}", rail.row.source, rail.row.name);
            match result {
                Ok(fit) => {
                    let batched = self.batched(rail.row.id, &rail.row.name);
                    self.rails.push(diagnostics(&name, &fitted, fit, batched));
                    self.pool(rail, fit);
                    let prices = self.rail_prices(sensor, rail, fit, &fitted);
                    self.prices.rails.insert(rail.row.id, prices);
                }
                Err(refusal) => self.rails.push(json!({
                    "rail": name,
                    "warnings": [format!("proportional shares are shown: {refusal}")],
                })),
            }
        }
    }

    pub(crate) fn finish(mut self) -> EstimatedPrices {
        let method = match self.options.method {
            FitMethod::Fitted => "fitted",
            FitMethod::Calibrated => "calibrated",
        };
        self.prices.metadata = EstimateMetadata {
            method: method.to_owned(),
            version: ESTIMATE_VERSION,
            params: self.params().to_string(),
            clock_offset_ns: self.clock_offset_ns,
            rails: Value::Array(self.rails),
        };
        EstimatedPrices {
            prices: self.prices,
            fits: self.fits,
        }
    }

    /// Returns the warning that readings of a rail came in batches and were merged, if so.
    fn batched(&self, rail: u32, name: &str) -> Option<String> {
        let mut batched = self.observed.batched.iter();
        let found = batched.find(|one| one.rail == rail)?;
        Some(found.message(name))
    }

    fn params(&self) -> Value {
        let options = self.options;
        let kernels = options.kernels.iter();
        let kernels = kernels.map(|(rail, kernel)| (rail.clone(), json!(kernel.to_string())));
        json!({
            "rails": options.rails,
            "kernels": kernels.collect::<serde_json::Map<_, _>>(),
            "clock_offset_ns": options.clock_offset_ns,
            "priors": options.known.len(),
            "pooled": options.pooled.len(),
            "note": options.note,
        })
    }

    fn pool(&mut self, rail: &SensorRail<'_>, fit: &RailOutcome) {
        let Some(pool) = &fit.pool else {
            return;
        };
        let name = |&kind: &u32| self.prices.names.get(kind as usize + 1).cloned();
        self.fits.push(KindFitRow {
            rail: rail.row.id,
            kinds: pool.kinds.iter().filter_map(name).collect(),
            ln_power: pool.ln_power.clone(),
            covariance: pool.covariance.clone(),
        });
    }

    fn rail_prices(
        &self,
        sensor: &SensorInput<'_>,
        rail: &SensorRail<'_>,
        fit: &RailOutcome,
        fitted: &SensorFit,
    ) -> RailPrices {
        let clock_offset_ns = fitted.clock_offset_ns.round() as i64;
        let unattributed = sensor.unattributed();
        let mut samples = HashMap::with_capacity(fit.windows.len());
        let energies = sensor.energies(rail, fit, fitted.clock_offset_ns);
        for (at, mut kinds) in energies.into_iter().enumerate() {
            if !fit.windows[at].used {
                continue;
            }
            let non_program = rail.non_program[at];
            let unattributed_at = kinds.iter().position(|&(kind, _)| kind == unattributed);
            let unattributed_j = unattributed_at.map_or(0.0, |at| kinds.swap_remove(at).1);
            kinds.iter_mut().for_each(|(kind, _)| *kind += 1);
            kinds.sort_unstable_by_key(|&(kind, _)| kind);
            let prices = SamplePrices {
                idle_j: Some(fit.windows[at].idle_j),
                unattributed_j: non_program.map(|_| unattributed_j),
                other_processes_j: non_program.and_then(|f| f.other_processes_j),
                profiler_j: non_program.and_then(|f| f.profiler_j),
                unknown_j: non_program.and_then(|f| f.unknown_j),
                kinds,
            };
            samples.insert(rail.input.windows[at].start_ns, prices);
        }
        let kinds = fit.kinds.iter().take(self.observed.kinds.kinds.len());
        RailPrices {
            clock_offset_ns,
            clock_sd_ns: fitted.clock_offset_sd_ns,
            samples,
            kinds: std::iter::once(None)
                .chain(kinds.map(|kind| self.kind(fit, kind)))
                .collect(),
            groups: fit
                .groups
                .iter()
                .map(|group| relative(group.energy_j, group.lo_j, group.hi_j))
                .collect(),
        }
    }

    fn kind(&self, fit: &RailOutcome, kind: &fit::KindFit) -> Option<KindEstimate> {
        let group = kind.group?;
        let is_single = fit.groups.get(group as usize)?.kinds.len() < 2;
        let basis = match kind.basis {
            fit::FitBasis::Measured | fit::FitBasis::Pooled => match self.options.method {
                FitMethod::Fitted => Basis::Fitted,
                FitMethod::Calibrated => Basis::Calibrated,
            },
            fit::FitBasis::Calibrated => Basis::Calibrated,
            fit::FitBasis::Grouped => Basis::Grouped,
            fit::FitBasis::Assumed => Basis::Proportional,
        };
        Some(KindEstimate {
            interval: relative(kind.energy_j, kind.lo_j, kind.hi_j),
            extrapolated_j: kind.extrapolated_j,
            power_w: kind.power_w,
            basis,
            grouping: (!is_single).then_some(group + 1),
        })
    }
}

fn relative(energy_j: f64, lo_j: f64, hi_j: f64) -> Option<(f64, f64)> {
    (energy_j > 0.0).then(|| (lo_j / energy_j, hi_j / energy_j))
}

fn diagnostics(
    name: &str,
    fitted: &SensorFit,
    fit: &RailOutcome,
    batched: Option<String>,
) -> Value {
    let warnings = fit.warnings.iter().map(ToString::to_string);
    let warnings: Vec<String> = batched.into_iter().chain(warnings).collect();
    json!({
        "rail": name,
        "clock_offset_ms": fitted.clock_offset_ns / 1e6,
        "clock_offset_sd_ms": fitted.clock_offset_sd_ns / 1e6,
        "weight": fit.weight,
        "alpha": fit.alpha,
        "t": fit.t,
        "gain": fit.gain,
        "tau": fit.tau,
        "sigma": fit.sigma,
        "df": fit.df,
        "r2": fit.r2,
        "condition": fit.condition,
        "idle_w": fit.idle_w,
        "groups": fit.groups.len(),
        "warnings": warnings,
    })
}
