//! Words that several answers use.

use crate::format::{energy, number, percent, shorten};

/// Maximum number of names in a sentence.
const NAMES: usize = 6;
/// Ratios from this on are named as factors.
const TIMES: f64 = 3.0;
/// Maximum length of a name in a sentence.
const NAME: usize = 60;

/// Joins names: `1, 2 and 4`; long lists are cut.
pub fn list_of(names: &[String]) -> String {
    let cut: Vec<String> = names.iter().map(|name| shorten(name, NAME)).collect();
    // Names of several settings contain commas.
    let between = match cut.iter().any(|name| name.contains(", ")) {
        true => "; ",
        false => ", ",
    };
    let last_joint = if between == "; " { "; " } else { " and " };
    match cut.as_slice() {
        [] => "none".to_owned(),
        [only] => only.clone(),
        many if many.len() > NAMES => {
            let more = many.len() - NAMES + 1;
            format!("{} and {more} more", many[..NAMES - 1].join(between))
        }
        [first @ .., last] => format!("{}{last_joint}{last}", first.join(between)),
    }
}

/// Formats a ratio as a difference: `35.0 % more`, `12.0 % less`.
pub fn relative(ratio: f64) -> String {
    let (size, word) = match ratio >= 1.0 {
        true => (ratio - 1.0, "more"),
        false => (1.0 - ratio, "less"),
    };
    format!("{} {word}", percent(Some(size)))
}

/// Formats how much more than another something needs, with its interval: `35.0 % more (20.0 % to
/// 52.0 %)`, and of a large ratio `15.7 times as much (7.26 to 34.0)`.
pub(super) fn excess(ratio: f64, interval: Option<(f64, f64)>) -> String {
    let (value, ends): (String, fn(f64) -> String) = match ratio < TIMES {
        true => (relative(ratio), |end| percent(Some(end - 1.0))),
        false => (times(ratio), |end| number(Some(end))),
    };
    let interval = interval.map(|(lo, hi)| format!(" ({} to {})", ends(lo), ends(hi)));
    value + &interval.unwrap_or_default()
}

/// Formats how much more several others need: `10.0 % to 50.0 % more`, `1.10 to 5.00 times as much`.
pub(super) fn excess_range(least: f64, most: f64) -> String {
    match most < TIMES {
        true => format!(
            "{} to {} more",
            percent(Some(least - 1.0)),
            percent(Some(most - 1.0))
        ),
        false => format!("{} to {}", number(Some(least)), times(most)),
    }
}

fn times(ratio: f64) -> String {
    format!("{} times as much", number(Some(ratio)))
}

/// `p = 0.012`, or `p < 0.001` for a smaller one.
pub(super) fn p_value(p: f64) -> String {
    match p < 0.001 {
        true => "p < 0.001".to_owned(),
        false => format!("p = {p:.3}"),
    }
}

/// Formats a ratio as a signed percentage: `+35.0 %`.
pub(super) fn signed_percent(change: f64) -> String {
    let sign = if change < 0.0 { "" } else { "+" };
    format!("{sign}{}", percent(Some(change)))
}

/// Formats an energy per token: `12.3 mJ/token`.
pub(super) fn per_token(joules: f64, label: &str) -> String {
    let token = label.strip_prefix("J/").unwrap_or(label);
    format!("{}/{token}", energy(Some(joules)))
}

/// Chooses the form of a verb.
pub(super) fn verb<'v>(count: usize, one: &'v str, many: &'v str) -> &'v str {
    if count == 1 { one } else { many }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_differences_are_words() {
        let names = |count: usize| (0..count).map(|at| at.to_string()).collect::<Vec<_>>();
        assert_eq!(list_of(&names(1)), "0");
        assert_eq!(list_of(&names(3)), "0, 1 and 2");
        assert_eq!(list_of(&names(9)), "0, 1, 2, 3, 4 and 4 more");
        let settings = ["a, b".to_owned(), "c".to_owned()];
        assert_eq!(list_of(&settings), "a, b; c");
        assert_eq!(relative(1.35), "35.0 % more");
        assert_eq!(relative(0.75), "25.0 % less");
        assert_eq!(
            excess(1.35, Some((1.2, 1.5))),
            "35.0 % more (20.0 % to 50.0 %)"
        );
        assert_eq!(
            excess(15.0, Some((7.5, 30.0))),
            "15.00 times as much (7.500 to 30.00)"
        );
        assert_eq!(excess(15.0, None), "15.00 times as much");
        assert_eq!(excess_range(1.1, 1.5), "10.0 % to 50.0 % more");
        assert_eq!(excess_range(1.5, 4.0), "1.500 to 4.000 times as much");
        assert_eq!(per_token(0.5, "J/prompt token"), "500.0 mJ/prompt token");
    }
}
