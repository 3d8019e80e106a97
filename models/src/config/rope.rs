//! The rotary embedding of a decoder.

use crate::architecture::RopeStyle;
use crate::config::rope_scaling::Factors;

/// Settings of the rotary embedding.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RopeConfig {
    /// Leading channels of a head that are rotated.
    pub dim: usize,
    /// Pairing of channels.
    pub style: RopeStyle,
    /// Base of the frequencies.
    pub base: f32,
    /// Rotary embedding of windowed layers, if it differs.
    pub of_window: Option<WindowRopeConfig>,
    /// Divisors of the frequencies, if the configuration states them; else they are
    /// read from the weights.
    pub factors: Factors,
    /// Positions are divided by this (linear context scaling).
    pub scale: f32,
    /// Factor of cosines and sines (LongRoPE, YaRN).
    pub magnitude: f32,
    /// Positions that the model was first trained for, before its context was extended.
    pub original_context: usize,
    /// Growth of queries with the position.
    pub temperature: Option<Temperature>,
}

/// An unscaled rotary embedding.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct WindowRopeConfig {
    /// Base of the frequencies.
    pub base: f32,
}

/// Queries at position `p` are multiplied by `1 + scale * ln(1 + floor(p / length))`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Temperature {
    /// Strength.
    pub scale: f32,
    /// Positions without growth.
    pub length: usize,
}

impl Temperature {
    /// Returns the factor of queries at a position.
    pub(crate) fn factor(&self, position: usize) -> f32 {
        let steps = position / self.length.max(1);
        1.0 + self.scale * (steps as f32).ln_1p()
    }
}
