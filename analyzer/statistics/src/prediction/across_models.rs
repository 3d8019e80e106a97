//! Predictions for a model that was not measured, from models of other sizes.

use serde::Serialize;

use super::fit::{FittedModel, fit};
use super::leave_one_out::LeaveOneOut;
use super::normal_equations::RowSpace;
use super::ranges::{InputRange, InputRanges};
use super::result::Prediction;
use super::workload::{MeanEnergy, MeasuredWorkload, Workload, mean_energies};
use crate::configuration::Configuration;
use crate::estimate::IntervalEstimate;
use crate::moments::mean;
use crate::not_estimable::NotEstimable;
use crate::power_law::{PowerLaw, power_law};
use crate::student::quantile_of_two_tails;

/// A model and its measured workloads.
#[derive(Debug, Clone, PartialEq)]
pub struct MeasuredModel {
    /// Its name.
    pub name: String,
    /// Number of parameters.
    pub parameters: f64,
    /// Its workloads.
    pub configurations: Vec<MeasuredWorkload>,
}

/// Energies of models of several sizes: a factor for each model, which follows a power law of the
/// parameters, times the energy model of workloads, which all models share.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelScaling {
    /// Power law of the factors of models.
    pub law: PowerLaw,
    /// Standard deviation of workloads about the energy model, as a logarithm.
    pub workload_sd_ln: f64,
    /// Number of workloads that all models ran.
    pub common_workloads: usize,
    #[serde(skip)]
    shape: FittedModel,
    #[serde(skip)]
    space: RowSpace,
    #[serde(skip)]
    workload_df: f64,
    #[serde(skip)]
    parameter_range: InputRange,
    #[serde(skip)]
    ranges: InputRanges,
    #[serde(skip)]
    models: Vec<ModelEnergies>,
}

/// A model and its mean energies.
#[derive(Debug, Clone, PartialEq)]
struct ModelEnergies {
    parameters: f64,
    energies: Vec<MeanEnergy>,
}

impl ModelScaling {
    /// Fits models; intervals of predictions have the given confidence.
    ///
    /// # Errors
    ///
    /// Fewer than four models, equal parameters, no workload that all models ran, too few
    /// workloads, or an energy that is not positive.
    pub fn fit(models: &[MeasuredModel], confidence: f64) -> Result<Self, NotEstimable> {
        NotEstimable::check_confidence(confidence)?;
        let read = |model: &MeasuredModel| {
            Ok(ModelEnergies {
                parameters: model.parameters,
                energies: mean_energies(&model.configurations)?,
            })
        };
        let models = models.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        Self::of(models, confidence)
    }

    fn of(models: Vec<ModelEnergies>, confidence: f64) -> Result<Self, NotEstimable> {
        let common = common_workloads(&models);
        let factors: Vec<f64> = models.iter().map(|one| ln_factor(one, &common)).collect();
        let configuration =
            |(model, ln): (&ModelEnergies, &f64)| Configuration::single(model.parameters, ln.exp());
        let configurations: Vec<_> = models.iter().zip(&factors).map(configuration).collect();
        let law = power_law(&configurations, confidence)?;
        if common.is_empty() {
            return Err(NotEstimable::NoCommonWorkload);
        }
        let mut rows = Vec::new();
        for (model, factor) in models.iter().zip(&factors) {
            rows.extend(model.energies.iter().map(|one| MeanEnergy {
                workload: one.workload,
                ln_energy: one.ln_energy - factor,
            }));
        }
        let shape = fit(&rows, false)?;
        let space = shape.row_space();
        let lost = space.rank() + models.len() - 1;
        NotEstimable::at_least(lost + 1, rows.len(), "workloads of all models together")?;
        let error = |row: &MeanEnergy| row.ln_energy - shape.ln_energy(&row.workload);
        let squares: f64 = rows.iter().map(|row| error(row).powi(2)).sum();
        let workload_df = (rows.len() - lost) as f64;
        let parameters = models.iter().map(|model| model.parameters);
        Ok(Self {
            law,
            workload_sd_ln: (squares / workload_df).sqrt(),
            common_workloads: common.len(),
            space,
            workload_df,
            parameter_range: InputRange::of("parameters", parameters).ok_or(NotEstimable::NoRun)?,
            ranges: InputRanges::of(rows.iter().map(|row| &row.workload)),
            shape,
            models,
        })
    }

