//! The averaging window of a sensor.

use std::fmt;
use std::str::FromStr;

use crate::units::Nanos;

/// Over which time a sensor averages the power that a sample tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Kernel {
    /// Exactly the sample's own window: energy counters, and means over it.
    #[default]
    Box,
    /// The mean over that much time before the sample's end, however long the
    /// sample itself is.
    Trailing(Nanos),
    /// A first-order low-pass filter with that time constant.
    LowPass(Nanos),
}

/// Prints `box`, `trailing:100ms`, `lowpass:60ms`.
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

/// Reads what [`Kernel`] prints. The error says what is accepted.
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
            format!("`{text}` is no sensor kernel; use box, trailing:100ms or lowpass:60ms")
        })
    }
}

/// A time above zero and below a day, such as `100ms`.
fn milliseconds(text: &str) -> Option<Nanos> {
    let number: f64 = text.strip_suffix("ms")?.trim().parse().ok()?;
    let time = Nanos::from_nanos((number * 1e6).round() as i64);
    (number < 86_400_000.0 && time > Nanos::ZERO).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_reads_back() {
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
    fn other_words_are_refused_with_those_that_are_known() {
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
