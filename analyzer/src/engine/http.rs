//! Servers on this machine: spans of phases and tokens, as a client sees them.

use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value};

use super::adapter::{CheckedModels, Engine};
use super::external;
use super::template::CommandTemplate;
use crate::drive::{DriveOptions, Endpoint, EndpointApi, stored_fields};
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
        let template = template(plan)?;
        template.check(plan, config)?;
        let endpoint = endpoint(config)?;
        endpoint.local_addresses()?;
        external::check_model(plan, template.line, config, known)
    }

    fn stored_fields(
        &self,
        plan: &ExperimentPlan,
        config: &TrialConfig,
    ) -> Result<Option<Map<String, Value>>> {
        stored_fields(&server_options(plan, config)?).map(Some)
    }

    fn program(&self, trial: &Trial, energy: &Path, database: &Path) -> Result<Program> {
        Ok(external::program("drive", trial, energy, database))
    }
}

fn template(plan: &ExperimentPlan) -> Result<CommandTemplate<'_>> {
    let line = plan.engine.serve.as_deref().ok_or_else(|| {
        let text = "engine http: give the command line of the server with --serve";
        Error::Request(text.to_owned())
    })?;
    Ok(CommandTemplate {
        engine: "http",
        option: "--serve",
        line,
        used: &["max-tokens"],
    })
}

fn endpoint(config: &TrialConfig) -> Result<Endpoint> {
    let wrong = |text: &str| Error::Request(format!("engine http: {text}"));
    let text = config.endpoint.as_deref();
    let text = text.ok_or_else(|| wrong("give the address of the server with --endpoint"))?;
    text.parse()
        .map_err(|error: String| wrong(&format!("--endpoint {text}: {error}")))
}

/// Returns the options of the server of a configuration. Its command line is not filled in: `drive` does
/// that.
fn server_options(plan: &ExperimentPlan, config: &TrialConfig) -> Result<DriveOptions> {
    let (template, engine) = (template(plan)?, &plan.engine);
    let endpoint = endpoint(config)?;
    let cache = crate::run::options::value_name(&config.cache);
    Ok(DriveOptions {
        serve: Some(template.line.to_owned()),
        api: Some(engine.api.or(endpoint.api()).unwrap_or_default()),
        endpoint: Some(endpoint),
        max_tokens: config.max_tokens,
        ignore_eos: plan.options.ignore_eos,
        model: external::model_name(config),
        threads: config.threads,
        device: template.has("device").then(|| config.device.clone()),
        cache: template.has("cache").then_some(cache),
        prompt_tokens: config.prompt_tokens,
        labels: config.labels.clone().into_iter().collect(),
        start_timeout: engine.start_timeout,
        // The experiment limits the time of a trial.
        timeout: Duration::ZERO,
        ..DriveOptions::default()
    })
}

/// Returns the options of a trial of the engine. `given` supplies texts that its plan does not hold.
///
/// # Errors
/// If a text is missing, or the prompt cannot be made.
pub fn drive_options(trial: &Trial, given: &GivenTexts) -> Result<DriveOptions> {
    let server = server_options(&trial.plan, &trial.config)?;
    let options = RunOptions {
        // Only a chat has a template.
        raw: server.api != Some(EndpointApi::Chat),
        ..trial.options(given)?
    };
    let options = external::with_prompt(options)?;
    Ok(DriveOptions {
        prompt: options.prompt,
        is_prompt_stored: options.is_prompt_stored,
        temperature: options.temperature,
        seed: options.seed,
        warmup: options.warmup,
        recording: options.recording,
        ..server
    })
}
