//! Options of engines other than candle.

use std::time::Duration;

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::drive::{DriveOptions, EndpointApi};
use crate::error::{Error, Result};
use crate::options::{duration_text, parse_duration};
use crate::record::TokenOptions;

/// Options of engines. They are the same for all trials of an experiment and are stored with its
/// plan.
#[derive(Debug, Clone, PartialEq, Eq, Args, Serialize, Deserialize)]
#[serde(default)]
pub struct EngineOptions {
    /// Engine http: command line that starts the server; {model}, {threads}, {device}, {cache},
    /// {max_tokens} and names of labels in braces are replaced [default: none]
    #[arg(long, value_name = "COMMAND")]
    pub serve: Option<String>,
    /// Engine http: interface of the server: completions or chat of OpenAI, or llama
    /// [default: that of the address, or completions]
    #[arg(long, value_name = "API", value_enum, hide_possible_values = true)]
    pub api: Option<EndpointApi>,
    /// Engine http: time limit of the server's start (0s: none)
    #[arg(long, value_name = "DURATION", value_parser = parse_duration,
          default_value = duration_text(Self::default().start_timeout))]
    pub start_timeout: Duration,
    /// Engine command: command line that generates the text; {prompt_file}, {max_tokens}, {model},
    /// {threads}, {device}, {cache} and names of labels in braces are replaced [default: none]
    #[arg(long, value_name = "COMMAND")]
    pub command: Option<String>,
    /// Engine command: numbers of tokens in its output.
    #[command(flatten)]
    pub tokens: TokenOptions,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            serve: None,
            api: None,
            start_timeout: DriveOptions::default().start_timeout,
            command: None,
            tokens: TokenOptions::default(),
        }
    }
}

impl EngineOptions {
    /// Checks that each option belongs to one of the chosen `engines`.
    ///
    /// # Errors
    /// Names the option that would have no effect.
    pub fn check(&self, engines: &[&str]) -> Result<()> {
        let default = Self::default();
        let given = [
            ("http", "--serve", self.serve.is_some()),
            ("http", "--api", self.api.is_some()),
            (
                "http",
                "--start-timeout",
                self.start_timeout != default.start_timeout,
            ),
            ("command", "--command", self.command.is_some()),
            (
                "command",
                "--tokens-json",
                !self.tokens.tokens_json.is_empty(),
            ),
            (
                "command",
                "--tokens-regex",
                !self.tokens.tokens_regex.is_empty(),
            ),
        ];
        let mut unused = given
            .iter()
            .filter(|(engine, _, is_given)| *is_given && !engines.contains(engine));
        match unused.next() {
            None => Ok(()),
            Some((engine, option, _)) => Err(Error::Request(format!(
                "{option} has no effect without the engine {engine}; give --engine {engine}, or omit \
                 the option"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_need_their_engine() {
        let served = EngineOptions {
            serve: Some("x".into()),
            start_timeout: Duration::from_secs(1),
            ..EngineOptions::default()
        };
        assert!(served.check(&["candle", "http"]).is_ok());
        let error = served.check(&["candle"]).unwrap_err().to_string();
        assert!(error.contains("--serve has no effect"), "{error}");
        let late = EngineOptions {
            serve: None,
            ..served
        };
        let error = late.check(&["command"]).unwrap_err().to_string();
        assert!(error.contains("give --engine http"), "{error}");
        assert!(EngineOptions::default().check(&["candle"]).is_ok());
    }
}
