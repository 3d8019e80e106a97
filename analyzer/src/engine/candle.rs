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
        refuse_varied_labels(plan)?;
        checksum(config, known)
    }

    fn program(&self, trial: &Trial, energy: &Path, database: &Path) -> Result<Program> {
        Ok(external::program("run", trial, energy, database))
    }
}

/// Refuses labels with several values: no option of the program depends on them, so that equal
/// configurations would be compared. A single value describes the run and is stored with it.
fn refuse_varied_labels(plan: &ExperimentPlan) -> Result<()> {
    let mut labels = plan.factors.iter();
    let varied = labels.find(|chosen| chosen.factor == "label" && chosen.is_varied());
    let Some(varied) = varied else {
        return Ok(());
    };
    Err(Error::Request(format!(
        "engine candle: --label {} has several values, but no command line that uses them; give one \
         value, or sweep the engines http and command separately",
        varied.label_key().unwrap_or_default()
    )))
}

/// Checks device and model, downloads the model if necessary, and sets its checksum.
#[cfg(feature = "inference")]
fn checksum(config: &mut TrialConfig, known: &mut CheckedModels) -> Result<()> {
    crate::run::open_device(&config.device)?;
    if let Some(checksum) = known.get(&config.model) {
        config.model_sha256.clone_from(checksum);
        return Ok(());
    }
    let path = crate::drive::located_model(&config.model)?;
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
