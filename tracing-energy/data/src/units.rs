//! Energy, power and time as types, with all unit conversions of the crate.
//!
//! Inside the crate energy is joules (f64), power watts (f64) and time integer nanoseconds
//! since the run's start (negative before it). Every constructor and accessor is named
//! after its unit, so that unit mix-ups do not compile.

use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub, SubAssign};
use std::time::Duration;

/// An amount of energy.
///
/// ```
/// use energy_data::units::{Energy, Nanos};
///
/// let energy = Energy::from_joules(1.5);
/// let power = energy.over(Nanos::from_millis(500));
/// assert_eq!(power.map(|power| power.watts()), Some(3.0));
/// assert_eq!(energy.over(Nanos::ZERO), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Energy(f64);

/// A power: energy per time.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Power(f64);

/// A point in time (since the run's start) or a length of time, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Nanos(i64);

impl Energy {
    /// No energy.
    pub const ZERO: Self = Self(0.0);

    /// From joules.
    pub const fn from_joules(joules: f64) -> Self {
        Self(joules)
    }
    /// From millijoules (powermetrics, NVML).
    pub const fn from_millijoules(millijoules: f64) -> Self {
        Self(millijoules / 1e3)
    }
    /// From microjoules (RAPL).
    pub const fn from_microjoules(microjoules: f64) -> Self {
        Self(microjoules / 1e6)
    }
    /// In joules.
    pub const fn joules(self) -> f64 {
        self.0
    }
    /// Returns the mean power of this energy over `time`; `None` unless `time` is positive.
    pub fn over(self, time: Nanos) -> Option<Power> {
        (time.0 > 0).then(|| Power(self.0 / time.seconds()))
    }
}

impl Power {
    /// From watts.
    pub const fn from_watts(watts: f64) -> Self {
        Self(watts)
    }
    /// From milliwatts.
    pub const fn from_milliwatts(milliwatts: f64) -> Self {
        Self(milliwatts / 1e3)
    }
    /// In watts.
    pub const fn watts(self) -> f64 {
        self.0
    }
}

impl Nanos {
    /// The run's start, or no time at all.
    pub const ZERO: Self = Self(0);

    /// From nanoseconds.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }
    /// From milliseconds.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis * 1_000_000)
    }
    /// From seconds, rounded to the nanosecond.
    pub fn from_seconds(seconds: f64) -> Self {
        Self((seconds * 1e9).round() as i64)
    }
    /// In nanoseconds.
    pub const fn nanos(self) -> i64 {
        self.0
    }
    /// In seconds.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e9
    }
    /// Converts to a `Duration`; zero for negative times.
    pub fn duration(self) -> Duration {
        Duration::from_nanos(self.0.max(0) as u64)
    }
}

impl From<Duration> for Nanos {
    fn from(duration: Duration) -> Self {
        Self(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
    }
}

impl Mul<Nanos> for Power {
    type Output = Energy;
    fn mul(self, time: Nanos) -> Energy {
        Energy(self.0 * time.seconds())
    }
}

macro_rules! arithmetic {
    ($($quantity:ty),*) => {$(
        impl Add for $quantity {
            type Output = Self;
            fn add(self, other: Self) -> Self { Self(self.0 + other.0) }
        }
        impl Sub for $quantity {
            type Output = Self;
            fn sub(self, other: Self) -> Self { Self(self.0 - other.0) }
        }
        impl AddAssign for $quantity {
            fn add_assign(&mut self, other: Self) { self.0 += other.0 }
        }
        impl SubAssign for $quantity {
            fn sub_assign(&mut self, other: Self) { self.0 -= other.0 }
        }
        impl Neg for $quantity {
            type Output = Self;
            fn neg(self) -> Self { Self(-self.0) }
        }
        impl std::iter::Sum for $quantity {
            fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
                items.fold(Self::default(), |total, item| total + item)
            }
        }
    )*};
}
arithmetic!(Energy, Power, Nanos);

macro_rules! scaling {
    ($($quantity:ty),*) => {$(
        impl Mul<f64> for $quantity {
            type Output = Self;
            fn mul(self, factor: f64) -> Self { Self(self.0 * factor) }
        }
        impl Div<f64> for $quantity {
            type Output = Self;
            fn div(self, divisor: f64) -> Self { Self(self.0 / divisor) }
        }
    )*};
}
scaling!(Energy, Power);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversions_hold_their_unit() {
        assert_eq!(Energy::from_millijoules(1500.0).joules(), 1.5);
        assert_eq!(Energy::from_microjoules(2e6).joules(), 2.0);
        assert_eq!(Power::from_milliwatts(250.0).watts(), 0.25);
        let energy = Power::from_watts(14.0) * Nanos::from_millis(500);
        assert_eq!(energy.joules(), 7.0);
        assert_eq!(
            energy.over(Nanos::from_seconds(0.5)),
            Some(Power::from_watts(14.0))
        );
        assert_eq!(energy.over(Nanos::ZERO), None);
    }
}
