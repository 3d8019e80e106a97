//! Values of conditions on runs, and their text on the command line.

use energy_host as host;

use crate::format::parse_time_range;

/// A closed range of numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NumberRange {
    /// Smallest.
    pub low: f64,
    /// Largest.
    pub high: f64,
}

impl NumberRange {
    /// Returns whether a number is in the range.
    pub fn contains(&self, number: f64) -> bool {
        (self.low..=self.high).contains(&number)
    }
}

/// Parses the earliest start of a run to ns since 1970.
pub(super) fn parse_since(text: &str) -> std::result::Result<i64, String> {
    Ok(parse_time_range(text, host::unix_ns())?.first_ns)
}

/// Parses the latest start of a run to ns since 1970.
pub(super) fn parse_until(text: &str) -> std::result::Result<i64, String> {
    Ok(parse_time_range(text, host::unix_ns())?.last_ns)
}

/// Parses `LOW..HIGH`; either end may be omitted.
///
/// # Errors
/// Describes the accepted format.
pub fn parse_range(text: &str) -> std::result::Result<NumberRange, String> {
    let advice = || format!("`{text}` is not a range; write 0.5..2, 0.5.. or ..2");
    let (low, high) = text.split_once("..").ok_or_else(advice)?;
    let bound = |text: &str, open: f64| match text.trim() {
        "" => Ok(open),
        number => number
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite())
            .ok_or_else(advice),
    };
    let (low, high) = (bound(low, f64::NEG_INFINITY)?, bound(high, f64::INFINITY)?);
    match low <= high {
        true => Ok(NumberRange { low, high }),
        false => Err(format!(
            "`{text}` is an empty range: {low} is more than {high}"
        )),
    }
}

/// Parses `KEY=VALUE`, or `KEY` for a tag with any value.
///
/// # Errors
/// If there is no key.
pub fn parse_tag_filter(text: &str) -> std::result::Result<(String, Option<String>), String> {
    let (key, value) = match text.split_once('=') {
        Some((key, value)) => (key, Some(value.to_owned())),
        None => (text, None),
    };
    match key {
        "" => Err(format!("`{text}` has no key; write KEY or KEY=VALUE")),
        key => Ok((key.to_owned(), value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_may_be_open() {
        let range = |low, high| Ok(NumberRange { low, high });
        assert_eq!(parse_range("0.5..2"), range(0.5, 2.0));
        assert_eq!(parse_range("..2"), range(f64::NEG_INFINITY, 2.0));
        assert_eq!(parse_range("0.5.."), range(0.5, f64::INFINITY));
        for wrong in ["", "2", "2..1", "a..b", "nan..1", "1...2", "1..inf"] {
            assert!(parse_range(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn tag_filters_have_an_optional_value() {
        assert_eq!(parse_tag_filter("a"), Ok(("a".into(), None)));
        assert_eq!(
            parse_tag_filter("a="),
            Ok(("a".into(), Some(String::new())))
        );
        assert!(parse_tag_filter("=b").is_err());
    }
}
