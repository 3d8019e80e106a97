//! Options of engines other than candle.

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::drive::EndpointApi;
use crate::record::TokenOptions;

/// Options of engines. They are the same for all trials of an experiment and are stored with its
/// plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args, Serialize, Deserialize)]
#[serde(default)]
pub struct EngineOptions {
    /// Engine http: command line that starts the server; {model}, {threads}, {device} and names of
    /// labels in braces are replaced [default: none]
    #[arg(long, value_name = "COMMAND")]
    pub serve: Option<String>,
    /// Engine http: interface of the server: completions or chat of OpenAI, or llama
    /// [default: that of the address, or completions]
    #[arg(long, value_name = "API", value_enum, hide_possible_values = true)]
    pub api: Option<EndpointApi>,
    /// Engine command: command line that generates the text; {prompt_file}, {max_tokens}, {model},
    /// {threads}, {device} and names of labels in braces are replaced [default: none]
    #[arg(long, value_name = "COMMAND")]
    pub command: Option<String>,
    /// Engine command: numbers of tokens in its output.
    #[command(flatten)]
    pub tokens: TokenOptions,
}
