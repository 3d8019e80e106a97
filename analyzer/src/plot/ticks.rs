//! Round numbers on an axis, and texts of values.

use super::data::{AxisScale, PlotAxis, Unit};
use super::scale::PixelScale;
use crate::format::{energy, number, utc};

/// Round factors of a power of ten.
const STEPS: [f64; 5] = [1.0, 2.0, 2.5, 5.0, 10.0];

/// Steps of time in minutes.
const TIME_STEPS: [f64; 13] = [
    1.0, 5.0, 15.0, 30.0, 60.0, 180.0, 360.0, 720.0, 1440.0, 2880.0, 10_080.0, 43_200.0, 525_600.0,
];
const MINUTE_NS: f64 = 60e9;
/// Length of a month and a day in a text.
const DATE: usize = 5;
/// Most values of points that are all marked on a logarithmic axis.
const MARKED: usize = 9;

/// A number on an axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub(super) value: f64,
    pub(super) text: String,
}

/// Returns about `count` round numbers on an axis with their texts. A logarithmic axis with few
/// values of points, such as batches, has these instead.
pub(super) fn ticks(
    axis: &PlotAxis,
    scale: &PixelScale,
    count: usize,
    points: &[f64],
) -> Vec<Tick> {
    let values = match axis.scale {
        AxisScale::Names => (0..axis.names.len()).map(|at| at as f64).collect(),
        _ if scale.is_log() && (1..=MARKED).contains(&points.len()) => points.to_vec(),
        _ if axis.unit == Unit::Time => moments(scale.from, scale.to, count),
        _ if scale.is_log() => powers(scale.from, scale.to, count),
        _ => multiples(scale.from, scale.to, count),
    };
    let is_day = |value: &f64| (value / (1440.0 * MINUTE_NS)).fract() == 0.0;
    let are_days = axis.unit == Unit::Time && values.iter().all(is_day);
    let tick = |value: f64| {
        let text = text(axis, value);
        let text = match are_days {
            true => text.chars().take(DATE).collect(),
            false => text,
        };
        Tick { value, text }
    };
    values.into_iter().map(tick).collect()
}

/// Returns the text of a value on an axis.
pub(super) fn text(axis: &PlotAxis, value: f64) -> String {
    match (axis.scale, axis.unit) {
        (AxisScale::Names, _) => {
            let name = axis.names.get(value.max(0.0) as usize);
            name.cloned().unwrap_or_default()
        }
        (_, Unit::JoulePerToken | Unit::Joule) => short(&energy(Some(value))),
        (_, Unit::Time) => utc(value as i64).get(5..16).unwrap_or_default().to_owned(),
        (_, Unit::TokenPerSecond | Unit::Number) => compact(value),
    }
}

/// Returns a number without trailing zeros, with a suffix for large ones.
pub(super) fn compact(value: f64) -> String {
    let suffixes = [(1e9, "B"), (1e6, "M")];
    let suffix = suffixes.iter().find(|(size, _)| value.abs() >= *size);
    let (size, suffix) = suffix.copied().unwrap_or((1.0, ""));
    format!("{}{suffix}", short(&number(Some(value / size))))
}

/// Removes zeros at the end of the decimals of a formatted number.
fn short(text: &str) -> String {
    let (digits, unit) = match text.split_once(' ') {
        Some((digits, unit)) => (digits, format!(" {unit}")),
        None => (text, String::new()),
    };
    let digits = match digits.contains('.') && !digits.contains('e') {
        true => digits.trim_end_matches('0').trim_end_matches('.'),
        false => digits,
    };
    format!("{digits}{unit}")
}

/// Returns multiples of a round step.
fn multiples(from: f64, to: f64, count: usize) -> Vec<f64> {
    let rough = (to - from) / count.max(1) as f64;
    if !rough.is_finite() || rough <= 0.0 {
        return Vec::new();
    }
    let power = 10f64.powf(rough.log10().floor());
    let steps = STEPS.iter().map(|step| step * power);
    let step = steps.into_iter().find(|step| *step >= rough * 0.999);
    let step = step.unwrap_or(10.0 * power);
    let first = (from / step - 1e-9).ceil() as i64;
    let last = (to / step + 1e-9).floor() as i64;
    (first..=last.min(first + 100))
        .map(|at| at as f64 * step)
        .collect()
}

/// Returns 1, 2 and 5 of each power of ten, or powers of ten alone if these are too many.
fn powers(from: f64, to: f64, count: usize) -> Vec<f64> {
    let first = (from.log10() - 1e-9).floor() as i32;
    let last = (to.log10() + 1e-9).ceil() as i32;
    let of = |factors: &[f64]| {
        let decades = (first..=last).map(|n| 10f64.powi(n));
        let all = decades.flat_map(|decade| factors.iter().map(move |factor| factor * decade));
        let near = |value: &f64| *value >= from * (1.0 - 1e-9) && *value <= to * (1.0 + 1e-9);
        all.filter(near).collect::<Vec<f64>>()
    };
    let fine = of(&[1.0, 2.0, 5.0]);
    let values = match fine.len() > count.max(2) + 1 {
        true => of(&[1.0]),
        false => fine,
    };
    match values.len() {
        0 | 1 => multiples(from, to, count.min(4)),
        many => {
            let every = many.div_ceil(count.max(2));
            values.into_iter().step_by(every).collect()
        }
    }
}

/// Returns multiples of a step of time between moments in ns since 1970.
fn moments(from: f64, to: f64, count: usize) -> Vec<f64> {
    let rough = (to - from) / count.max(1) as f64;
    let steps = TIME_STEPS.iter().map(|minutes| minutes * MINUTE_NS);
    let step = steps.into_iter().find(|step| *step >= rough);
    match step {
        Some(step) => {
            let first = (from / step).ceil() as i64;
            let last = (to / step).floor() as i64;
            (first..=last).map(|at| at as f64 * step).collect()
        }
        None => multiples(from, to, count),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_on_axes_are_round_and_few() {
        assert_eq!(multiples(0.0, 1.0, 4), [0.0, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(powers(0.9, 1100.0, 5), [1.0, 10.0, 100.0, 1000.0]);
        assert_eq!(powers(0.9, 9.0, 5), [1.0, 2.0, 5.0]);
        assert_eq!(powers(3.0, 4.0, 5).len(), 5);
        let hour = 3600e9;
        assert_eq!(
            moments(0.5 * hour, 3.5 * hour, 4),
            [hour, 2.0 * hour, 3.0 * hour]
        );
        assert_eq!(multiples(f64::NAN, 1.0, 4), Vec::<f64>::new());
        assert_eq!(compact(1_350_000_000.0), "1.35B");
        assert_eq!(compact(135e6), "135M");
        assert_eq!(compact(512.0), "512");
        assert_eq!(compact(0.5), "0.5");
    }
}
