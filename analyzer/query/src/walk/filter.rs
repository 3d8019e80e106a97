//! Selection of a part of a run.

use clap::Args;

use super::parse::{parse_energy, parse_window};

/// Selects a part of a run by time and energy.
#[derive(Debug, Clone, Copy, PartialEq, Default, Args)]
pub struct WalkFilter {
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

impl WalkFilter {
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

/// Returns the fraction of an interval that a part of it covers.
pub fn share(part: (i64, i64), (start_ns, end_ns): (i64, i64)) -> f64 {
    match part == (start_ns, end_ns) {
        true => 1.0,
        false => (part.1 - part.0) as f64 / (end_ns - start_ns) as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ```text
    /// window          |--------|
    /// clipped    [====|==]   []|  [==]
    /// ```
    #[test]
    fn intervals_are_clipped_to_the_window() {
        let filter = WalkFilter {
            window: Some((10, 20)),
            least_j: None,
        };
        assert_eq!(filter.clip(5, 12), Some((10, 12)));
        assert_eq!(filter.clip(15, 30), Some((15, 20)));
        assert_eq!(filter.clip(0, 99), Some((10, 20)));
        assert_eq!(filter.clip(10, 10), Some((10, 10)));
        assert_eq!(filter.clip(0, 10), None);
        assert_eq!(filter.clip(20, 20), None);
        assert_eq!(WalkFilter::default().clip(3, 2), Some((3, 3)));
    }
}
