//! What engines have in common: the programs of their trials, models, endpoints and prompts.

use std::path::Path;

use super::adapter::CheckedModels;
use crate::drive::{model_checksum, model_path, stated_name};
use crate::error::{Error, Result};
use crate::experiment::{ExperimentPlan, Trial, TrialConfig};
use crate::program::{Placeholder, Program};
use crate::run::RunOptions;

/// Sets the checksum of the model if it is a file, and downloads it if necessary. The name of a model
/// that neither the option `--model` nor the command line `line` has is removed: the program has a
/// model of its own.
///
/// # Errors
/// If it cannot be read, or its file is missing although prompts are made.
pub(super) fn check_model(
    plan: &ExperimentPlan,
    line: &str,
    config: &mut TrialConfig,
    known: &mut CheckedModels,
) -> Result<()> {
    let is_chosen = plan.factors.iter().any(|chosen| chosen.factor == "model");
    if !is_chosen && !line.contains("{model}") {
        config.model.clear();
    }
    let path = model_path(&config.model)?;
    if path.is_none() && config.prompt_tokens.is_some() {
        return Err(Error::Request(format!(
            "engine {}: --prompt-tokens needs the file of the model, and `{}` is none; give its path \
             with --model, or omit --prompt-tokens",
            config.engine, config.model
        )));
    }
    if plan.options.each_line {
        return Err(Error::Request(format!(
            "engine {}: it has one prompt; omit --each-line",
            config.engine
        )));
    }
    config.model_sha256 = match known.get(&config.model) {
        Some(checksum) => checksum.clone(),
        None => {
            let checksum = path.as_deref().map(model_checksum).transpose()?;
            known.insert(config.model.clone(), checksum.clone());
            checksum
        }
    };
    Ok(())
}

/// Removes the endpoint of a configuration with an engine that has none, if another engine of the
/// experiment uses it.
///
/// # Errors
/// If no other engine uses it, or there are several endpoints.
pub(super) fn refuse_endpoint(
    plan: &ExperimentPlan,
    config: &mut TrialConfig,
    engine: &str,
) -> Result<()> {
    if config.endpoint.is_none() {
        return Ok(());
    }
    let chosen = |name: &str| plan.factors.iter().find(|chosen| chosen.factor == name);
    let is_used = chosen("engine").is_some_and(|engines| engines.values.len() > 1);
    let is_single = chosen("endpoint").is_none_or(|endpoints| endpoints.values.len() == 1);
    if is_used && is_single {
        config.endpoint = None;
        return Ok(());
    }
    Err(Error::Request(format!(
        "engine {engine} has no server; omit --endpoint, or choose another --engine"
    )))
}

/// Returns the program of a trial: a command of `energy`, which reads its options from the file.
pub(super) fn program(command: &str, trial: &Trial, energy: &Path, database: &Path) -> Program {
    let mut words = vec![
        energy.display().to_string(),
        command.to_owned(),
        "--trial".to_owned(),
        trial.selector(),
    ];
    if trial.plan.has_prompt_of_input() {
        words.extend(["--prompt-file", "-"].map(str::to_owned));
    }
    Program {
        words,
        database: database.to_owned(),
        run_name: None,
        variables: Vec::new(),
    }
}

/// Returns the name of the model, if it is known.
pub(super) fn model_name(config: &TrialConfig) -> Option<String> {
    Some(config.model.clone()).filter(|name| !name.is_empty())
}

/// Returns the name to store with the run: that of the model's files, or else of the model.
///
/// # Errors
/// If it cannot be downloaded.
pub(super) fn stored_name(config: &TrialConfig) -> Result<Option<String>> {
    let path = model_path(&config.model)?;
    let stated = path.as_deref().and_then(stated_name);
    Ok(stated.or_else(|| model_name(config)))
}

/// Returns the placeholder of the model: its path, or else its name.
///
/// # Errors
/// If it cannot be downloaded.
pub(super) fn placeholder(config: &TrialConfig) -> Result<Placeholder<'_>> {
    let path = model_path(&config.model)?;
    let path = path.map(|path| path.to_string_lossy().into_owned());
    let value = path.map_or_else(|| config.model.as_str().into(), Into::into);
    Ok(("model".into(), value))
}

/// Returns the options with a made prompt, if its number of tokens is given.
///
/// # Errors
/// If it cannot be made.
#[cfg(feature = "inference")]
pub(super) fn with_prompt(options: RunOptions) -> Result<RunOptions> {
    let Some(path) = model_path(&options.model)?.filter(|_| options.prompt_tokens.is_some()) else {
        return Ok(options);
    };
    let made = crate::run::with_made_prompt(&options, &path)?;
    Ok(made.unwrap_or(options))
}

#[cfg(not(feature = "inference"))]
pub(super) fn with_prompt(options: RunOptions) -> Result<RunOptions> {
    match options.prompt_tokens {
        None => Ok(options),
        Some(_) => Err(Error::Request(
            "this build cannot make prompts; give one, or build the program with the feature \
             `inference`"
                .to_owned(),
        )),
    }
}
