//! Settings of a simulation.

use serde::{Deserialize, Deserializer, Serialize};

use super::error::SimulateError;

/// Sampling times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PeriodMode {
    /// The period and a small delay.
    Fixed,
    /// Uniform between half and one and a half periods.
    Uniform,
}

/// What kind of sensor measures a rail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SensorModel {
    /// Energy of each interval, rounded.
    Pm,
    /// A counter that moves every 0.977 ms in steps of 0.061 mJ.
    Rapl,
    /// Mean power of a trailing window, multiplied by the interval.
    Nvml,
    /// `Nvml` for the GPU rail, `Rapl` for the others.
    Multi,
}

/// All settings. Names in files and in [`Settings::with`] are the short ones given by
/// `rename`; the unit of a figure is in its name, figures without one are ratios.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Sampling period, ms.
    pub period_ms: f64,
    /// Standard deviation of the period's delay, relative.
    #[serde(rename = "period_jit")]
    pub period_jitter: f64,
    /// How the period varies.
    pub period_mode: PeriodMode,
    /// The sensor.
    pub sensor: SensorModel,
    /// Rounding of interval energies, mJ.
    #[serde(rename = "quant_mj")]
    pub quantum_mj: f64,
    /// Standard deviation of reading times about the reported ones, ms.
    #[serde(rename = "ts_jit_ms")]
    pub timestamp_jitter_ms: f64,
    /// Probability that a sample is late, by 0.3 periods in the mean.
    pub late_p: f64,
    /// Window of the trailing sensor, ms.
    #[serde(rename = "nvml_win_ms")]
    pub trailing_window_ms: f64,
    /// Time constant of a low-pass filter before the sensor, ms; 0: none.
    #[serde(rename = "lp_tau_ms")]
    pub lowpass_tau_ms: f64,
    /// Rounding of mean powers, mW.
    #[serde(rename = "nvml_quant_mw")]
    pub power_quantum_mw: f64,
    /// Sampler's clock minus the spans' clock, ms; none: drawn from -30 to 30.
    pub clock_offset_ms: Option<f64>,
    /// Probability that a sample is lost.
    pub drop_p: f64,
    /// Probability that a sample is repeated.
    pub dup_p: f64,
    /// Idle power, W (before the rail's scale).
    pub idle_w: f64,
    /// Relative standard deviation of idle power, with a correlation time of 10 s.
    pub idle_drift: f64,
    /// Mean and standard deviation of background power, W.
    #[serde(rename = "bg_sd")]
    pub background_w: f64,
    /// Correlation time of background power, ms.
    #[serde(rename = "bg_tau_ms")]
    pub background_tau_ms: f64,
    /// Background bursts per second.
    #[serde(rename = "burst_rate")]
    pub bursts_per_s: f64,
    /// Mean length of a burst, ms.
    pub burst_ms: f64,
    /// Mean power of a burst, W.
    pub burst_w: f64,
    /// Relative standard deviation of the gain (clock frequency, voltage).
    #[serde(rename = "dvfs_sd")]
    pub gain_sd: f64,
    /// Correlation time of the gain, s.
    #[serde(rename = "dvfs_tau_s")]
    pub gain_tau_s: f64,
    /// Change of the gain from the run's beginning to its end.
    #[serde(rename = "thermal")]
    pub gain_trend: f64,
    /// Power of n concurrent spans grows as n to this.
    pub alpha: f64,
    /// Standard deviation of the logarithm of a span's power about its kind's.
    #[serde(rename = "inst_cv")]
    pub instance_sd: f64,
    /// The same of a layer's power about its kind's.
    #[serde(rename = "layer_cv")]
    pub layer_sd: f64,
    /// The same of a span's duration about its kind's.
    #[serde(rename = "dur_cv")]
    pub duration_sd: f64,
    /// Idle time before the program, s.
    pub preroll_s: f64,
    /// Standard deviation of the logarithm of a kind's power about its table value.
    #[serde(rename = "power_jit")]
    pub power_sd: f64,
    /// Each layer's ops are kinds of their own.
    #[serde(rename = "fine", deserialize_with = "flag", serialize_with = "number")]
    pub kinds_per_layer: bool,
    /// Tokens to decode; none: as many as the scenario has.
    pub tokens: Option<f64>,
    /// Mean pause before each layer, ms.
    #[serde(rename = "dither_ms")]
    pub pause_ms: f64,
    /// Scale of gain, idle drift and background together.
    pub noise: f64,
    /// Seed of the kinds' powers, so that several runs share them; none: the run's.
    #[serde(rename = "pow_seed")]
    pub power_seed: Option<u64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            period_ms: 100.0,
            period_jitter: 0.02,
            period_mode: PeriodMode::Fixed,
            sensor: SensorModel::Pm,
            quantum_mj: 1.0,
            timestamp_jitter_ms: 0.3,
            late_p: 0.02,
            trailing_window_ms: 100.0,
            lowpass_tau_ms: 0.0,
            power_quantum_mw: 1.0,
            clock_offset_ms: None,
            drop_p: 0.01,
            dup_p: 0.0,
            idle_w: 4.0,
            idle_drift: 0.02,
            background_w: 0.4,
            background_tau_ms: 5.0,
            bursts_per_s: 0.3,
            burst_ms: 80.0,
            burst_w: 2.0,
            gain_sd: 0.03,
            gain_tau_s: 5.0,
            gain_trend: -0.04,
            alpha: 0.9,
            instance_sd: 0.08,
            layer_sd: 0.03,
            duration_sd: 0.10,
            preroll_s: 1.0,
            power_sd: 0.15,
            kinds_per_layer: false,
            tokens: None,
            pause_ms: 0.0,
            noise: 1.0,
            power_seed: None,
        }
    }
}

