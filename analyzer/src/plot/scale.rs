//! From values to pixels.

use super::data::AxisScale;

/// Share of a linear axis that is left free at both ends.
const MARGIN: f64 = 0.06;

/// Maps values of an axis to pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct PixelScale {
    scale: AxisScale,
    /// Smallest and largest shown value.
    pub(super) from: f64,
    pub(super) to: f64,
    low: f64,
    high: f64,
}

impl PixelScale {
    /// Creates a scale for values between `lo` and `hi`, drawn from the pixel `low` to `high`. A
    /// logarithmic scale of values that are not positive is linear. `from_zero` extends a linear
    /// scale to zero.
    pub(super) fn new(
        scale: AxisScale,
        (lo, hi): (f64, f64),
        (low, high): (f64, f64),
        from_zero: bool,
    ) -> Self {
        let scale = match scale {
            AxisScale::Log if lo <= 0.0 => AxisScale::Linear,
            scale => scale,
        };
        let (from, to) = match scale {
            AxisScale::Log => {
                let room = (hi / lo).powf(MARGIN).max(1.02);
                (lo / room, hi * room)
            }
            AxisScale::Names => (lo - 0.5, hi + 0.5),
            AxisScale::Linear => {
                let span = if hi > lo {
                    hi - lo
                } else {
                    hi.abs().max(1e-12)
                };
                let bottom = if from_zero {
                    lo.min(0.0)
                } else {
                    lo - span * MARGIN
                };
                (bottom, hi + span * MARGIN)
            }
        };
        Self {
            scale,
            from,
            to,
            low,
            high,
        }
    }

    /// Returns the pixel of a value.
    pub(super) fn at(&self, value: f64) -> f64 {
        let share = match self.scale {
            AxisScale::Log => {
                let value = value.max(self.from * 1e-6);
                (value / self.from).ln() / (self.to / self.from).ln()
            }
            _ => (value - self.from) / (self.to - self.from),
        };
        self.low + share * (self.high - self.low)
    }

    /// Returns the pixel of a value, limited to the axis.
    pub(super) fn within(&self, value: f64) -> f64 {
        self.at(value.clamp(self.from, self.to))
    }

    /// Returns whether a value is on the axis.
    pub(super) fn holds(&self, value: f64) -> bool {
        (self.from..=self.to).contains(&value)
    }

    /// Returns whether it is logarithmic.
    pub(super) fn is_log(&self) -> bool {
        self.scale == AxisScale::Log
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decades_have_equal_lengths_and_values_stay_inside() {
        let scale = PixelScale::new(AxisScale::Log, (1.0, 100.0), (0.0, 100.0), false);
        let decades = [
            scale.at(10.0) - scale.at(1.0),
            scale.at(100.0) - scale.at(10.0),
        ];
        assert!((decades[0] - decades[1]).abs() < 1e-9, "{decades:?}");
        assert!(scale.at(1.0) > 0.0 && scale.at(100.0) < 100.0);
        assert_eq!(scale.within(1e9), 100.0);
        let zero = PixelScale::new(AxisScale::Log, (0.0, 1.0), (0.0, 1.0), false);
        assert!(!zero.is_log() && zero.at(0.5).is_finite());
        let one = PixelScale::new(AxisScale::Linear, (3.0, 3.0), (0.0, 1.0), false);
        assert!(one.at(3.0).is_finite() && one.holds(3.0));
    }
}
