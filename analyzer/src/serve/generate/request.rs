//! Bodies of requests that start a run, in two forms.
//!
//! Ours has keys in snake case and is answered at once. The other one has keys in camel case, which
//! existing scripts send, and is answered when the run has ended.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use utoipa::ToSchema;

use crate::options::{SourceOptions, parse_tag};
use crate::run::{RunOptions, SpanDepth, parse_method};
use crate::serve::problem::Problem;
use crate::serve::wording::reworded;

/// Keys of our form only.
const OURS: [&str; 21] = [
    "model",
    "depth",
    "max_tokens",
    "temperature",
    "top_k",
    "top_p",
    "seed",
    "repeat_penalty",
    "raw",
    "stats",
    "experiment",
    "name",
    "keep_text",
    "method",
    "baseline_ms",
    "batch",
    "wait",
    "on_busy",
    "allow_modelled",
    "on_disconnect",
    "interval_ms",
];
/// Keys of the other form only.
const COMPATIBLE: [&str; 4] = ["modelPath", "profilingDepth", "experimentName", "config"];
/// Threshold of statistics of activations.
const STATS: f32 = 0.01;
/// Longest name, experiment or tag in bytes.
const LONGEST_LABEL: usize = 1000;
/// Largest number of tags.
const MOST_TAGS: usize = 100;
/// Largest number of tokens.
const MOST_TOKENS: usize = 1_000_000;

/// What to do if another run is being generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum OnBusy {
    /// Answer 409
    #[default]
    Refuse,
    /// Wait for the other runs, at most 8
    Queue,
}

/// What to do if a client that waits for the end disconnects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum OnDisconnect {
    /// Continue the run
    #[default]
    Continue,
    /// Cancel the run
    Cancel,
}

/// Granularity of spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum RequestedDepth {
    Phase,
    Layer,
    Module,
    Deep,
}

/// Tags: a list of `KEY=VALUE` or `KEY`, an object, or a list in one text, separated by commas.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
#[serde(untagged)]
pub(super) enum RequestedTags {
    List(Vec<String>),
    Object(BTreeMap<String, String>),
    Text(String),
}

/// A run to start. Answered with 202 at once, or with `wait` when the run has ended.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GenerateBody {
    /// Prompt for the model
    #[schema(min_length = 1)]
    prompt: String,
    /// Id of a model from `GET /api/profiling/models` [default: smollm2]
    model: Option<String>,
    /// Granularity of spans [default: module]
    depth: Option<RequestedDepth>,
    /// Maximum number of generated tokens [default: 128]
    #[schema(minimum = 1, maximum = 1_000_000)]
    max_tokens: Option<usize>,
    /// Sampling temperature; 0 selects the most likely token [default: 0]
    #[schema(minimum = 0, maximum = 100)]
    temperature: Option<f32>,
    /// Number of most likely tokens to sample from [default: all]
    #[schema(minimum = 1)]
    top_k: Option<usize>,
    /// Cumulative probability of the most likely tokens to sample from [default: 1]
    #[schema(exclusive_minimum = 0, maximum = 1)]
    top_p: Option<f32>,
    /// Seed of sampling [default: 0]
    seed: Option<u64>,
    /// Penalty for repeating one of the last 64 tokens; 1 disables it [default: 1]
    #[schema(minimum = 1, maximum = 100)]
    repeat_penalty: Option<f32>,
    /// Continue the prompt without the chat template [default: false]
    raw: Option<bool>,
    /// Record statistics of activation tensors [default: false]
    stats: Option<bool>,
    /// Tags of the run
    tags: Option<RequestedTags>,
    /// Experiment that the run belongs to
    experiment: Option<String>,
    /// Name of the run
    name: Option<String>,
    /// Store the prompt, the response and the tokens' texts [default: true]
    keep_text: Option<bool>,
    /// Attribution method: proportional or fitted [default: fitted if power is measured]
    method: Option<String>,
    /// Duration of the idle baseline at the start in ms [default: 2000]
    #[schema(maximum = 60_000)]
    baseline_ms: Option<u64>,
    /// Time between power samples in ms [default: that of the server]
    #[schema(minimum = 1, maximum = 60_000)]
    interval_ms: Option<u64>,
    /// Number of sequences; only 1 is supported
    #[schema(minimum = 1, maximum = 1)]
    batch: Option<u64>,
    /// Answer when the run has ended [default: false]
    wait: Option<bool>,
    /// What to do if another run is being generated [default: refuse]
    on_busy: Option<OnBusy>,
    /// Record modelled power if none can be measured [default: false]
    allow_modelled: Option<bool>,
    /// What to do if a client that waits disconnects [default: continue]
    on_disconnect: Option<OnDisconnect>,
}