/// Noise that a fit's model does not describe: twice the gain and background, strong
/// sharing, spans of one kind that differ, bad timestamps, lost samples.
pub const HARSH: &str = "noise=2 alpha=.75 inst_cv=.25 ts_jit_ms=1 dvfs_sd=.06 \
    burst_rate=1 idle_drift=.08 drop_p=.05 layer_cv=.10";

impl Settings {
    /// These settings with those in `changes` (`name=value`, apart by spaces).
    ///
    /// # Errors
    /// A name that is none, or a value of the wrong type.
    pub fn with(&self, changes: &str) -> Result<Self, SimulateError> {
        let mut all = serde_json::to_value(self)?;
        for change in changes.split_whitespace() {
            let unknown = || SimulateError::UnknownSetting {
                text: change.to_owned(),
            };
            let (name, text) = change.split_once('=').ok_or_else(unknown)?;
            let slot = all.get_mut(name).ok_or_else(unknown)?;
            *slot = parsed(name, text);
        }
        serde_json::from_value(all).map_err(|source| SimulateError::BadSetting {
            changes: changes.to_owned(),
            source,
        })
    }
}

/// The value as a number where it is one; numbers may lack the zero before the point.
fn parsed(name: &str, text: &str) -> serde_json::Value {
    let number = match name {
        "pow_seed" => text.parse::<u64>().ok().map(Into::into),
        _ => text.parse::<f64>().ok().map(Into::into),
    };
    number.unwrap_or_else(|| text.into())
}

/// Files hold the flag as a number.
fn flag<'de, D: Deserializer<'de>>(input: D) -> Result<bool, D::Error> {
    f64::deserialize(input).map(|value| value != 0.0)
}

fn number<S: serde::Serializer>(flag: &bool, output: S) -> Result<S::Ok, S::Error> {
    output.serialize_u8((*flag).into())
}

impl Settings {
    /// Whether there is a trace with these settings.
    pub(crate) fn check(&self) -> Result<(), SimulateError> {
        let positive =
            |name, value: f64, least: f64, wanted| match value >= least && value.is_finite() {
                true => Ok(()),
                false => Err(SimulateError::OutOfRange {
                    name,
                    value,
                    wanted,
                }),
            };
        positive("period_ms", self.period_ms, 0.1, "at least 0.1")?;
        positive("quant_mj", self.quantum_mj, 1e-6, "at least 0.000001")?;
        positive("nvml_win_ms", self.trailing_window_ms, 0.1, "at least 0.1")?;
        positive(
            "nvml_quant_mw",
            self.power_quantum_mw,
            1e-6,
            "at least 0.000001",
        )?;
        positive("bg_tau_ms", self.background_tau_ms, 1e-3, "at least 0.001")?;
        positive("dvfs_tau_s", self.gain_tau_s, 1e-6, "at least 0.000001")?;
        positive("alpha", self.alpha, 0.0, "at least 0")?;
        positive("noise", self.noise, 0.0, "at least 0")?;
        positive("tokens", self.tokens.unwrap_or(0.0), 0.0, "at least 0")?;
        positive("dither_ms", self.pause_ms, 0.0, "at least 0")?;
        let hour_s = 3_600.0;
        match (0.0..=hour_s).contains(&self.preroll_s) {
            true => Ok(()),
            false => Err(SimulateError::OutOfRange {
                name: "preroll_s",
                value: self.preroll_s,
                wanted: "between 0 and 3600",
            }),
        }
    }
}
