//! Options of a driven server.

use std::time::Duration;

use clap::Args;

use super::endpoint::{Endpoint, EndpointApi};
use crate::options::{RecordingOptions, duration_text, parse_duration};

/// Options of `energy drive`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct DriveOptions {
    /// Command line that starts the server: its process is ended afterwards. {model}, {max_tokens}
    /// and the names of labels in braces are replaced
    #[arg(
        long,
        value_name = "COMMAND",
        conflicts_with = "watch_pid",
        required_unless_present_any = ["watch_pid", "trial"]
    )]
    pub serve: Option<String>,
    /// Process of a server that already runs; it is not ended
    #[arg(long, value_name = "PID", value_parser = clap::value_parser!(u32).range(1..))]
    pub watch_pid: Option<u32>,
    /// Address of the server on this machine, e.g. http://127.0.0.1:8080
    #[arg(long, value_name = "URL", required_unless_present = "trial")]
    pub endpoint: Option<Endpoint>,
    /// Interface of the server: completions or chat of OpenAI, or llama
    /// [default: that of the address, or completions]
    #[arg(long, value_name = "API", value_enum, hide_possible_values = true)]
    pub api: Option<EndpointApi>,
    /// Prompt for the model
    #[arg(long, value_name = "TEXT", default_value_t = Self::default().prompt)]
    pub prompt: String,
    /// Maximum number of generated tokens
    #[arg(long, value_name = "N", default_value_t = Self::default().max_tokens,
          value_parser = parse_max_tokens)]
    pub max_tokens: usize,
    /// Request that the end token is ignored, so that the answer has its maximum length; llama.cpp
    /// and vLLM support it
    #[arg(long)]
    pub ignore_eos: bool,
    /// Sampling temperature (0 selects the most likely token)
    #[arg(long, value_name = "T", default_value_t = Self::default().temperature)]
    pub temperature: f32,
    /// Seed of sampling
    #[arg(long, value_name = "N", default_value_t = Self::default().seed)]
    pub seed: u64,
    /// Model: a file or folder that the command line loads, or the name to request
    /// [default: the server's]
    #[arg(long, value_name = "MODEL")]
    pub model: Option<String>,
    /// Number of compute threads that the command line requests.
    #[arg(skip)]
    pub threads: Option<usize>,
    /// Device that the command line requests.
    #[arg(skip)]
    pub device: Option<String>,
    /// Number format of the key-value cache that the command line requests.
    #[arg(skip)]
    pub cache: Option<String>,
    /// Requested number of tokens of a made prompt.
    #[arg(skip)]
    pub prompt_tokens: Option<usize>,
    /// Label of the configuration, e.g. tp=2 (repeatable) [default: none]
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = parse_label)]
    pub labels: Vec<(String, String)>,
    /// Number of requests before the measured one: a span `warm_up` records their energy, outside of
    /// that of `inference`
    #[arg(long, value_name = "N", default_value_t = Self::default().warmup)]
    pub warmup: usize,
    /// Time limit of a request (0s: none)
    #[arg(long, value_name = "DURATION", value_parser = parse_duration,
          default_value = duration_text(Self::default().timeout))]
    pub timeout: Duration,
    /// Time limit of the server's start (0s: none)
    #[arg(long, value_name = "DURATION", value_parser = parse_duration,
          default_value = duration_text(Self::default().start_timeout))]
    pub start_timeout: Duration,
    /// Power, idle baseline and labels.
    #[command(flatten)]
    pub recording: RecordingOptions,
    /// Whether the prompt is stored with the run, if texts are.
    #[arg(skip = true)]
    pub is_prompt_stored: bool,
    /// Id of the run, a UUID; a new one if it is `None`.
    #[arg(skip)]
    pub run_id: Option<String>,
}

impl Default for DriveOptions {
    fn default() -> Self {
        Self {
            serve: None,
            watch_pid: None,
            endpoint: None,
            api: None,
            prompt: "Explain in a few sentences why the sky is blue.".to_owned(),
            max_tokens: 128,
            ignore_eos: false,
            temperature: 0.0,
            seed: 0,
            model: None,
            threads: None,
            device: None,
            cache: None,
            prompt_tokens: None,
            labels: Vec::new(),
            warmup: 0,
            timeout: Duration::from_secs(600),
            start_timeout: Duration::from_secs(300),
            recording: RecordingOptions::default(),
            is_prompt_stored: true,
            run_id: None,
        }
    }
}

impl DriveOptions {
    /// Returns the interface: the requested one, that of the address, or the default.
    pub fn chosen_api(&self) -> EndpointApi {
        let of_address = self.endpoint.as_ref().and_then(Endpoint::api);
        self.api.or(of_address).unwrap_or_default()
    }
}

/// Parses the largest number of tokens.
///
/// # Errors
/// If it is no number, or 0: an answer has at least one token.
fn parse_max_tokens(text: &str) -> Result<usize, String> {
    let number = text
        .parse()
        .ok()
        .filter(|number| (1..=10_000_000).contains(number));
    number.ok_or_else(|| "use a number from 1 to 10000000".to_owned())
}

/// Parses a label.
///
/// # Errors
/// If it has no key or no value.
fn parse_label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok((key.trim().to_owned(), value.to_owned()))
        }
        _ => Err("use KEY=VALUE, e.g. tp=2".to_owned()),
    }
}