/// A run to start in the form of existing scripts. Answered when the run has ended.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct CompatibleBody {
    /// Prompt for the model
    #[schema(min_length = 1)]
    prompt: String,
    /// Id of a model from `GET /api/profiling/models` [default: smollm2]
    model_path: Option<String>,
    /// Granularity of spans: phase, layer, module, deep [default: module]
    profiling_depth: Option<RequestedDepth>,
    /// Tags of the run
    tags: Option<RequestedTags>,
    /// Experiment that the run belongs to
    experiment_name: Option<String>,
    /// Sampling
    config: Option<CompatibleConfig>,
}

/// Sampling in the form of existing scripts.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CompatibleConfig {
    #[schema(minimum = 0, maximum = 100)]
    temperature: Option<f32>,
    #[schema(minimum = 1)]
    top_k: Option<usize>,
    #[schema(exclusive_minimum = 0, maximum = 1)]
    top_p: Option<f32>,
    seed: Option<u64>,
    #[schema(minimum = 1, maximum = 1_000_000)]
    max_tokens: Option<usize>,
    #[schema(minimum = 1, maximum = 100)]
    repeat_penalty: Option<f32>,
    #[schema(minimum = 1, maximum = 1)]
    batch: Option<u64>,
}

/// Either form.
#[derive(Debug, ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "describes the interface")]
pub(super) enum EitherBody {
    Ours(GenerateBody),
    Compatible(CompatibleBody),
}

/// A checked request. The model is looked up later.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct GenerateRequest {
    /// Options of the run.
    pub(super) options: RunOptions,
    /// Whether the client waits for the end.
    pub(super) is_waiting: bool,
    /// Whether the answer has the keys of existing scripts.
    pub(super) is_compatible: bool,
    /// What to do if another run is being generated.
    pub(super) on_busy: OnBusy,
    /// Whether modelled power may be recorded.
    pub(super) allow_modelled: bool,
    /// Whether the run is cancelled if the client disconnects.
    pub(super) is_cancelled_on_disconnect: bool,
}

impl GenerateRequest {
    /// Checks a body. Power is recorded as `power` specifies.
    pub(super) fn parse(body: Value, power: &SourceOptions) -> Result<Self, Problem> {
        let Some(object) = body.as_object() else {
            return Err(Problem::invalid("the body is not a JSON object"));
        };
        let first =
            |keys: &[&'static str]| keys.iter().find(|key| object.contains_key(**key)).copied();
        let request = match (first(&OURS), first(&COMPATIBLE)) {
            (Some(ours), Some(other)) => {
                let text = format!("keys of two forms are mixed: {ours} and {other}");
                return Err(Problem::invalid(text).with_remedy(
                    "use either model, depth, ... or modelPath, profilingDepth, ...",
                ));
            }
            (_, None) => ours(read(body)?, power)?,
            (None, Some(_)) => compatible(read(body)?, power)?,
        };
        check(&request.options)?;
        Ok(request)
    }
}

fn read<T: DeserializeOwned>(body: Value) -> Result<T, Problem> {
    serde_json::from_value(body.clone()).map_err(|error| {
        let error = error.to_string();
        let text = reworded(&error);
        Problem::invalid(match refused_key::<T>(&body, &error) {
            Some(key) => format!("{key}: {text}"),
            None => text,
        })
    })
}

/// Returns the key whose value alone causes the error. Errors about unknown and missing keys name
/// them already.
fn refused_key<'b, T: DeserializeOwned>(body: &'b Value, error: &str) -> Option<&'b str> {
    if error.starts_with("unknown field") || error.starts_with("missing field") {
        return None;
    }
    let mut members = body.as_object()?.iter();
    let is_cause = |(key, value): &(&String, &Value)| {
        let alone = Value::from_iter([((*key).clone(), (*value).clone())]);
        serde_json::from_value::<T>(alone).is_err_and(|alone| alone.to_string() == error)
    };
    members.find(is_cause).map(|(key, _)| key.as_str())
}

