//! Readings of a sensor that moves more slowly than it is read.

use crate::units::Nanos;

/// How readings are batched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Batching {
    /// The counter pauses, then moves by all the energy since.
    Counter,
    /// A mean is repeated until there is a new one.
    HeldMean,
}

/// A rail with merged readings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Batched {
    /// Id of the rail.
    pub rail: u32,
    /// How its readings were batched.
    pub batching: Batching,
    /// Median time between two moves of the sensor.
    pub period: Nanos,
    /// Median time between two recorded readings.
    pub interval: Nanos,
}

impl Batched {
    /// Returns the JSON for the diagnostics of an attribution.
    pub fn json(&self) -> serde_json::Value {
        let batching = match self.batching {
            Batching::Counter => "counter",
            Batching::HeldMean => "held_mean",
        };
        serde_json::json!({
            "rail": self.rail,
            "batching": batching,
            "period_s": self.period.seconds(),
            "interval_s": self.interval.seconds(),
        })
    }

    /// Returns a message for users; `rail` is the rail's name.
    pub fn message(&self, rail: &str) -> String {
        let (period, interval) = (self.period.seconds(), self.interval.seconds());
        let what = match self.batching {
            Batching::Counter => "the counter moves",
            Batching::HeldMean => "the mean changes",
        };
        format!(
            "{rail}: {what} every {period:.2} s only, but was read every {interval:.2} s: readings \
             were merged into windows of {period:.2} s; values for shorter times are not reliable"
        )
    }
}
