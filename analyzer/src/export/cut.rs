//! What part of a run is wanted.

/// A part of a run.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Cut {
    /// Only this time of the run, ns: `[from, until)`. What reaches beyond is cut there.
    pub window: Option<(i64, i64)>,
    /// Only activations with at least so many joules, all that ran within them
    /// included. What others hold is counted to the one around them.
    pub least_j: Option<f64>,
}

impl Cut {
    /// Whether it leaves everything.
    pub fn is_whole(&self) -> bool {
        *self == Self::default()
    }

    /// What part it is, in words that follow others; nothing for the whole run.
    pub fn words(&self) -> String {
        let edge = |ns: i64| match ns {
            i64::MIN | i64::MAX => String::new(),
            ns => format!("{} s", ns as f64 / 1e9),
        };
        let mut words = String::new();
        if let Some((from_ns, until_ns)) = self.window {
            words += &format!("; only {}..{}", edge(from_ns), edge(until_ns));
        }
        if let Some(least_j) = self.least_j {
            words += &format!("; only activations of {least_j} J and more");
        }
        words
    }

    /// What is left of a time; something without length is in the window it begins in.
    pub fn part(&self, start_ns: i64, end_ns: i64) -> Option<(i64, i64)> {
        let end_ns = end_ns.max(start_ns);
        let Some((from_ns, until_ns)) = self.window else {
            return Some((start_ns, end_ns));
        };
        let begins = from_ns <= start_ns && start_ns < until_ns;
        let reaches = start_ns < from_ns && end_ns > from_ns;
        (begins || reaches).then_some((start_ns.max(from_ns), end_ns.min(until_ns)))
    }
}

/// Reads a time of a run: `2s..5s`, `500ms..`, `..1.5s`; a number alone is seconds.
///
/// # Errors
/// In words, when it is none or is empty.
pub fn parse_window(text: &str) -> Result<(i64, i64), String> {
    let wrong = || format!("`{text}` is no time of a run; write it as 2s..5s, 500ms.. or ..1.5s");
    let (from, until) = text.split_once("..").ok_or_else(wrong)?;
    let edge = |text: &str, open: i64| match text.trim() {
        "" => Ok(open),
        text => nanos(text).ok_or_else(wrong),
    };
    let window = (edge(from, i64::MIN)?, edge(until, i64::MAX)?);
    match window.0 < window.1 {
        true => Ok(window),
        false => Err(format!(
            "`{text}` holds no time: give an end after the begin"
        )),
    }
}

/// Reads an energy: `1mJ`, `0.5 J`; a number alone is joules.
///
/// # Errors
/// In words, when it is none.
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
        .ok_or_else(|| format!("`{text}` is no energy; write it as 1mJ or 0.5J"))
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

/// A number with one of those units, or the bare number.
fn scaled(text: &str, units: &[(&str, f64)]) -> Option<f64> {
    let unit = units.iter().find(|(name, _)| text.ends_with(name));
    let (number, scale) = match unit {
        Some((name, scale)) => (text.strip_suffix(name)?, *scale),
        None => (text, 1.0),
    };
    let value: f64 = number.trim().parse().ok()?;
    value.is_finite().then_some(value * scale)
}

/// What part of a time's energy a part of it has.
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
    fn windows_are_read_with_their_units() {
        assert_eq!(parse_window("2s..5s"), Ok((2_000_000_000, 5_000_000_000)));
        assert_eq!(parse_window("500ms.."), Ok((500_000_000, i64::MAX)));
        assert_eq!(parse_window("..1.5"), Ok((i64::MIN, 1_500_000_000)));
        assert_eq!(
            parse_window("-1s..2min"),
            Ok((-1_000_000_000, 120_000_000_000))
        );
        for wrong in [
            "", "2s", "5s..2s", "2s..2s", "a..b", "..nan", "1e30..", "1h..2h",
        ] {
            assert!(parse_window(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn energies_are_read_with_their_units() {
        assert_eq!(parse_energy("2 mJ"), Ok(0.002));
        assert_eq!(parse_energy("0.5J"), Ok(0.5));
        assert_eq!(parse_energy("3"), Ok(3.0));
        for wrong in ["", "J", "-1J", "nan", "inf", "1 Wh"] {
            assert!(parse_energy(wrong).is_err(), "{wrong}");
        }
    }

    /// ```text
    /// window          |--------|
    /// left       [====|==]   []|  [==]
    /// ```
    #[test]
    fn what_reaches_beyond_is_cut() {
        let cut = Cut {
            window: Some((10, 20)),
            least_j: None,
        };
        assert_eq!(cut.part(5, 12), Some((10, 12)));
        assert_eq!(cut.part(15, 30), Some((15, 20)));
        assert_eq!(cut.part(0, 99), Some((10, 20)));
        assert_eq!(cut.part(10, 10), Some((10, 10)));
        assert_eq!(cut.part(0, 10), None);
        assert_eq!(cut.part(20, 20), None);
        assert_eq!(Cut::default().part(3, 2), Some((3, 3)));
    }
}
