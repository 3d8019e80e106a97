//! Prediction: the energy of a configuration that was not measured.
//!
//! ```text
//! energy = fixed                             start of the run
//!        + input   * batch * in              prompt tokens
//!        + step    * out                     reads the weights once for the whole batch
//!        + output  * batch * out             generated tokens
//!        + context * batch * out * (in + out / 2)
//!                                            reads the keys and values of earlier tokens
//!        + pairs   * batch * in * in / 2     attention of the prompt, where it is supported
//! ```
//!
//! `in` and `out` are tokens of one sequence, and the energy is that of the whole batch. With one
//! sequence in all configurations, `step` and `output` are one term. `pairs` is a term if prompts have
//! four lengths over a factor of four, and left-out configurations are then predicted better by a
//! fifth. Energies are physical, so no
//! coefficient is negative. Noise is relative, so the fit minimises squared logarithms.
//!
//! **Interval.** Jackknife+ (Barber, Candes, Ramdas, Tibshirani 2021), leaving out configurations:
//! each configuration is predicted from the others, and the sizes of these errors give the interval.
//! It holds for any distribution of the noise, if the new configuration is of the kind of the
//! measured ones. Ranks of errors are interpolated, because whole ranks would make 90 % intervals of
//! eighteen configurations 95 % intervals. A configuration is the mean of its runs, and so is what
//! is predicted. Fewer than nine configurations have no error that 90 % of others do not exceed,
//! so they give a prediction without an interval.
//!
//! **Refusals.** An input beyond twice its measured range, and an input with an effect that the
//! measured configurations do not determine.
//!
//! **Models that were not measured** ([`ModelScaling`]): models are compared on the workloads that
//! all of them ran, their factors follow a power law of the parameters, and its interval for a new
//! model is combined with the scatter of workloads.

mod across_models;
mod energy_model;
mod fit;
mod jackknife;
mod leave_one_out;
mod normal_equations;
mod pairs;
mod predictor;
mod ranges;
mod result;
mod workload;

pub use across_models::{MeasuredModel, ModelScaling};
pub use energy_model::{EnergyTerm, FittedTerm};
pub use leave_one_out::{LeaveOneOut, PredictedCell};
pub use predictor::EnergyPredictor;
pub use result::Prediction;
pub use workload::{MeasuredWorkload, Workload};
