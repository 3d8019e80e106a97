//! What a server states about itself.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::answer::short;
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

/// The model that is to answer.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RequestedModel<'m> {
    /// Name or path, as it was given.
    pub(super) name: Option<&'m str>,
    /// Path of its file or folder.
    pub(super) path: Option<&'m Path>,
    /// Whether the command line of the server loads it.
    pub(super) is_loaded: bool,
}

impl RequestedModel<'_> {
    /// Returns whether a server that lists `id` means this model.
    fn is_named(&self, id: &str) -> bool {
        let same = |part: Option<&std::ffi::OsStr>, of_id: Option<&std::ffi::OsStr>| {
            part.is_some() && part == of_id
        };
        let id_path = Path::new(id);
        self.name == Some(id)
            || self.path.is_some_and(|path| {
                same(path.file_name(), id_path.file_name())
                    || same(path.file_stem(), Some(id_path.as_os_str()))
            })
    }

    /// Chooses one of the listed models; `None` if none is listed. If the server has only one, it is
    /// the one that was loaded, whatever the server names it.
    ///
    /// # Errors
    /// Lists the models if it is not clear which one is meant.
    fn choose<'v>(&self, listed: &'v [Value]) -> Result<Option<&'v Value>, String> {
        let id = |one: &Value| one["id"].as_str().unwrap_or_default().to_owned();
        let ids = |of: &[&Value]| of.iter().map(|one| id(one)).collect::<BTreeSet<String>>();
        let all: Vec<&Value> = listed.iter().collect();
        let is_exact = |one: &&&Value| self.name == Some(id(one).as_str());
        let is_named = |one: &&&Value| self.is_named(&id(one));
        let mut named: Vec<&Value> = all.iter().filter(is_exact).copied().collect();
        if named.is_empty() {
            named = all.iter().filter(is_named).copied().collect();
        }
        let known = || {
            let known = ids(&all).into_iter().take(10);
            known.map(|id| short(&id)).collect::<Vec<_>>().join(", ")
        };
        let candidates = match (named.is_empty(), self.name) {
            (false, _) => named,
            (true, None) => all.clone(),
            (true, Some(_)) if ids(&all).len() < 2 && (self.is_loaded || self.path.is_some()) => {
                all.clone()
            }
            (true, Some(_)) if all.is_empty() => Vec::new(),
            (true, Some(name)) => {
                return Err(format!(
                    "the server has no model {}; choose one of its models with --model: {}",
                    short(name),
                    known()
                ));
            }
        };
        match ids(&candidates).len() {
            0 | 1 => Ok(candidates.first().copied()),
            count => Err(format!(
                "the server has {count} models; choose one with --model: {}",
                known()
            )),
        }
    }
}

impl ServerFacts {
    /// Requests the facts. `server` is the header of that name.
    ///
    /// # Errors
    /// If it is not clear which of the server's models is to answer.
    pub(super) fn read(
        client: &HttpClient,
        server: Option<&str>,
        model: &RequestedModel<'_>,
    ) -> Result<Self, String> {
        let models = client.json("/v1/models", TIMEOUT).unwrap_or_default();
        let mut facts = Self::of_models(&models, model)?;
        facts.engine = facts.engine.or_else(|| server.and_then(engine));
        if facts.is_llama_cpp() {
            facts.add_properties(&client.json("/props", TIMEOUT).unwrap_or_default());
        } else {
            let version = client.json("/version", TIMEOUT).unwrap_or_default();
            facts.version = version["version"].as_str().map(str::to_owned);
        }
        Ok(facts)
    }

    /// Returns whether the server is that of llama.cpp.
    pub(super) fn is_llama_cpp(&self) -> bool {
        self.engine == Some(LLAMA_CPP)
    }

    /// Reads the facts of the requested model in the list of models.
    fn of_models(models: &Value, model: &RequestedModel<'_>) -> Result<Self, String> {
        let listed = models["data"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let Some(found) = model.choose(listed)? else {
            return Ok(Self::default());
        };
        let meta = &found["meta"];
        Ok(Self {
            engine: found["owned_by"].as_str().and_then(engine),
            model: found["id"].as_str().map(str::to_owned),
            precision: meta["ftype"].as_str().map(str::to_owned),
            parameters: meta["n_params"].as_u64().filter(|count| *count > 0),
            context: found["max_model_len"].as_u64().or(meta["n_ctx"].as_u64()),
            ..Self::default()
        })
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
        let loaded = RequestedModel {
            name: Some("other"),
            is_loaded: true,
            ..RequestedModel::default()
        };
        let mut facts = ServerFacts::of_models(&models, &loaded).unwrap();
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

    fn named(name: &str) -> RequestedModel<'_> {
        RequestedModel {
            name: Some(name),
            ..RequestedModel::default()
        }
    }

    #[test]
    fn the_requested_model_is_chosen_and_missing_facts_are_unknown() {
        let models = json!({"data": [{"id": "a", "owned_by": "library"},
                                     {"id": "b", "owned_by": "vllm", "max_model_len": 9}]});
        let chosen = ServerFacts::of_models(&models, &named("b")).unwrap();
        assert_eq!(chosen.model.as_deref(), Some("b"));
        assert_eq!((chosen.engine, chosen.context), (Some("vllm"), Some(9)));
        for other in [
            json!(null),
            json!({"data": []}),
            json!({"data": 5}),
            json!([1]),
        ] {
            for requested in [RequestedModel::default(), named("a")] {
                let facts = ServerFacts::of_models(&other, &requested);
                assert_eq!(facts, Ok(ServerFacts::default()));
            }
        }
    }

    #[test]
    fn a_model_that_is_absent_or_ambiguous_is_refused_with_the_list() {
        let list = |ids: &[&str]| {
            let data: Vec<Value> = ids.iter().map(|id| json!({"id": id})).collect();
            json!({ "data": data })
        };
        let file = |path: &'static str, is_loaded| RequestedModel {
            name: Some("given"),
            path: Some(Path::new(path)),
            is_loaded,
        };
        let chosen = |ids: &[&str], requested: RequestedModel<'_>| {
            ServerFacts::of_models(&list(ids), &requested).map(|facts| facts.model)
        };
        let found = |id: &str| Ok(Some(id.to_owned()));
        let two = ["a", "b"];
        assert_eq!(chosen(&["a"], RequestedModel::default()), found("a"));
        assert_eq!(chosen(&["a", "a"], RequestedModel::default()), found("a"));
        // The only model is the one that the server has loaded.
        assert_eq!(chosen(&["alias"], file("/m/x.gguf", false)), found("alias"));
        let line = RequestedModel {
            is_loaded: true,
            ..named("x")
        };
        assert_eq!(chosen(&["alias"], line), found("alias"));
        for id in ["/other/x.gguf", "x.gguf", "x"] {
            assert_eq!(chosen(&["a", id], file("/m/x.gguf", true)), found(id));
        }
        for (ids, requested, text) in [
            (&two[..], RequestedModel::default(), "has 2 models"),
            (&two, named("c"), "has no model c"),
            (&["a"], named("c"), "has no model c"),
            (&two, line, "has no model x"),
            (&two, file("/m/x.gguf", true), "has no model given"),
            (
                &["/a/x.gguf", "/b/x.gguf"],
                file("/m/x.gguf", true),
                "has 2 models",
            ),
        ] {
            let error = chosen(ids, requested).unwrap_err();
            assert!(error.contains(text), "{ids:?}: {error}");
            assert!(
                error.contains(ids[0]) && error.contains("--model"),
                "{error}"
            );
        }
    }
}
