//! Predictions for one model on one machine.

use super::energy_model::{EnergyTerm, FittedTerm};
use super::fit::{FittedModel, fit};
use super::jackknife::Jackknife;
use super::leave_one_out::LeaveOneOut;
use super::normal_equations::RowSpace;
use super::pairs::with_pairs;
use super::ranges::InputRanges;
use super::result::Prediction;
use super::workload::{MeanEnergy, MeasuredWorkload, Workload, mean_energies};
use crate::estimate::IntervalEstimate;
use crate::not_estimable::NotEstimable;

/// An energy model fitted to the configurations of one model on one machine.
#[derive(Debug, Clone, PartialEq)]
pub struct EnergyPredictor {
    energies: Vec<MeanEnergy>,
    model: FittedModel,
    space: RowSpace,
    jackknife: Jackknife,
    ranges: InputRanges,
    confidence: f64,
}

impl EnergyPredictor {
    /// Fits the model; intervals of predictions have the given confidence.
    ///
    /// # Errors
    ///
    /// Not more configurations than coefficients that they determine, equal configurations, an
    /// energy that is not positive, or an invalid input.
    pub fn fit(configurations: &[MeasuredWorkload], confidence: f64) -> Result<Self, NotEstimable> {
        NotEstimable::check_confidence(confidence)?;
        Self::of(mean_energies(configurations)?, confidence)
    }

    pub(super) fn of(energies: Vec<MeanEnergy>, confidence: f64) -> Result<Self, NotEstimable> {
        NotEstimable::at_least(1, energies.len(), "configurations")?;
        let model = fit(&energies, false)?;
        let space = model.row_space();
        NotEstimable::at_least(space.rank() + 1, energies.len(), "configurations")?;
        let jackknife = Jackknife::of(&model, &energies);
        let (model, jackknife) =
            with_pairs(&energies, jackknife.mean_error()).unwrap_or((model, jackknife));
        Ok(Self {
            ranges: InputRanges::of(energies.iter().map(|one| &one.workload)),
            space: model.row_space(),
            jackknife,
            model,
            energies,
            confidence,
        })
    }

    /// Predicts the energy of a workload.
    ///
    /// # Errors
    ///
    /// An input beyond twice its measured range, or one with an effect that is not determined.
    pub fn predict(&self, workload: &Workload) -> Result<Prediction, NotEstimable> {
        let is_within_range = self.ranges.check(workload)?;
        let x = self.model.scaled(workload);
        if !self.space.contains(&x) {
            return Err(NotEstimable::NotIdentified);
        }
        let ln = self.model.ln_energy(workload);
        let [lo, hi] = self.jackknife.interval(&x, self.confidence);
        let energy_j = IntervalEstimate {
            value: ln,
            lo: lo.map(|lo| lo.min(ln)),
            hi: hi.map(|hi| hi.max(ln)),
            confidence: self.confidence,
        }
        .exp();
        if !(energy_j.value.is_finite() && energy_j.value > 0.0) {
            return Err(NotEstimable::NotFinite);
        }
        let is_bounded = energy_j.lo.is_some() && energy_j.hi.is_some();
        Ok(Prediction {
            energy_j,
            is_within_range,
            no_interval: (!is_bounded).then(|| self.no_interval()),
            samples: self.energies.len(),
        })
    }

    /// Predicts each configuration from the others.
    pub fn leave_one_out(&self) -> LeaveOneOut {
        let cell = |left_out: usize| {
            let mut others = self.energies.clone();
            let one = others.remove(left_out);
            let predicted = Self::of(others, self.confidence)
                .and_then(|predictor| predictor.predict(&one.workload));
            (one.workload, one.ln_energy.exp(), predicted)
        };
        LeaveOneOut::of((0..self.energies.len()).map(cell))
    }

    /// Returns the fitted terms in joules.
    pub fn terms(&self) -> Vec<FittedTerm> {
        let joules = self.model.joules();
        let term = |(at, term): (usize, EnergyTerm)| FittedTerm {
            term,
            joules: joules[at],
        };
        EnergyTerm::ALL.into_iter().enumerate().map(term).collect()
    }

    /// Returns the reason why an interval is unbounded.
    fn no_interval(&self) -> NotEstimable {
        let needed = (self.confidence / (1.0 - self.confidence) - 1e-9).ceil() as usize;
        match self.energies.len() < needed {
            true => NotEstimable::TooFew {
                of: "configurations",
                found: self.energies.len(),
                needed,
            },
            false => NotEstimable::NotIdentified,
        }
    }
}
