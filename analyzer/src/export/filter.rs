//! Selection of a part of a run.

use clap::Args;

/// Selects a part of a run by time and energy.
#[derive(Debug, Clone, Copy, PartialEq, Default, Args)]
pub struct ExportFilter {
    /// Only export this time range of the run, e.g. 2s..5s. Intervals that cross its edges are
    /// clipped [default: the whole run]
    #[arg(long, value_name = "FROM..UNTIL", value_parser = parse_window,
          allow_hyphen_values = true)]
    pub window: Option<(i64, i64)>,
    /// Only export span entries with at least this energy, e.g. 1mJ, nested ones included. The
    /// energy of a dropped entry is added to its enclosing one [default: all]
    #[arg(long = "min-energy", value_name = "ENERGY", value_parser = parse_energy)]
    pub least_j: Option<f64>,
}

impl ExportFilter {
    /// Returns whether the whole run is selected.
    pub fn is_whole(&self) -> bool {
        *self == Self::default()
    }

    /// Describes the selection as a suffix for a title; empty for the whole run.
    pub fn description(&self) -> String {
        let edge = |ns: i64| match ns {
            i64::MIN | i64::MAX => String::new(),
            ns => format!("{} s", ns as f64 / 1e9),
        };
        let mut description = String::new();
        if let Some((from_ns, until_ns)) = self.window {
            description += &format!("; only {}..{}", edge(from_ns), edge(until_ns));
        }
        if let Some(least_j) = self.least_j {
            description += &format!("; only activations of {least_j} J and more");
        }
        description
    }

    /// Clips an interval to the window. An interval of zero length belongs to the window that
    /// contains its start. Returns `None` if nothing remains.
    pub fn clip(&self, start_ns: i64, end_ns: i64) -> Option<(i64, i64)> {
        let end_ns = end_ns.max(start_ns);
        let Some((from_ns, until_ns)) = self.window else {
            return Some((start_ns, end_ns));
        };
        let begins = from_ns <= start_ns && start_ns < until_ns;
        let reaches = start_ns < from_ns && end_ns > from_ns;
        (begins || reaches).then_some((start_ns.max(from_ns), end_ns.min(until_ns)))
    }
}

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

/// Returns the fraction of an interval that a part of it covers.
pub(super) fn share(part: (i64, i64), (start_ns, end_ns): (i64, i64)) -> f64 {
    match part == (start_ns, end_ns) {
        true => 1.0,
        false => (part.1 - part.0) as f64 / (end_ns - start_ns) as f64,
    }
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

    /// ```text
    /// window          |--------|
    /// clipped    [====|==]   []|  [==]
    /// ```
    #[test]
    fn intervals_are_clipped_to_the_window() {
        let filter = ExportFilter {
            window: Some((10, 20)),
            least_j: None,
        };
        assert_eq!(filter.clip(5, 12), Some((10, 12)));
        assert_eq!(filter.clip(15, 30), Some((15, 20)));
        assert_eq!(filter.clip(0, 99), Some((10, 20)));
        assert_eq!(filter.clip(10, 10), Some((10, 10)));
        assert_eq!(filter.clip(0, 10), None);
        assert_eq!(filter.clip(20, 20), None);
        assert_eq!(ExportFilter::default().clip(3, 2), Some((3, 3)));
    }
}
