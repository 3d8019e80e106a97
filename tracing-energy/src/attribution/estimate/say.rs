//! What the fit said, as prices.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::rows::{Basis, KindFitRow};

use super::super::fit::{self, Method, RailFit, SensorFit};
use super::super::prices::{Head, KindEstimate, Prices, RailPrices, SamplePrices};
use super::gather::{Sensor, SensorRail};
use super::{Estimate, VERSION, Watched, Wishes};

/// Collects what was found.
pub(super) struct Found<'w> {
    watched: &'w Watched,
    wishes: &'w Wishes,
    prices: Prices,
    fits: Vec<KindFitRow>,
    rails: Vec<Value>,
    offset_ms: Option<f64>,
}

impl<'w> Found<'w> {
    pub(super) fn new(watched: &'w Watched, wishes: &'w Wishes) -> Self {
        let names = watched.kinds.kinds.iter().map(|kind| kind.name.clone());
        Self {
            watched,
            wishes,
            prices: Prices {
                of_node: watched.kinds.of_node.clone(),
                names: std::iter::once(String::new()).chain(names).collect(),
                ..Prices::default()
            },
            fits: Vec::new(),
            rails: Vec::new(),
            offset_ms: None,
        }
    }

    /// Adds the fit of one source.
    pub(super) fn add(&mut self, sensor: &Sensor<'_>, fitted: SensorFit) {
        let some = fitted.rails.iter().any(Result::is_ok);
        if some && self.offset_ms.is_none() {
            self.offset_ms = Some(fitted.offset_ns / 1e6);
        }
        for (rail, result) in sensor.rails.iter().zip(&fitted.rails) {
            let name = format!("{}/{}", rail.row.source, rail.row.name);
            match result {
                Ok(fit) => {
                    let batched = self.batched(rail.row.id, &rail.row.name);
                    self.rails.push(diagnostics(&name, &fitted, fit, batched));
                    self.pool(rail, fit);
                    let prices = self.prices_of(sensor, rail, fit, &fitted);
                    self.prices.rails.insert(rail.row.id, prices);
                }
                Err(refusal) => self.rails.push(json!({
                    "rail": name,
                    "warnings": [format!("proportional shares are shown: {refusal}")],
                })),
            }
        }
    }

    pub(super) fn done(mut self) -> Estimate {
        let method = match self.wishes.method {
            Method::Fitted => "fitted",
            Method::Calibrated => "calibrated",
        };
        self.prices.head = Head {
            method: method.to_owned(),
            version: VERSION,
            params: self.params().to_string(),
            offset_ms: self.offset_ms,
            rails: Value::Array(self.rails),
        };
        Estimate {
            prices: self.prices,
            fits: self.fits,
        }
    }

    /// Why the windows of a rail are longer than its readings.
    fn batched(&self, rail: u32, name: &str) -> Option<String> {
        let mut batched = self.watched.batched.iter();
        let found = batched.find(|one| one.rail == rail)?;
        Some(found.message(name))
    }

    fn params(&self) -> Value {
        let wishes = self.wishes;
        let kernels = wishes.kernels.iter();
        let kernels = kernels.map(|(rail, kernel)| (rail.clone(), json!(kernel.to_string())));
        json!({
            "rails": wishes.rails,
            "kernels": kernels.collect::<serde_json::Map<_, _>>(),
            "offset_ns": wishes.offset_ns,
            "priors": wishes.known.len(),
            "pooled": wishes.pooled.len(),
            "note": wishes.note,
        })
    }

    fn pool(&mut self, rail: &SensorRail<'_>, fit: &RailFit) {
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

    fn prices_of(
        &self,
        sensor: &Sensor<'_>,
        rail: &SensorRail<'_>,
        fit: &RailFit,
        fitted: &SensorFit,
    ) -> RailPrices {
        let late_ns = fitted.offset_ns.round() as i64;
        let outside = sensor.outside();
        let mut samples = HashMap::with_capacity(fit.windows.len());
        let energies = sensor.energies(rail, fit, fitted.offset_ns);
        for (at, mut kinds) in energies.into_iter().enumerate() {
            if !fit.windows[at].used {
                continue;
            }
            let foreign = rail.foreign[at];
            let beyond = kinds.iter().position(|&(kind, _)| kind == outside);
            let outside_j = beyond.map_or(0.0, |at| kinds.swap_remove(at).1);
            kinds.iter_mut().for_each(|(kind, _)| *kind += 1);
            kinds.sort_unstable_by_key(|&(kind, _)| kind);
            let prices = SamplePrices {
                idle_j: Some(fit.windows[at].idle_j),
                outside_j: foreign.map(|_| outside_j),
                others_j: foreign.and_then(|f| f.others_j),
                profiler_j: foreign.and_then(|f| f.profiler_j),
                unknown_j: foreign.and_then(|f| f.unknown_j),
                kinds,
            };
            samples.insert(rail.input.windows[at].start_ns, prices);
        }
        let kinds = fit.kinds.iter().take(self.watched.kinds.kinds.len());
        RailPrices {
            late_ns,
            clock_sd_ns: fitted.offset_sd_ns,
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

    fn kind(&self, fit: &RailFit, kind: &fit::KindFit) -> Option<KindEstimate> {
        let group = kind.group?;
        let alone = fit.groups.get(group as usize)?.kinds.len() < 2;
        let basis = match kind.basis {
            fit::Basis::Measured | fit::Basis::Pooled => match self.wishes.method {
                Method::Fitted => Basis::Fitted,
                Method::Calibrated => Basis::Calibrated,
            },
            fit::Basis::Calibrated => Basis::Calibrated,
            fit::Basis::Grouped => Basis::Grouped,
            fit::Basis::Assumed => Basis::Proportional,
        };
        Some(KindEstimate {
            interval: relative(kind.energy_j, kind.lo_j, kind.hi_j),
            extrapolated_j: kind.extrapolated_j,
            power_w: kind.power_w,
            basis,
            grouping: (!alone).then_some(group + 1),
        })
    }
}

fn relative(energy_j: f64, lo_j: f64, hi_j: f64) -> Option<(f64, f64)> {
    (energy_j > 0.0).then(|| (lo_j / energy_j, hi_j / energy_j))
}

fn diagnostics(name: &str, fitted: &SensorFit, fit: &RailFit, batched: Option<String>) -> Value {
    let warnings = fit.warnings.iter().map(ToString::to_string);
    let warnings: Vec<String> = batched.into_iter().chain(warnings).collect();
    json!({
        "rail": name,
        "offset_ms": fitted.offset_ns / 1e6,
        "offset_sd_ms": fitted.offset_sd_ns / 1e6,
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