fn ours(body: GenerateBody, power: &SourceOptions) -> Result<GenerateRequest, Problem> {
    check_batch(body.batch)?;
    let defaults = RunOptions::default();
    let is_waiting = body.wait.unwrap_or(false);
    if body.on_disconnect.is_some() && !is_waiting {
        let text = "on_disconnect: only a client that waits can disconnect; add \"wait\": true";
        return Err(Problem::invalid(text));
    }
    let method = body.method.as_deref().map(parse_method).transpose();
    let mut options = RunOptions {
        prompt: body.prompt,
        model: body.model.unwrap_or(defaults.model),
        depth: body.depth.map_or(defaults.depth, SpanDepth::from),
        max_tokens: body.max_tokens.unwrap_or(defaults.max_tokens),
        temperature: body.temperature.unwrap_or(defaults.temperature),
        top_k: body.top_k,
        top_p: body.top_p,
        seed: body.seed.unwrap_or(defaults.seed),
        repeat_penalty: body.repeat_penalty.unwrap_or(defaults.repeat_penalty),
        raw: body.raw.unwrap_or(false),
        stats: body.stats.unwrap_or(false).then_some(STATS),
        method: method.map_err(|error| Problem::invalid(format!("method: {error}")))?,
        ..RunOptions::default()
    };
    let recording = &mut options.recording;
    recording.power = power.clone();
    recording.name = body.name;
    recording.experiment = body.experiment;
    recording.tags = tags(body.tags)?;
    recording.keep_text = body.keep_text.unwrap_or(true);
    if let Some(ms) = body.baseline_ms {
        recording.baseline = within("baseline_ms", ms, 0)?;
    }
    if let Some(ms) = body.interval_ms {
        recording.power.interval = within("interval_ms", ms, 1)?;
    }
    Ok(GenerateRequest {
        options,
        is_waiting,
        is_compatible: false,
        on_busy: body.on_busy.unwrap_or_default(),
        allow_modelled: body.allow_modelled.unwrap_or(false),
        is_cancelled_on_disconnect: body.on_disconnect == Some(OnDisconnect::Cancel),
    })
}

fn compatible(body: CompatibleBody, power: &SourceOptions) -> Result<GenerateRequest, Problem> {
    let config = body.config.unwrap_or_default();
    check_batch(config.batch)?;
    let defaults = RunOptions::default();
    let depth = body.profiling_depth.map_or(defaults.depth, SpanDepth::from);
    let mut options = RunOptions {
        prompt: body.prompt,
        model: body.model_path.unwrap_or(defaults.model),
        depth,
        max_tokens: config.max_tokens.unwrap_or(defaults.max_tokens),
        temperature: config.temperature.unwrap_or(defaults.temperature),
        top_k: config.top_k,
        top_p: config.top_p,
        seed: config.seed.unwrap_or(defaults.seed),
        repeat_penalty: config.repeat_penalty.unwrap_or(defaults.repeat_penalty),
        // These scripts read statistics of activations of each component.
        stats: (depth >= SpanDepth::Module).then_some(STATS),
        ..RunOptions::default()
    };
    options.recording.power = power.clone();
    options.recording.experiment = body.experiment_name;
    options.recording.tags = tags(body.tags)?;
    Ok(GenerateRequest {
        options,
        is_waiting: true,
        is_compatible: true,
        on_busy: OnBusy::Refuse,
        allow_modelled: false,
        is_cancelled_on_disconnect: false,
    })
}

