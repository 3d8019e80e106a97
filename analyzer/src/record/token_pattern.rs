//! Regular expressions that match token counts.

use std::str::FromStr;

use regex::{Captures, Regex};

use super::found_counts::FoundCounts;

/// A regular expression with the groups `input` and `output`, or one of them.
#[derive(Debug, Clone)]
pub(super) struct TokenPattern(Regex);

impl FromStr for TokenPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let regex = Regex::new(text).map_err(|error| error.to_string())?;
        let names = regex.capture_names().flatten();
        match names
            .filter(|name| ["input", "output"].contains(name))
            .count()
        {
            0 => Err(format!(
                "`{text}` has no group `input` or `output`; write \"(?<output>\\d+) tokens\""
            )),
            _ => Ok(Self(regex)),
        }
    }
}

impl TokenPattern {
    /// Returns the counts of the last matches in a text.
    pub(super) fn counts(&self, text: &str) -> FoundCounts {
        let mut found = FoundCounts::default();
        for captures in self.0.captures_iter(text) {
            found.replace(FoundCounts {
                input: number(&captures, "input"),
                output: number(&captures, "output"),
            });
        }
        found
    }
}

/// Parses a group, without separators of thousands.
fn number(captures: &Captures<'_>, group: &str) -> Option<i64> {
    let text = captures.name(group)?.as_str();
    let digits: String = text
        .chars()
        .filter(|c| ![',', '_', '\''].contains(c))
        .collect();
    digits.trim().parse().ok().filter(|number| *number >= 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_match_of_each_group_counts() {
        let pattern: TokenPattern = r"(?:prompt (?<input>[\d,]+)|(?<output>\d+) tokens)"
            .parse()
            .unwrap();
        let found = pattern.counts("1 tokens\nprompt 1,024\n7 tokens\n");
        assert_eq!((found.input, found.output), (Some(1024), Some(7)));
        assert_eq!(pattern.counts("none"), FoundCounts::default());
        let huge = pattern.counts("99999999999999999999 tokens");
        assert_eq!(huge, FoundCounts::default());
    }

    #[test]
    fn patterns_need_a_named_group() {
        for text in [r"(\d+)", r"(?<tokens>\d+)", "(", r"(?<output>"] {
            assert!(text.parse::<TokenPattern>().is_err(), "{text}");
        }
    }
}
