//! Any program: its energy as a whole, without spans.

use std::io::Write as _;
use std::path::Path;

use serde_json::{Map, Value, json};
use tempfile::NamedTempFile;

use super::adapter::{CheckedModels, Engine};
use super::external;
use super::template::{CommandTemplate, filled};
use crate::checksum::sha256_of;
use crate::error::{Error, Result};
use crate::experiment::{ExperimentPlan, GivenTexts, Trial, TrialConfig};
use crate::program::{Program, shell};
use crate::record::{RecordOptions, Workload};

/// `energy record`.
#[derive(Debug)]
pub(super) struct CommandEngine;

/// Name of the engine.
const NAME: &str = "command";

impl Engine for CommandEngine {
    fn name(&self) -> &'static str {
        NAME
    }

    fn check(
        &self,
        plan: &ExperimentPlan,
        config: &mut TrialConfig,
        known: &mut CheckedModels,
    ) -> Result<()> {
        external::refuse_endpoint(plan, config, NAME)?;
        let line = plan.engine.command.as_deref().ok_or_else(|| {
            let text = "engine command: give the command line with --command";
            Error::Request(text.to_owned())
        })?;
        let template = CommandTemplate {
            engine: NAME,
            option: "--command",
            line,
            used: &[],
        };
        template.check(plan, config)?;
        external::check_model(plan, line, config, known)
    }

    fn program(&self, trial: &Trial, energy: &Path, database: &Path) -> Result<Program> {
        Ok(external::program("record", trial, energy, database))
    }
}

/// Options of a trial, with the file of its prompt.
#[derive(Debug)]
pub struct RecordedCommand {
    /// The options.
    pub options: RecordOptions,
    /// The file, which is removed when this value is dropped.
    _prompt: NamedTempFile,
}

impl RecordedCommand {
    /// Returns the options of a trial of the engine. `given` supplies texts that its plan does not
    /// hold.
    ///
    /// # Errors
    /// If a text is missing, or the prompt cannot be made or written.
    pub fn of(trial: &Trial, given: &GivenTexts) -> Result<Self> {
        let (config, engine) = (&trial.config, &trial.plan.engine);
        let options = external::with_prompt(trial.options(given)?)?;
        let mut file = NamedTempFile::new()?;
        file.write_all(options.prompt.as_bytes())?;
        file.flush()?;
        let path = file.path().to_string_lossy().into_owned();
        let further = [
            ("prompt_file".into(), path.into()),
            external::placeholder(config)?,
        ];
        let line = filled(
            engine.command.as_deref().unwrap_or_default(),
            config,
            further,
        );
        let [program, flag] = shell();
        let workload = Workload {
            engine: Some(NAME.to_owned()),
            model: external::model_name(config),
            prompt: options.is_prompt_stored.then(|| options.prompt.clone()),
            batch: Some(1),
            config: facts(config, &options.prompt),
            run_id: None,
        };
        Ok(Self {
            options: RecordOptions {
                words: [program, flag, line.as_str()].map(str::to_owned).to_vec(),
                tokens: engine.tokens.clone(),
                recording: options.recording,
                workload,
            },
            _prompt: file,
        })
    }
}

/// Returns the configuration that is stored with the run; its fields have the names of `energy run`.
fn facts(config: &TrialConfig, prompt: &str) -> Map<String, Value> {
    let facts = json!({
        "version": 1,
        "model_sha256": config.model_sha256,
        "prompt_sha256": sha256_of(prompt.as_bytes()),
        "max_tokens": config.max_tokens,
        "threads": config.threads,
        "device": config.device,
        "labels": config.labels,
        "prompts": 1,
        "batch": 1,
    });
    match facts {
        Value::Object(facts) => facts,
        _ => Map::new(),
    }
}
