//! Options that find numbers of tokens in the output of a program.

use clap::Args;
use serde::{Deserialize, Serialize};

use super::json_path::CountPath;
use super::token_pattern::TokenPattern;

/// Where the output of a program has its numbers of tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args, Serialize, Deserialize)]
#[serde(default)]
pub struct TokenOptions {
    /// Path of token counts in JSON that the program prints, e.g. usage, or
    /// input=usage.prompt_tokens and output=usage.completion_tokens (repeatable) [default: none]
    #[arg(long, value_name = "[KIND=]PATH", value_parser = parse_path)]
    pub tokens_json: Vec<String>,
    /// Regular expression with a group `input` or `output` that matches a token count in the
    /// output, e.g. `(?<output>\d+) tokens` (repeatable) [default: none]
    #[arg(long, value_name = "REGEX", value_parser = parse_pattern)]
    pub tokens_regex: Vec<String>,
}

impl TokenOptions {
    /// Returns whether the output has to be searched.
    pub fn is_requested(&self) -> bool {
        !self.tokens_json.is_empty() || !self.tokens_regex.is_empty()
    }
}

/// Checks a path.
fn parse_path(text: &str) -> Result<String, String> {
    text.parse::<CountPath>().map(|_| text.to_owned())
}

/// Checks a regular expression.
fn parse_pattern(text: &str) -> Result<String, String> {
    text.parse::<TokenPattern>().map(|_| text.to_owned())
}
