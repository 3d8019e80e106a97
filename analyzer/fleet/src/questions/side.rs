//! Dates of options, and sides of a comparison.

use energy_query::format::{parse_time_range, utc};

/// Dates from one to another, both included; `None` has no limit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DateRange {
    /// First date, `2026-11-01`.
    pub since: Option<String>,
    /// Last date.
    pub until: Option<String>,
}

/// Parses `2026-11-01`, or an age such as `7d`, to a UTC date.
///
/// # Errors
/// Describes the accepted format.
pub fn parse_date(text: &str) -> Result<String, String> {
    let now_ns = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |age| i64::try_from(age.as_nanos()).unwrap_or(i64::MAX));
    let range = parse_time_range(text, now_ns)?;
    Ok(utc(range.first_ns).chars().take(10).collect())
}

impl DateRange {
    fn parse(text: &str) -> Result<Self, String> {
        let end = |text: &str| match text {
            "" => Ok(None),
            _ => parse_date(text).map(Some),
        };
        let (since, until) = match text.split_once("..") {
            Some((since, until)) => (end(since)?, end(until)?),
            None => (end(text)?, end(text)?),
        };
        match (&since, &until) {
            (None, None) => Err(format!(
                "`{text}` has no date; write 2026-11-01..2026-11-07"
            )),
            (Some(since), Some(until)) if since > until => {
                Err(format!("`{text}` ends before it begins"))
            }
            _ => Ok(Self { since, until }),
        }
    }
}

/// One side of a comparison: dates or a version of the program.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Side {
    /// Dates.
    pub dates: DateRange,
    /// Version of the program; `None`: all.
    pub version: Option<String>,
}

/// Parses `2026-11-01`, `2026-11-01..2026-11-07`, `version=2.4.0`, or both with a comma between.
///
/// # Errors
/// Describes the accepted format.
pub fn parse_side(text: &str) -> Result<Side, String> {
    let mut side = Side::default();
    for part in text.split(',').map(str::trim) {
        match part.strip_prefix("version=") {
            Some("") => return Err("write version=2.4.0".to_owned()),
            Some(version) => side.version = Some(version.to_owned()),
            None => {
                side.dates = DateRange::parse(part).map_err(|problem| {
                    format!("{problem}; a side is DATE, DATE..DATE or version=TEXT")
                })?;
            }
        }
    }
    Ok(side)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_dates_versions_or_both() {
        let side = parse_side("2026-11-01..2026-11-07").unwrap();
        assert_eq!(side.dates.since.as_deref(), Some("2026-11-01"));
        assert_eq!(side.dates.until.as_deref(), Some("2026-11-07"));
        let side = parse_side("version=2.4.0, ..2026-11-07").unwrap();
        assert_eq!(side.version.as_deref(), Some("2.4.0"));
        assert_eq!(side.dates.since, None);
        let one = parse_side("2026-11-03").unwrap().dates;
        assert_eq!(one.since, one.until);
    }

    #[test]
    fn sides_that_are_neither_name_the_accepted_forms() {
        for text in [
            "",
            "2.4.0",
            "version=",
            "..",
            "2026-11-07..2026-11-01",
            "' OR 1=1",
        ] {
            let problem = parse_side(text).unwrap_err();
            assert!(!problem.is_empty(), "{text}");
        }
    }
}
