//! Models run by this program: spans down to operations.

use std::path::Path;

use super::adapter::{CheckedModels, Engine};
use super::external;
use crate::error::{Error, Result};
use crate::experiment::{ExperimentPlan, Trial, TrialConfig};
use crate::program::Program;

/// `energy run`.
#[derive(Debug)]
pub(super) struct CandleEngine;

impl Engine for CandleEngine {
    fn name(&self) -> &'static str {
        "candle"
    }

    fn check(
        &self,
        plan: &ExperimentPlan,
        config: &mut TrialConfig,
        known: &mut CheckedModels,
    ) -> Result<()> {
        external::refuse_endpoint(plan, config, self.name())?;
        checksum(config, known)
    }

    fn program(&self, trial: &Trial, energy: &Path, database: &Path) -> Result<Program> {
        let mut words = vec![
            energy.display().to_string(),
            "run".to_owned(),
            "--trial".to_owned(),
            trial.selector(),
        ];
        if trial.plan.has_prompt_of_input() {
            words.extend(["--prompt-file", "-"].map(str::to_owned));
        }
        Ok(Program {
            words,
            database: database.to_owned(),
            run_name: None,
            variables: Vec::new(),
        })
    }
}

/// Checks device and model, downloads the model if necessary, and sets its checksum.
#[cfg(feature = "inference")]
fn checksum(config: &mut TrialConfig, known: &mut CheckedModels) -> Result<()> {
    crate::run::open_device(&config.device)?;
    if let Some(checksum) = known.get(&config.model) {
        config.model_sha256.clone_from(checksum);
        return Ok(());
    }
    let path = crate::run::model_path(&config.model, &mut |_| ());
    let path = path.map_err(|error| match error.downcast::<Error>() {
        Ok(error) => error,
        Err(error) => Error::Model(format!("{error:#}")),
    })?;
    let checksum = Some(crate::run::model_checksum(&path)?);
    known.insert(config.model.clone(), checksum.clone());
    config.model_sha256 = checksum;
    Ok(())
}

#[cfg(not(feature = "inference"))]
fn checksum(_config: &mut TrialConfig, _known: &mut CheckedModels) -> Result<()> {
    Err(Error::Request(
        "this build contains no engine candle; choose another --engine, or build the program with \
         the feature `inference`"
            .to_owned(),
    ))
}