impl From<RequestedDepth> for SpanDepth {
    fn from(depth: RequestedDepth) -> Self {
        match depth {
            RequestedDepth::Phase => Self::Phase,
            RequestedDepth::Layer => Self::Layer,
            RequestedDepth::Module => Self::Module,
            RequestedDepth::Deep => Self::Deep,
        }
    }
}

fn check_batch(batch: Option<u64>) -> Result<(), Problem> {
    match batch {
        None | Some(1) => Ok(()),
        Some(batch) => Err(Problem::invalid(format!(
            "batch: {batch} sequences at once are not supported; use 1"
        ))),
    }
}

fn within(key: &str, ms: u64, least: u64) -> Result<Duration, Problem> {
    match (least..=60_000).contains(&ms) {
        true => Ok(Duration::from_millis(ms)),
        false => Err(Problem::invalid(format!(
            "{key}: {ms} is not within {least} and 60000"
        ))),
    }
}

fn tags(tags: Option<RequestedTags>) -> Result<Vec<(String, String)>, Problem> {
    let parse = |text: &str| {
        let tag = parse_tag(text.trim());
        tag.map_err(|error| Problem::invalid(format!("tags: {error}")))
    };
    match tags {
        None => Ok(Vec::new()),
        Some(RequestedTags::List(list)) => list.iter().map(|text| parse(text)).collect(),
        Some(RequestedTags::Object(tags)) => Ok(tags.into_iter().collect()),
        Some(RequestedTags::Text(text)) => {
            let parts = text.split(',').filter(|part| !part.trim().is_empty());
            parts.map(parse).collect()
        }
    }
}

/// Checks values that would fail in the process of the run.
fn check(options: &RunOptions) -> Result<(), Problem> {
    let recording = &options.recording;
    let is_between = |value: f32, least: f32| (least..=100.0).contains(&value);
    let rules = [
        (!options.prompt.trim().is_empty(), "prompt: it is blank"),
        (
            (1..=MOST_TOKENS).contains(&options.max_tokens),
            "max_tokens: it is not within 1 and 1000000",
        ),
        (
            is_between(options.temperature, 0.0),
            "temperature: it is not within 0 and 100",
        ),
        (options.top_k != Some(0), "top_k: it is 0; omit it for all"),
        (
            options.top_p.is_none_or(|p| p > 0.0 && p <= 1.0),
            "top_p: it is not within 0 (exclusive) and 1",
        ),
        (
            is_between(options.repeat_penalty, 1.0),
            "repeat_penalty: it is not within 1 and 100",
        ),
        (
            options.stats.is_none() || options.depth >= SpanDepth::Module,
            "stats: they need depth module or deep",
        ),
        (
            recording.tags.len() <= MOST_TAGS,
            "tags: there are more than 100",
        ),
    ];
    if let Some((_, text)) = rules.iter().find(|(is_met, _)| !is_met) {
        return Err(Problem::invalid(*text));
    }
    let labels = [
        ("name", &recording.name),
        ("experiment", &recording.experiment),
    ];
    let labels = labels
        .into_iter()
        .filter_map(|(key, label)| Some((key, label.as_ref()?)));
    let tags = recording.tags.iter().flat_map(|(key, value)| {
        let value = Some(("tags", value)).filter(|(_, value)| !value.is_empty());
        [Some(("tags", key)), value].into_iter().flatten()
    });
    labels
        .chain(tags)
        .try_for_each(|(key, label)| check_label(key, label))
}

