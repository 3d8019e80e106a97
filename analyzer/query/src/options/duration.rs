//! Durations on the command line.

use std::time::Duration;

/// Units with their length in ns, the longest first.
const UNITS: [(&str, u128); 4] = [
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
];

/// Parses `100ms`, `2s`, `1.5s`, `1m`, `250us`.
///
/// # Errors
/// If the unit is missing or unknown, or the number is invalid.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let advice = || format!("`{text}` is not a duration; write 100ms, 2s or 1m");
    let at = text
        .find(|c: char| c.is_ascii_alphabetic())
        .ok_or_else(advice)?;
    let (number, unit) = text.split_at(at);
    let unit = UNITS.iter().find(|(name, _)| *name == unit);
    let (_, unit_ns) = unit.ok_or_else(advice)?;
    let number: f64 = number.trim().parse().map_err(|_| advice())?;
    Duration::try_from_secs_f64(number * *unit_ns as f64 / 1e9).map_err(|_| advice())
}

/// Formats a duration of whole microseconds in the largest unit that needs no decimals, as
/// [`parse_duration`] accepts it.
pub fn duration_text(duration: Duration) -> String {
    let ns = duration.as_nanos();
    let fitting = UNITS
        .iter()
        .find(|(_, unit_ns)| ns > 0 && ns.is_multiple_of(*unit_ns));
    match fitting {
        Some((name, unit_ns)) => format!("{}{name}", ns / unit_ns),
        None => format!("{}s", duration.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(parse_duration("100ms"), Ok(Duration::from_millis(100)));
        assert_eq!(parse_duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(parse_duration("1m"), Ok(Duration::from_secs(60)));
        assert_eq!(parse_duration("0s"), Ok(Duration::ZERO));
        for wrong in ["", "5", "ms", "-1s", "1h2", "1e999s"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn durations_round_trip_through_their_text() {
        for text in ["100ms", "1500ms", "2s", "3m", "250us", "0s"] {
            assert_eq!(duration_text(parse_duration(text).unwrap()), text);
        }
    }
}
