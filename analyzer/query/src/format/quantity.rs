//! Formats quantities with four digits and a suitable unit.

/// Text for an unknown value.
pub const UNKNOWN: &str = "-";

/// Units by ascending size in base units.
type UnitScale = [(f64, &'static str)];

const ENERGY: &UnitScale = &[
    (1e-9, "nJ"),
    (1e-6, "uJ"),
    (1e-3, "mJ"),
    (1.0, "J"),
    (3.6e6, "kWh"),
];
const POWER: &UnitScale = &[(1e-6, "uW"), (1e-3, "mW"), (1.0, "W"), (1e3, "kW")];
const MASS: &UnitScale = &[
    (1e-9, "ng"),
    (1e-6, "ug"),
    (1e-3, "mg"),
    (1.0, "g"),
    (1e3, "kg"),
    (1e6, "t"),
];
const DATA: &UnitScale = &[(1.0, "B"), (1e3, "kB"), (1e6, "MB"), (1e9, "GB")];
const TIME: &UnitScale = &[(1e-9, "ns"), (1e-6, "us"), (1e-3, "ms"), (1.0, "s")];

/// Smaller energies are rounding errors of sums that cancel; they are shown as 0.
const LEAST_J: f64 = 1e-13;

/// Formats an energy in joules: `12.34 J`, `5.6 mJ`.
pub fn energy(joules: Option<f64>) -> String {
    let joules = joules.map(|joules| if joules.abs() < LEAST_J { 0.0 } else { joules });
    quantity(joules, ENERGY, "J")
}

/// Formats a power in watts: `8.25 W`, `120 mW`.
pub fn power(watts: Option<f64>) -> String {
    quantity(watts, POWER, "W")
}

/// Formats a duration in nanoseconds: `1.234 s`, `56.7 us`.
pub fn time_span(nanos: Option<i64>) -> String {
    quantity(nanos.map(|ns| ns as f64 / 1e9), TIME, "s")
}

/// Formats a mass in grams: `12.34 mg`.
pub fn mass(grams: Option<f64>) -> String {
    quantity(grams, MASS, "g")
}

/// Formats a number of bytes: `12.34 MB`; values below 1 kB have no decimals.
pub fn bytes(bytes: Option<u64>) -> String {
    match bytes {
        Some(bytes) if bytes < 1000 => format!("{bytes} B"),
        bytes => quantity(bytes.map(|bytes| bytes as f64), DATA, "B"),
    }
}

/// Formats a fraction as a percentage: `45.6 %`.
pub fn percent(share: Option<f64>) -> String {
    match share {
        Some(share) if share.is_finite() => format!("{:.1} %", share * 100.0),
        _ => UNKNOWN.to_owned(),
    }
}

/// Formats a number with four digits.
pub fn number(value: Option<f64>) -> String {
    match value {
        Some(value) if value.is_finite() => digits(value),
        _ => UNKNOWN.to_owned(),
    }
}

/// Formats a count with a regular noun: `1 run`, `2 runs`.
pub fn counted(count: usize, thing: &str) -> String {
    match count {
        1 => format!("1 {thing}"),
        count => format!("{count} {thing}s"),
    }
}

/// Formats a count.
pub fn count(value: Option<i64>) -> String {
    value.map_or_else(|| UNKNOWN.to_owned(), |value| value.to_string())
}

fn quantity(value: Option<f64>, steps: &UnitScale, base: &str) -> String {
    let Some(value) = value.filter(|value| value.is_finite()) else {
        return UNKNOWN.to_owned();
    };
    if value == 0.0 {
        return format!("0 {base}");
    }
    let (size, unit) = fitting(value.abs(), steps);
    format!("{} {unit}", digits(value / size))
}

/// Returns the largest unit for which the rounded value is at least 1.
fn fitting(value: f64, steps: &UnitScale) -> (f64, &'static str) {
    let fits = |(size, _): &&(f64, &'static str)| value / size >= 0.999_95;
    let found = steps.iter().rev().find(fits).or_else(|| steps.first());
    *found.expect("every unit has steps")
}

/// Formats four significant digits without an exponent, but all digits before the point.
fn digits(value: f64) -> String {
    let magnitude = value.abs();
    let decimals = match magnitude {
        m if m >= 999.95 => 0,
        m if m >= 99.995 => 1,
        m if m >= 9.9995 => 2,
        _ => 3,
    };
    let text = format!("{value:.decimals$}");
    // A small value must not be shown as 0.
    if magnitude > 0.0 && magnitude < 5e-4 {
        return format!("{value:.1e}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_change_after_rounding() {
        assert_eq!(energy(Some(12.345)), "12.35 J");
        assert_eq!(energy(Some(0.0056)), "5.600 mJ");
        assert_eq!(energy(Some(0.999_96)), "1.000 J");
        assert_eq!(energy(Some(0.999_9)), "999.9 mJ");
        assert_eq!(energy(Some(123_456.0)), "123456 J");
        assert_eq!(energy(Some(7.2e6)), "2.000 kWh");
        assert_eq!(energy(Some(3e-12)), "0.003 nJ");
        assert_eq!(power(Some(1.5e-3)), "1.500 mW");
        assert_eq!(time_span(Some(1_500)), "1.500 us");
        assert_eq!(time_span(Some(61_000_000_000)), "61.00 s");
        assert_eq!(mass(Some(3.6e-2)), "36.00 mg");
        assert_eq!(mass(Some(1500.0)), "1.500 kg");
        assert_eq!(bytes(Some(999)), "999 B");
        assert_eq!(bytes(Some(4096)), "4.096 kB");
        assert_eq!(bytes(Some(1_234_567_890)), "1.235 GB");
    }

    #[test]
    fn negative_zero_and_unknown_values_are_distinct() {
        assert_eq!(energy(Some(-0.25)), "-250.0 mJ");
        assert_eq!(energy(Some(0.0)), "0 J");
        assert_eq!(energy(None), UNKNOWN);
        assert_eq!(energy(Some(f64::NAN)), UNKNOWN);
        assert_eq!(percent(Some(0.4567)), "45.7 %");
        assert_eq!(percent(None), UNKNOWN);
        assert_eq!(number(Some(0.0)), "0.000");
        assert_eq!(number(Some(1e-5)), "1.0e-5");
    }
}
