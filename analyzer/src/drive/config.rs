//! Configuration that is stored with a run.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::answer::ServerAnswer;
use super::options::DriveOptions;
use super::other_clients::OtherClients;
use super::server_facts::ServerFacts;
use super::token_counts::TokenCounts;
use crate::checksum::sha256_of;

/// Version of [`DriveConfig`]; increased when a field is removed or changes its meaning.
const VERSION: u32 = 1;

/// Configuration of a run. Fields that `energy run` also stores have its names.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct DriveConfig {
    version: u32,
    /// Address of the server, as it was given.
    endpoint: Option<String>,
    /// Interface of the server.
    api: &'static str,
    /// Command line of the server, with its placeholders replaced; absent without texts, or if the
    /// server ran before.
    #[serde(skip_serializing_if = "Option::is_none")]
    serve: Option<String>,
    /// The same with its placeholders.
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<String>,
    /// Process of a server that ran before.
    #[serde(skip_serializing_if = "Option::is_none")]
    watch_pid: Option<u32>,
    labels: BTreeMap<String, String>,
    /// Compute threads of the server, if they were requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    threads: Option<usize>,
    /// Device that the command line of the server requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    /// Number format of the key-value cache that it requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    cache: Option<String>,
    /// Requested number of tokens of a made prompt; absent if the prompt was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_tokens: Option<usize>,
    /// Depth of spans: that of tokens.
    depth: &'static str,
    prompts: usize,
    batch: usize,
    max_tokens: usize,
    temperature: f32,
    seed: u64,
    ignore_eos: bool,
    /// Whether the prompt is used without the model's template.
    raw: bool,
    warmup: usize,
    /// SHA-256 of the model, if its path was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    model_sha256: Option<String>,
    /// Identifies runs with the same prompt although its text is not stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_sha256: Option<String>,
    /// Number of parameters, as the server states it.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<u64>,
    /// Positions of the context, as the server states it.
    #[serde(skip_serializing_if = "Option::is_none")]
    context_length: Option<u64>,
    server: ServerConfig,
    /// Problem that ended the run early.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
}

/// What the server stated or measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
struct ServerConfig {
    version: Option<String>,
    slots: Option<u64>,
    /// Reason for the end of the answer.
    finish: Option<String>,
    /// Tokens counted from the stream.
    streamed_tokens: Option<usize>,
    /// Generated tokens by its own count.
    output_tokens: Option<u64>,
    /// Prompt tokens by its own count.
    input_tokens: Option<u64>,
    /// Prompt tokens that were in its cache.
    cached_tokens: Option<i64>,
    /// Times that it measured.
    timings: Option<Map<String, Value>>,
    /// Most connections of other clients at a time during the request.
    other_connections: Option<usize>,
    /// Tokens of other requests that it processed during the request.
    other_tokens: Option<u64>,
}

impl DriveConfig {
    /// Returns the configuration before the server is started. `serve` is the command line with its
    /// placeholders replaced.
    pub(super) fn of(
        options: &DriveOptions,
        serve: Option<&str>,
        model_sha256: Option<String>,
    ) -> Self {
        let keep_text = options.recording.keep_text;
        let api = options.chosen_api();
        Self {
            version: VERSION,
            endpoint: options.endpoint.as_ref().map(ToString::to_string),
            api: api.name(),
            serve: serve.map(str::to_owned).filter(|_| keep_text),
            template: options.serve.clone().filter(|_| keep_text),
            watch_pid: options.watch_pid,
            labels: options.labels.iter().cloned().collect(),
            depth: "phase",
            prompts: 1,
            batch: 1,
            max_tokens: options.max_tokens,
            temperature: options.temperature,
            seed: options.seed,
            ignore_eos: options.ignore_eos,
            raw: api != super::endpoint::EndpointApi::Chat,
            warmup: options.warmup,
            model_sha256,
            threads: options.threads,
            device: options.device.clone(),
            cache: options.cache.clone(),
            prompt_tokens: options.prompt_tokens,
            prompt_sha256: (!keep_text || !options.is_prompt_stored)
                .then(|| sha256_of(options.prompt.as_bytes())),
            ..Self::default()
        }
    }

    /// Adds what the server states.
    pub(super) fn set_facts(&mut self, facts: &ServerFacts) {
        self.parameters = facts.parameters;
        self.context_length = facts.context;
        self.server.version.clone_from(&facts.version);
        self.server.slots = facts.slots;
    }

    /// Adds the numbers of the answer.
    pub(super) fn set_answer(&mut self, answer: &ServerAnswer, counts: &TokenCounts) {
        let server = &mut self.server;
        let version = server.version.take();
        server.version = version.or_else(|| answer.fingerprint.clone());
        server.finish.clone_from(&answer.finish);
        server.streamed_tokens = Some(answer.streamed);
        server.output_tokens = answer.usage.output;
        server.input_tokens = answer.usage.input;
        server.cached_tokens = counts.cached;
        server.timings.clone_from(&answer.timings);
    }

    /// Adds what was found of other clients.
    pub(super) fn set_others(&mut self, others: &OtherClients) {
        self.server.other_connections = others.connections;
        self.server.other_tokens = others.tokens;
    }

    /// Returns the fields by which past runs of the same server and interface are recognized, as they
    /// are stored.
    pub(super) fn fields_of_server(&self) -> Map<String, Value> {
        Map::from_iter([
            ("serve".to_owned(), self.serve.clone().into()),
            ("api".to_owned(), self.api.into()),
            ("ignore_eos".to_owned(), self.ignore_eos.into()),
        ])
    }

    /// Returns the JSON text, with sorted keys.
    pub(super) fn text(&self) -> Option<String> {
        let value = serde_json::to_value(self).ok()?;
        Some(value.to_string())
    }
}
