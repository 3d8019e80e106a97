//! What a server states about itself.

use std::time::Duration;

use serde_json::Value;

use super::client::HttpClient;

/// Time limit of each of these requests.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Name of the engine of servers that do not state theirs.
pub(super) const UNNAMED: &str = "http";
/// Name of llama.cpp's server.
const LLAMA_CPP: &str = "llama.cpp";
/// Engines by what `owned_by` of a list of models or the header `server` names.
const ENGINES: &[(&str, &str)] = &[
    ("llamacpp", LLAMA_CPP),
    ("llama.cpp", LLAMA_CPP),
    ("vllm", "vllm"),
    ("sglang", "sglang"),
    ("mistral.rs", "mistral.rs"),
    ("text-generation-inference", "text-generation-inference"),
];

/// What a server states about itself. Everything may be missing.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct ServerFacts {
    /// Name of the engine.
    pub(super) engine: Option<&'static str>,
    /// Version of the server.
    pub(super) version: Option<String>,
    /// Name of the model.
    pub(super) model: Option<String>,
    /// Number format of the weights.
    pub(super) precision: Option<String>,
    /// Number of parameters.
    pub(super) parameters: Option<u64>,
    /// Positions of the context.
    pub(super) context: Option<u64>,
    /// Number of sequences that it processes at a time.
    pub(super) slots: Option<u64>,
}

impl ServerFacts {
    /// Requests the facts. `server` is the header of that name, and `model` the requested name.
    pub(super) fn read(client: &HttpClient, server: Option<&str>, model: Option<&str>) -> Self {
        let models = client.json("/v1/models", TIMEOUT).unwrap_or_default();
        let mut facts = Self::of_models(&models, model);
        facts.engine = facts.engine.or_else(|| server.and_then(engine));
        if facts.is_llama_cpp() {
            facts.add_properties(&client.json("/props", TIMEOUT).unwrap_or_default());
        } else {
            let version = client.json("/version", TIMEOUT).unwrap_or_default();
            facts.version = version["version"].as_str().map(str::to_owned);
        }
        facts
    }

    /// Returns whether the server is that of llama.cpp.
    pub(super) fn is_llama_cpp(&self) -> bool {
        self.engine == Some(LLAMA_CPP)
    }

    /// Reads the list of models: the one named `model`, or else the first.
    fn of_models(models: &Value, model: Option<&str>) -> Self {
        let listed = models["data"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let is_named = |one: &&Value| model.is_some() && one["id"].as_str() == model;
        let Some(found) = listed.iter().find(is_named).or_else(|| listed.first()) else {
            return Self::default();
        };
        let meta = &found["meta"];
        Self {
            engine: found["owned_by"].as_str().and_then(engine),
            model: found["id"].as_str().map(str::to_owned),
            precision: meta["ftype"].as_str().map(str::to_owned),
            parameters: meta["n_params"].as_u64().filter(|count| *count > 0),
            context: found["max_model_len"].as_u64().or(meta["n_ctx"].as_u64()),
            ..Self::default()
        }
    }

    /// Adds the properties of llama.cpp's server.
    fn add_properties(&mut self, properties: &Value) {
        let text = |name: &str| Some(properties[name].as_str()?.to_owned());
        self.version = text("build_info");
        self.precision = self.precision.take().or_else(|| text("model_ftype"));
        self.model = self.model.take().or_else(|| text("model_path"));
        self.slots = properties["total_slots"].as_u64();
    }
}

/// Returns the name of the engine in a text that contains it.
fn engine(text: &str) -> Option<&'static str> {
    let text = text.to_ascii_lowercase();
    let found = ENGINES.iter().find(|(known, _)| text.contains(known));
    found.map(|(_, engine)| *engine)
}

/// Returns the number of sequences that llama.cpp's server processes now; `None` if it does not state
/// it.
pub(super) fn busy_slots(client: &HttpClient) -> Option<usize> {
    let slots = client.json("/slots", TIMEOUT)?;
    let busy = |slot: &&Value| slot["is_processing"] == true;
    Some(slots.as_array()?.iter().filter(busy).count())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn facts_of_llama_cpp_are_read() {
        let models = json!({"data": [{"id": "/m/a.gguf", "owned_by": "llamacpp",
            "meta": {"n_params": 134515008, "ftype": "Q4_1", "n_ctx": 2048}}]});
        let mut facts = ServerFacts::of_models(&models, Some("other"));
        facts.add_properties(&json!({"build_info": "b7-abc", "total_slots": 4}));
        let expected = ServerFacts {
            engine: Some("llama.cpp"),
            version: Some("b7-abc".to_owned()),
            model: Some("/m/a.gguf".to_owned()),
            precision: Some("Q4_1".to_owned()),
            parameters: Some(134_515_008),
            context: Some(2048),
            slots: Some(4),
        };
        assert_eq!(facts, expected);
    }

    #[test]
    fn the_requested_model_is_chosen_and_missing_facts_are_unknown() {
        let models = json!({"data": [{"id": "a", "owned_by": "library"},
                                     {"id": "b", "owned_by": "vllm", "max_model_len": 9}]});
        let chosen = ServerFacts::of_models(&models, Some("b"));
        assert_eq!(chosen.model.as_deref(), Some("b"));
        assert_eq!((chosen.engine, chosen.context), (Some("vllm"), Some(9)));
        let first = ServerFacts::of_models(&models, None);
        assert_eq!((first.model.as_deref(), first.engine), (Some("a"), None));
        for other in [
            json!(null),
            json!({"data": []}),
            json!({"data": 5}),
            json!([1]),
        ] {
            assert_eq!(ServerFacts::of_models(&other, None), ServerFacts::default());
        }
    }
}
