//! Parses the selected part of a run: time windows and energies.

/// Parses a time window of a run: `2s..5s`, `500ms..`, `..1.5s`. A number without a unit is
/// seconds.
///
/// # Errors
/// Returns a message if `text` is not a time window, or if the window is empty.
pub fn parse_window(text: &str) -> Result<(i64, i64), String> {
    let invalid =
        || format!("`{text}` is not a time window of a run; write it as 2s..5s, 500ms.. or ..1.5s");
    let (from, until) = text.split_once("..").ok_or_else(invalid)?;
    let edge = |text: &str, open: i64| match text.trim() {
        "" => Ok(open),
        text => nanos(text).ok_or_else(invalid),
    };
    let window = (edge(from, i64::MIN)?, edge(until, i64::MAX)?);
    match window.0 < window.1 {
        true => Ok(window),
        false => Err(format!(
            "`{text}` is an empty time window: give an end after its start"
        )),
    }
}

/// Parses an energy: `1mJ`, `0.5 J`. A number without a unit is joules.
///
/// # Errors
/// Returns a message if `text` is not an energy.
pub fn parse_energy(text: &str) -> Result<f64, String> {
    let units = [
        ("nJ", 1e-9),
        ("uJ", 1e-6),
        ("µJ", 1e-6),
        ("mJ", 1e-3),
        ("kJ", 1e3),
        ("J", 1.0),
    ];
    scaled(text.trim(), &units)
        .filter(|joules| *joules >= 0.0)
        .ok_or_else(|| format!("`{text}` is not an energy; write it as 1mJ or 0.5J"))
}

fn nanos(text: &str) -> Option<i64> {
    let units = [
        ("ns", 1.0),
        ("us", 1e3),
        ("µs", 1e3),
        ("ms", 1e6),
        ("min", 60e9),
        ("m", 60e9),
        ("s", 1e9),
    ];
    let seconds = |text: &str| Some(text.parse::<f64>().ok()? * 1e9);
    let nanos = seconds(text).or_else(|| scaled(text, &units))?;
    (nanos.abs() < 9e18).then_some(nanos.round() as i64)
}

/// Parses a number with one of `units`, or without a unit.
fn scaled(text: &str, units: &[(&str, f64)]) -> Option<f64> {
    let unit = units.iter().find(|(name, _)| text.ends_with(name));
    let (number, scale) = match unit {
        Some((name, scale)) => (text.strip_suffix(name)?, *scale),
        None => (text, 1.0),
    };
    let value: f64 = number.trim().parse().ok()?;
    value.is_finite().then_some(value * scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_parsed_with_their_units() {
        assert_eq!(parse_window("2s..5s"), Ok((2_000_000_000, 5_000_000_000)));
        assert_eq!(parse_window("500ms.."), Ok((500_000_000, i64::MAX)));
        assert_eq!(parse_window("..1.5"), Ok((i64::MIN, 1_500_000_000)));
        assert_eq!(
            parse_window("-1s..2min"),
            Ok((-1_000_000_000, 120_000_000_000))
        );
        for invalid in [
            "", "2s", "5s..2s", "2s..2s", "a..b", "..nan", "1e30..", "1h..2h",
        ] {
            assert!(parse_window(invalid).is_err(), "{invalid}");
        }
    }

    #[test]
    fn energies_are_parsed_with_their_units() {
        assert_eq!(parse_energy("2 mJ"), Ok(0.002));
        assert_eq!(parse_energy("0.5J"), Ok(0.5));
        assert_eq!(parse_energy("3"), Ok(3.0));
        for invalid in ["", "J", "-1J", "nan", "inf", "1 Wh"] {
            assert!(parse_energy(invalid).is_err(), "{invalid}");
        }
    }
}
