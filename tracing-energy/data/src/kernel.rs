//! The averaging window of a sensor.

use std::fmt;
use std::str::FromStr;

use crate::units::Nanos;

/// The time over which a sensor averages the power of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Kernel {
    /// The sample's own window: energy counters, and means over the window.
    #[default]
    Box,
    /// The mean over this time before the sample's end, regardless of the sample's length.
    Trailing(Nanos),
    /// A first-order low-pass filter with this time constant.
    LowPass(Nanos),
}

/// Formats as `box`, `trailing:100ms`, `lowpass:60ms`.
impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = |time: &Nanos| time.nanos() as f64 / 1e6;
        match self {
            Self::Box => f.write_str("box"),
            Self::Trailing(time) => write!(f, "trailing:{}ms", milliseconds(time)),
            Self::LowPass(time) => write!(f, "lowpass:{}ms", milliseconds(time)),
        }
    }
}

/// Parses the formatted form. The error lists the accepted forms.
impl FromStr for Kernel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once(':');
        let kernel = match (text, parts) {
            ("box", _) => Some(Self::Box),
            (_, Some(("trailing", time))) => milliseconds(time).map(Self::Trailing),
            (_, Some(("lowpass", time))) => milliseconds(time).map(Self::LowPass),
            _ => None,
        };
        kernel.ok_or_else(|| {
            format!("`{text}` is not a sensor kernel; use box, trailing:100ms or lowpass:60ms")
        })
    }
}

/// Parses a time above zero and below a day, such as `100ms`.
fn milliseconds(text: &str) -> Option<Nanos> {
    let number: f64 = text.strip_suffix("ms")?.trim().parse().ok()?;
    let time = Nanos::from_nanos((number * 1e6).round() as i64);
    (number < 86_400_000.0 && time > Nanos::ZERO).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formatted_kernels_are_parsed_back() {
        let kernels = [
            (Kernel::Box, "box"),
            (Kernel::Trailing(Nanos::from_millis(100)), "trailing:100ms"),
            (
                Kernel::LowPass(Nanos::from_nanos(60_500_001)),
                "lowpass:60.500001ms",
            ),
        ];
        for (kernel, text) in kernels {
            assert_eq!(kernel.to_string(), text);
            assert_eq!(text.parse(), Ok(kernel));
        }
    }

    #[test]
    fn unknown_kernels_are_refused_with_the_accepted_forms() {
        for text in [
            "",
            "BOX",
            "trailing",
            "trailing:",
            "trailing:0ms",
            "lowpass:-1ms",
            "lowpass:nanms",
            "trailing:100s",
            "gauss:3ms",
            "trailing:1e99ms",
        ] {
            let error = text.parse::<Kernel>().expect_err(text);
            assert!(error.contains("trailing:100ms"), "{error}");
        }
    }
}