    /// Predicts the energy of a workload of a model with a number of parameters.
    ///
    /// # Errors
    ///
    /// Parameters or an input beyond twice the measured range, or an input with an effect that is not
    /// determined.
    pub fn predict(
        &self,
        parameters: f64,
        workload: &Workload,
    ) -> Result<Prediction, NotEstimable> {
        let mut is_within_range = self.parameter_range.check(parameters)?;
        is_within_range &= self.ranges.check(workload)?;
        let x = self.shape.scaled(workload);
        if !self.space.contains(&x) {
            return Err(NotEstimable::NotIdentified);
        }
        let ln_shape = self.shape.ln_energy(workload);
        let ln = self.law.ln_at(parameters)? + ln_shape;
        let confidence = self.law.exponent.confidence;
        let of_model = self.law.ln_variance_at(parameters, 1.0)?;
        let leverage = self.space.leverage(&(x * (-ln_shape).exp()));
        let of_workload = self.workload_sd_ln.powi(2) * (1.0 + leverage);
        let df = joint_df([
            (of_model, self.law.df as f64),
            (of_workload, self.workload_df),
        ]);
        let half = quantile_of_two_tails(1.0 - confidence, df) * (of_model + of_workload).sqrt();
        let energy_j = IntervalEstimate::symmetric(ln, half, confidence).exp();
        match energy_j.value.is_finite() && energy_j.value > 0.0 && energy_j.hi.is_some() {
            true => Ok(Prediction {
                energy_j,
                is_within_range,
                no_interval: None,
                samples: self.models.len(),
            }),
            false => Err(NotEstimable::NotFinite),
        }
    }

    /// Predicts the workloads of each model from the other models.
    pub fn leave_one_model_out(&self) -> LeaveOneOut {
        let confidence = self.law.exponent.confidence;
        let cells = (0..self.models.len()).flat_map(|left_out| {
            let mut others = self.models.clone();
            let model = others.remove(left_out);
            let fitted = Self::of(others, confidence);
            let cell = |one: &MeanEnergy| {
                let fitted = fitted.as_ref().map_err(Clone::clone);
                let predicted = fitted.and_then(|fit| fit.predict(model.parameters, &one.workload));
                (one.workload, one.ln_energy.exp(), predicted)
            };
            model.energies.iter().map(cell).collect::<Vec<_>>()
        });
        LeaveOneOut::of(cells)
    }
}

/// Returns Satterthwaite's degrees of freedom of a sum of variances.
fn joint_df(parts: [(f64, f64); 2]) -> f64 {
    let whole: f64 = parts.iter().map(|(variance, _)| variance).sum();
    let lost: f64 = parts
        .iter()
        .map(|(variance, df)| variance * variance / df)
        .sum();
    match lost > 0.0 {
        true => whole * whole / lost,
        false => parts[0].1,
    }
}

/// Returns the workloads that all models ran.
fn common_workloads(models: &[ModelEnergies]) -> Vec<Workload> {
    let Some((first, others)) = models.split_first() else {
        return Vec::new();
    };
    let ran = |model: &ModelEnergies, workload: &Workload| {
        model.energies.iter().any(|one| one.workload == *workload)
    };
    let workloads = first.energies.iter().map(|one| one.workload);
    workloads
        .filter(|workload| others.iter().all(|model| ran(model, workload)))
        .collect()
}

/// Returns the mean logarithm of a model's energies of common workloads; zero if there are none.
fn ln_factor(model: &ModelEnergies, common: &[Workload]) -> f64 {
    let is_common = |one: &&MeanEnergy| common.contains(&one.workload);
    let energies = model.energies.iter().filter(is_common);
    let ln: Vec<f64> = energies.map(|one| one.ln_energy).collect();
    mean(&ln).unwrap_or(0.0)
}
