//! A server that generates runs of a tiny model, and what it has recorded.

use std::path::PathBuf;

use energy_analyzer::query::{Recording, Run};
use energy_models::tiny::{self, TinyConfig};
use serde_json::{Value, json};

use super::served::{Answered, Served, until};

/// A number of tokens that takes a while.
pub const MANY: u64 = 20_000;

/// A server with a folder of models.
pub struct Generating {
    pub server: Served,
    pub database: PathBuf,
    pub folder: tempfile::TempDir,
}

impl Generating {
    /// Starts a server. Its runs have modelled power.
    pub fn start() -> Self {
        Self::start_with(&["--source", "modelled"])
    }

    /// Starts a server with more arguments.
    pub fn start_with(more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let models = folder.path().join("models");
        std::fs::create_dir_all(models.join("sub")).unwrap();
        let config = TinyConfig {
            layers: 4,
            width: 256,
            hidden: 512,
            context_length: 32_768,
            ..TinyConfig::default()
        };
        tiny::write_gguf(models.join("sub/tiny.gguf"), &config).unwrap();
        std::fs::write(models.join("broken.gguf"), "no model").unwrap();
        tiny::write_gguf(folder.path().join("outside.gguf"), &TinyConfig::default()).unwrap();
        let database = folder.path().join("energy.db");
        let models = models.display().to_string();
        let arguments = [&["--models", models.as_str()], more].concat();
        // Neither the user's cache nor the hub's.
        let home = folder.path().display().to_string();
        let variables = [
            ("HOME", home.as_str()),
            ("XDG_CACHE_HOME", &home),
            ("HF_HOME", &home),
        ];
        let server = Served::start_with(&database, &arguments, &variables);
        Self {
            server,
            database,
            folder,
        }
    }

    /// Requests a run of the tiny model with more keys.
    pub fn generate(&self, more: Value) -> Answered {
        let mut body = json!({
            "prompt": "again and again", "model": "sub/tiny.gguf", "raw": true, "baseline_ms": 0,
            "max_tokens": 5,
        });
        let (into, more) = (body.as_object_mut().unwrap(), more.as_object().unwrap());
        into.extend(more.clone());
        self.server.post("/api/profiling/generate", &body)
    }

    /// Requests a long run and returns its id once it is being recorded.
    pub fn long(&self, more: Value) -> String {
        let mut body = json!({"max_tokens": MANY, "depth": "layer"});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let answered = self.generate(body);
        assert_eq!(answered.status, 202, "{}", answered.text());
        let id = answered.json()["run_id"].as_str().unwrap().to_owned();
        until("the run in the file", || self.run(&id).is_some());
        id
    }

    /// Returns a run of the file.
    pub fn run(&self, id: &str) -> Option<Run> {
        Recording::open(&self.database).ok()?.run(id).ok()
    }

    /// Returns the state of a generation.
    pub fn state(&self, id: &str) -> Value {
        self.server.json(&format!("/api/profiling/generate/{id}"))
    }

    /// Waits until a generation has this state.
    pub fn wait_for(&self, id: &str, status: &str) -> Value {
        until(status, || self.state(id)["status"] == status);
        self.state(id)
    }

    /// Cancels a run.
    pub fn cancel(&self, id: &str) -> Answered {
        let path = format!("/api/profiling/cancel/{id}");
        self.server.post(&path, &json!({}))
    }
}
