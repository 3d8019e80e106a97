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
use crate::run::RunOptions;

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
        let template = template(plan)?;
        template.check(plan, config)?;
        external::check_model(plan, template.line, config, known)
    }

    fn stored_fields(
        &self,
        plan: &ExperimentPlan,
        config: &TrialConfig,
    ) -> Result<Option<Map<String, Value>>> {
        let line = stored_line(&template(plan)?, config)?;
        Ok(Some(Map::from_iter([(LINE.to_owned(), line.into())])))
    }

    fn program(&self, trial: &Trial, energy: &Path, database: &Path) -> Result<Program> {
        Ok(external::program("record", trial, energy, database))
    }
}

/// Field of the stored command line.
const LINE: &str = "command";
/// Placeholder of the file of the prompt.
const PROMPT_FILE: &str = "prompt_file";

fn template(plan: &ExperimentPlan) -> Result<CommandTemplate<'_>> {
    let line = plan.engine.command.as_deref().ok_or_else(|| {
        let text = "engine command: give the command line with --command";
        Error::Request(text.to_owned())
    })?;
    Ok(CommandTemplate {
        engine: NAME,
        option: "--command",
        line,
        used: &[],
    })
}

/// Returns the command line as it is stored with runs: the file of the prompt has another name in each
/// run, so that its placeholder stays.
fn stored_line(template: &CommandTemplate<'_>, config: &TrialConfig) -> Result<String> {
    Ok(filled(
        template.line,
        config,
        [external::placeholder(config)?],
    ))
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
        let template = template(&trial.plan)?;
        let options = external::with_prompt(trial.options(given)?)?;
        let mut file = NamedTempFile::new()?;
        file.write_all(options.prompt.as_bytes())?;
        file.flush()?;
        let path = file.path().to_string_lossy().into_owned();
        let further = [
            (PROMPT_FILE.into(), path.into()),
            external::placeholder(config)?,
        ];
        let line = filled(template.line, config, further);
        let mut facts = facts(&template, config, &options);
        if options.recording.keep_text {
            let stored = stored_line(&template, config)?;
            facts.insert(LINE.to_owned(), stored.into());
            facts.insert("template".to_owned(), template.line.into());
        }
        let [program, flag] = shell();
        let workload = Workload {
            engine: Some(NAME.to_owned()),
            model: external::stored_name(config)?,
            prompt: options.is_prompt_stored.then(|| options.prompt.clone()),
            batch: Some(1),
            config: facts,
            run_id: None,
        };
        Ok(Self {
            options: RecordOptions {
                words: [program, flag, line.as_str()].map(str::to_owned).to_vec(),
                tokens: engine.tokens.clone(),
                recording: options.recording,
                warmup: options.warmup,
                workload,
            },
            _prompt: file,
        })
    }
}

/// Returns the configuration that is stored with the run; its fields have the names of `energy run`.
/// What the command line does not use is unknown.
fn facts(
    template: &CommandTemplate<'_>,
    config: &TrialConfig,
    options: &RunOptions,
) -> Map<String, Value> {
    let used = |name: &str, value: Value| template.has(name).then_some(value);
    let cache = crate::run::options::value_name(&config.cache);
    let facts = json!({
        "version": 1,
        "model_sha256": config.model_sha256,
        "prompt_sha256": sha256_of(options.prompt.as_bytes()),
        "prompt_tokens": config.prompt_tokens,
        "max_tokens": config.max_tokens,
        "threads": config.threads,
        "device": used("device", config.device.clone().into()),
        "cache": used("cache", cache.into()),
        "warmup": options.warmup,
        "labels": config.labels,
        "prompts": 1,
        "batch": 1,
    });
    match facts {
        Value::Object(facts) => facts,
        _ => Map::new(),
    }
}
