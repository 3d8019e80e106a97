//! Servers on this machine: spans of phases and tokens, as a client sees them.

use std::path::Path;

use super::adapter::{CheckedModels, Engine};
use super::external;
use super::template::{CommandTemplate, filled};
use crate::drive::{DriveOptions, Endpoint, EndpointApi};
use crate::error::{Error, Result};
use crate::experiment::{ExperimentPlan, GivenTexts, Trial, TrialConfig};
use crate::program::Program;
use crate::run::RunOptions;

/// `energy drive`.
#[derive(Debug)]
pub(super) struct HttpEngine;

impl Engine for HttpEngine {
    fn name(&self) -> &'static str {
        "http"
    }

    fn check(
        &self,
        plan: &ExperimentPlan,
        config: &mut TrialConfig,
        known: &mut CheckedModels,
    ) -> Result<()> {
        let line = plan.engine.serve.as_deref().ok_or_else(|| {
            let text = "engine http: give the command line of the server with --serve";
            Error::Request(text.to_owned())
        })?;
        let template = CommandTemplate {
            engine: self.name(),
            option: "--serve",
            line,
            used: &["max-tokens"],
        };
        template.check(plan, config)?;
        let endpoint = endpoint(config)?;
        endpoint.local_addresses()?;
        external::check_model(plan, line, config, known)
    }

    fn program(&self, trial: &Trial, energy: &Path, database: &Path) -> Result<Program> {
        Ok(external::program("drive", trial, energy, database))
    }
}

fn endpoint(config: &TrialConfig) -> Result<Endpoint> {
    let wrong = |text: &str| Error::Request(format!("engine http: {text}"));
    let text = config.endpoint.as_deref();
    let text = text.ok_or_else(|| wrong("give the address of the server with --endpoint"))?;
    text.parse()
        .map_err(|error: String| wrong(&format!("--endpoint {text}: {error}")))
}

/// Returns the options of a trial of the engine. `given` supplies texts that its plan does not hold.
///
/// # Errors
/// If a text is missing, or the prompt cannot be made.
pub fn drive_options(trial: &Trial, given: &GivenTexts) -> Result<DriveOptions> {
    let (config, engine) = (&trial.config, &trial.plan.engine);
    let endpoint = endpoint(config)?;
    let api = engine.api.or(endpoint.api()).unwrap_or_default();
    let options = trial.options(given)?;
    let options = RunOptions {
        // Only a chat has a template.
        raw: api != EndpointApi::Chat,
        ..options
    };
    let options = external::with_prompt(options)?;
    let model = external::placeholder(config)?;
    Ok(DriveOptions {
        serve: engine
            .serve
            .as_deref()
            .map(|line| filled(line, config, [model])),
        endpoint: Some(endpoint),
        api: Some(api),
        prompt: options.prompt,
        is_prompt_stored: options.is_prompt_stored,
        max_tokens: config.max_tokens,
        ignore_eos: options.ignore_eos,
        temperature: options.temperature,
        seed: options.seed,
        model: external::model_name(config),
        threads: config.threads,
        labels: config.labels.clone().into_iter().collect(),
        warmup: options.warmup,
        recording: options.recording,
        ..DriveOptions::default()
    })
}
