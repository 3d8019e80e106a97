//! A request that starts a run: parsed from either form of the body, and checked.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::bodies::{
    COMPATIBLE, CompatibleBody, GenerateBody, OURS, OnBusy, OnDisconnect, RequestedTags,
};
use super::limits::{batch_size, check, within};
use crate::options::{SourceOptions, parse_tag};
use crate::run::options::parse_device;
use crate::run::{RunOptions, SpanDepth, StatisticsOptions, parse_method};
use crate::serve::problem::Problem;
use crate::serve::wording::reworded;

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

/// Returns the key that causes the error with its value alone. Errors about unknown and missing
/// keys name them already.
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
    let defaults = RunOptions::default();
    let is_waiting = body.wait.unwrap_or(false);
    if body.on_disconnect.is_some() && !is_waiting {
        let text = "on_disconnect: only a client that waits can disconnect; add \"wait\": true";
        return Err(Problem::invalid(text));
    }
    let method = body.method.as_deref().map(parse_method).transpose();
    let device = body.device.unwrap_or(defaults.device);
    let device =
        parse_device(&device).map_err(|error| Problem::invalid(format!("device: {error}")))?;
    let mut options = RunOptions {
        prompt: body.prompt,
        batch: batch_size(body.batch)?,
        model: body.model.unwrap_or(defaults.model),
        device,
        depth: body.depth.map_or(defaults.depth, SpanDepth::from),
        max_tokens: body.max_tokens.unwrap_or(defaults.max_tokens),
        temperature: body.temperature.unwrap_or(defaults.temperature),
        top_k: body.top_k,
        top_p: body.top_p,
        min_p: body.min_p,
        stop: body.stop.unwrap_or_default(),
        system: body.system,
        chat: variables(body.chat.unwrap_or_default()),
        seed: body.seed.unwrap_or(defaults.seed),
        repeat_penalty: body.repeat_penalty.unwrap_or(defaults.repeat_penalty),
        raw: body.raw.unwrap_or(false),
        stats: body.stats.map(StatisticsOptions::from).unwrap_or_default(),
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
    let same = GenerateBody {
        prompt: body.prompt,
        model: body.model_path,
        depth: body.profiling_depth,
        max_tokens: config.max_tokens,
        temperature: config.temperature,
        top_k: config.top_k,
        top_p: config.top_p,
        min_p: config.min_p,
        stop: config.stop,
        seed: config.seed,
        repeat_penalty: config.repeat_penalty,
        tags: body.tags,
        experiment: body.experiment_name,
        batch: config.batch,
        wait: Some(true),
        ..GenerateBody::default()
    };
    let mut request = ours(same, power)?;
    // These scripts read statistics of activations of each component.
    let has_components = request.options.depth >= SpanDepth::Module;
    request.options.stats = match has_components {
        true => StatisticsOptions::enabled(),
        false => StatisticsOptions::default(),
    };
    request.is_compatible = true;
    Ok(request)
}

/// Returns variables of the chat template with their values as JSON.
fn variables(chat: BTreeMap<String, Value>) -> Vec<(String, String)> {
    let chat = chat.into_iter();
    chat.map(|(key, value)| (key, value.to_string())).collect()
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
            (SpanDepth::Deep, StatisticsOptions::enabled())
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
            (json!({"device": "gpu"}), "device: use cpu, cuda"),
            (json!({"profilingDepth": "atoms"}), "atoms"),
            (json!({"batch": 0}), "batch"),
            (json!({"batch": 257}), "batch: use a number from 1 to 256"),
            (json!({"config": {"batch": 0}}), "batch"),
            (json!({"max_tokens": 0}), "max_tokens"),
            (
                json!({"max_tokens": -1}),
                "max_tokens: invalid value: integer `-1`, expected a whole number from 0",
            ),
            (json!({"temperature": 1e300}), "temperature"),
            (json!({"top_p": 0}), "top_p"),
            (json!({"top_k": 0}), "top_k"),
            (json!({"min_p": 2}), "min_p"),
            (json!({"stop": [""]}), "stop"),
            (json!({"stop": "a"}), "stop"),
            (json!({"config": {"min_p": -1}}), "min_p"),
            (json!({"chat": {"": 1}}), "chat"),
            (json!({"chat": {"a=b": 1}}), "chat"),
            (json!({"system": "s", "raw": true}), "system"),
            (json!({"system": "s".repeat(100_001)}), "system"),
            (json!({"prompt": " "}), "prompt"),
            (json!({"prompt": 1}), "prompt: "),
            (json!({"name": ""}), "name"),
            (json!({"name": "n".repeat(1001)}), "name"),
            (json!({"name": "a\0b"}), "name"),
            (json!({"tags": ["=x"]}), "tags"),
            (json!({"method": "calibrated"}), "method"),
            (json!({"on_disconnect": "cancel"}), "on_disconnect"),
            (json!({"stats": true, "depth": "layer"}), "stats"),
            (json!({"stats": ["alternative"], "depth": "layer"}), "stats"),
            (json!({"stats": ["mean"]}), "stats"),
            (json!({"stats": 0.01}), "stats: expected true, false"),
            (json!({"baseline_ms": 100_000}), "baseline_ms"),
        ] {
            let error = parse(of(more.clone())).unwrap_err();
            assert!(error.contains(text), "{more}: {error}");
        }
        assert!(parse(json!([])).is_err() && parse(json!({})).is_err());
    }
}