/// Checks a text that becomes an argument of the process.
fn check_label(key: &str, label: &str) -> Result<(), Problem> {
    let what = match label {
        _ if label.trim().is_empty() => "it is blank",
        _ if label.len() > LONGEST_LABEL => {
            let text = format!("{key}: it is longer than {LONGEST_LABEL} bytes");
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, text));
        }
        _ if label.contains('\0') => "it contains a NUL character",
        _ => return Ok(()),
    };
    Err(Problem::invalid(format!("{key}: {what}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(body: Value) -> Result<GenerateRequest, String> {
        let parsed = GenerateRequest::parse(body, &SourceOptions::default());
        parsed.map_err(|problem| problem.detail().to_owned())
    }

    #[test]
    fn defaults_are_those_of_the_command() {
        let request = parse(json!({"prompt": "p"})).unwrap();
        let options = RunOptions {
            prompt: "p".to_owned(),
            ..RunOptions::default()
        };
        assert_eq!(request.options, options);
        assert!(!request.is_waiting && !request.allow_modelled && !request.is_compatible);
    }

    #[test]
    fn the_form_of_existing_scripts_waits_and_records_statistics() {
        let body = json!({
            "prompt": "p", "modelPath": "m", "profilingDepth": "deep", "experimentName": "e",
            "tags": "a, b=c", "config": {"temperature": 0.5, "top_k": 3, "max_tokens": 7},
        });
        let request = parse(body).unwrap();
        assert!(request.is_waiting && request.is_compatible);
        let options = request.options;
        assert_eq!(
            (options.depth, options.stats),
            (SpanDepth::Deep, Some(STATS))
        );
        assert_eq!((options.top_k, options.max_tokens), (Some(3), 7));
        let tags = [("a", ""), ("b", "c")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(options.recording.tags, tags);
    }

    #[test]
    fn invalid_bodies_name_the_key() {
        let of = |more: Value| {
            let mut body = json!({"prompt": "p"});
            let (into, more) = (body.as_object_mut().unwrap(), more.as_object().unwrap());
            into.extend(more.clone());
            body
        };
        for (more, text) in [
            (
                json!({"model": "a", "modelPath": "b"}),
                "model and modelPath",
            ),
            (json!({"depth": "deep", "config": {}}), "depth and config"),
            (json!({"speed": 1}), "speed"),
            (json!({"config": {"speed": 1}}), "speed"),
            (json!({"depth": "atoms"}), "depth: unknown variant `atoms`"),
            (json!({"profilingDepth": "atoms"}), "atoms"),
            (json!({"batch": 2}), "batch"),
            (json!({"config": {"batch": 2}}), "batch"),
            (json!({"max_tokens": 0}), "max_tokens"),
            (
                json!({"max_tokens": -1}),
                "max_tokens: invalid value: integer `-1`, expected a whole number from 0",
            ),
            (json!({"temperature": 1e300}), "temperature"),
            (json!({"top_p": 0}), "top_p"),
            (json!({"top_k": 0}), "top_k"),
            (json!({"prompt": " "}), "prompt"),
            (json!({"prompt": 1}), "prompt: "),
            (json!({"name": ""}), "name"),
            (json!({"name": "n".repeat(1001)}), "name"),
            (json!({"name": "a\0b"}), "name"),
            (json!({"tags": ["=x"]}), "tags"),
            (json!({"method": "calibrated"}), "method"),
            (json!({"on_disconnect": "cancel"}), "on_disconnect"),
            (json!({"stats": true, "depth": "layer"}), "stats"),
            (json!({"baseline_ms": 100_000}), "baseline_ms"),
        ] {
            let error = parse(of(more.clone())).unwrap_err();
            assert!(error.contains(text), "{more}: {error}");
        }
        assert!(parse(json!([])).is_err() && parse(json!({})).is_err());
    }
}
