//! Quantities as people read them: four digits and a unit that fits.

/// What stands where a figure is not known.
pub const UNKNOWN: &str = "-";

/// Steps of a unit, from small to large: what one of it is in base units.
type Steps = [(f64, &'static str)];

const ENERGY: &Steps = &[
    (1e-9, "nJ"),
    (1e-6, "uJ"),
    (1e-3, "mJ"),
    (1.0, "J"),
    (3.6e6, "kWh"),
];
const POWER: &Steps = &[(1e-6, "uW"), (1e-3, "mW"), (1.0, "W"), (1e3, "kW")];
const MASS: &Steps = &[
    (1e-9, "ng"),
    (1e-6, "ug"),
    (1e-3, "mg"),
    (1.0, "g"),
    (1e3, "kg"),
    (1e6, "t"),
];
const DATA: &Steps = &[(1.0, "B"), (1e3, "kB"), (1e6, "MB"), (1e9, "GB")];
const TIME: &Steps = &[(1e-9, "ns"), (1e-6, "us"), (1e-3, "ms"), (1.0, "s")];

/// Less is what is left over where sums cancel, not an amount of energy.
const LEAST_J: f64 = 1e-13;

/// An energy given in joules: `12.34 J`, `5.6 mJ`.
pub fn energy(joules: Option<f64>) -> String {
    let joules = joules.map(|joules| if joules.abs() < LEAST_J { 0.0 } else { joules });
    quantity(joules, ENERGY, "J")
}

/// A power given in watts: `8.25 W`, `120 mW`.
pub fn power(watts: Option<f64>) -> String {
    quantity(watts, POWER, "W")
}

/// A length of time given in nanoseconds: `1.234 s`, `56.7 us`.
pub fn time_span(nanos: Option<i64>) -> String {
    quantity(nanos.map(|ns| ns as f64 / 1e9), TIME, "s")
}

/// A mass given in grams: `12.34 mg`.
pub fn mass(grams: Option<f64>) -> String {
    quantity(grams, MASS, "g")
}

/// An amount of data: `12.34 MB`; a byte is not divided.
pub fn bytes(bytes: Option<u64>) -> String {
    match bytes {
        Some(bytes) if bytes < 1000 => format!("{bytes} B"),
        bytes => quantity(bytes.map(|bytes| bytes as f64), DATA, "B"),
    }
}

/// A share of one: `45.6 %`.
pub fn percent(share: Option<f64>) -> String {
    match share {
        Some(share) if share.is_finite() => format!("{:.1} %", share * 100.0),
        _ => UNKNOWN.to_owned(),
    }
}

/// A plain number with four digits.
pub fn number(value: Option<f64>) -> String {
    match value {
        Some(value) if value.is_finite() => digits(value),
        _ => UNKNOWN.to_owned(),
    }
}

/// So many things, of which more than one have an `s`: `1 run`, `2 runs`.
pub fn counted(count: usize, thing: &str) -> String {
    match count {
        1 => format!("1 {thing}"),
        count => format!("{count} {thing}s"),
    }
}

/// A count.
pub fn count(value: Option<i64>) -> String {
    value.map_or_else(|| UNKNOWN.to_owned(), |value| value.to_string())
}

fn quantity(value: Option<f64>, steps: &Steps, base: &str) -> String {
    let Some(value) = value.filter(|value| value.is_finite()) else {
        return UNKNOWN.to_owned();
    };
    if value == 0.0 {
        return format!("0 {base}");
    }
    let (size, unit) = fitting(value.abs(), steps);
    format!("{} {unit}", digits(value / size))
}

/// The largest unit of which there is at least one, after rounding.
fn fitting(value: f64, steps: &Steps) -> (f64, &'static str) {
    let fits = |(size, _): &&(f64, &'static str)| value / size >= 0.999_95;
    let found = steps.iter().rev().find(fits).or_else(|| steps.first());
    *found.expect("every unit has steps")
}

/// Four significant digits, without an exponent, and never fewer than the
/// digits before the point.
fn digits(value: f64) -> String {
    let magnitude = value.abs();
    let decimals = match magnitude {
        m if m >= 999.95 => 0,
        m if m >= 99.995 => 1,
        m if m >= 9.9995 => 2,
        _ => 3,
    };
    let text = format!("{value:.decimals$}");
    // A value that rounds to nothing is small, not none.
    if magnitude > 0.0 && magnitude < 5e-4 {
        return format!("{value:.1e}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_change_where_rounding_would_fill_them() {
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
    fn signs_zero_and_the_unknown_stay_apart() {
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
