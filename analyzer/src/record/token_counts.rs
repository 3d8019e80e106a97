//! Numbers of tokens in the output of a program.

use super::found_counts::FoundCounts;
use super::json_path::{CountPath, json_values};
use super::token_options::TokenOptions;
use super::token_pattern::TokenPattern;

/// Finds the counts in the texts that a program has printed: the last one of each kind. Paths come
/// before regular expressions.
pub(super) fn find(options: &TokenOptions, texts: &[String]) -> FoundCounts {
    let patterns = options
        .tokens_regex
        .iter()
        .filter_map(|text| text.parse().ok());
    let patterns: Vec<TokenPattern> = patterns.collect();
    let paths = options
        .tokens_json
        .iter()
        .filter_map(|text| text.parse().ok());
    let paths: Vec<CountPath> = paths.collect();
    let mut found = FoundCounts::default();
    for text in texts {
        for pattern in &patterns {
            found.replace(pattern.counts(text));
        }
    }
    if !paths.is_empty() {
        for text in texts {
            json_values(text, |value| {
                paths
                    .iter()
                    .for_each(|path| found.replace(path.counts(value)));
            });
        }
    }
    found
}

/// Returns a warning for the counts that were not found.
pub(super) fn warning(options: &TokenOptions, found: FoundCounts) -> Option<String> {
    let missing = match (found.input, found.output) {
        (Some(_), Some(_)) => return None,
        (None, Some(_)) => "prompt tokens",
        (Some(_), None) => "generated tokens",
        (None, None) => "prompt and generated tokens",
    };
    let json = options
        .tokens_json
        .iter()
        .map(|path| format!("--tokens-json {path}"));
    let regex = options
        .tokens_regex
        .iter()
        .map(|text| format!("--tokens-regex {text}"));
    let sources: Vec<String> = json.chain(regex).collect();
    Some(format!(
        "the output of the program has no number of {missing} by {}: it stays unknown",
        sources.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(json: &[&str], regex: &[&str]) -> TokenOptions {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        TokenOptions {
            tokens_json: owned(json),
            tokens_regex: owned(regex),
        }
    }

    #[test]
    fn counts_of_both_outputs_are_combined() {
        let options = options(&["usage"], &[r"in=(?<input>\d+)"]);
        let texts = [
            "x\n{\"usage\": {\"completion_tokens\": 4}}\n{\"usage\": {\"completion_tokens\": 9}}\n",
            "in=3",
        ];
        let found = find(&options, &texts.map(str::to_owned));
        assert_eq!((found.input, found.output), (Some(3), Some(9)));
        assert_eq!(warning(&options, found), None);
    }

    #[test]
    fn missing_counts_are_named_with_their_option() {
        let options = options(&["output=a.b"], &[]);
        let found = find(&options, &["{\"a\": 5}".to_owned()]);
        let text = warning(&options, found).unwrap();
        assert!(
            text.contains("prompt and generated tokens by --tokens-json output=a.b"),
            "{text}"
        );
        let half = warning(&options, FoundCounts::output(Some(5))).unwrap();
        assert!(half.contains("number of prompt tokens"), "{half}");
    }
}
