//! What an experiment needs to know of an engine.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::Path;

use serde_json::{Map, Value};

use crate::error::Result;
use crate::experiment::{ExperimentPlan, Trial, TrialConfig};
use crate::program::Program;

/// A program that generates text.
pub trait Engine: Debug + Sync {
    /// Returns the value of `--engine`.
    fn name(&self) -> &'static str;

    /// Checks a configuration before the first trial, and completes it with facts that identify
    /// it, such as the checksum of the model. Calls for the same model are frequent: slow work
    /// belongs into `known`.
    ///
    /// # Errors
    /// If the engine cannot run it: what is wrong, and the next step.
    fn check(
        &self,
        plan: &ExperimentPlan,
        config: &mut TrialConfig,
        known: &mut CheckedModels,
    ) -> Result<()>;

    /// Returns the fields by which the stored configuration of a past run shows that this engine
    /// would execute the same program for a configuration; `None` if all are factors.
    ///
    /// # Errors
    /// If the configuration cannot be run.
    fn stored_fields(
        &self,
        _plan: &ExperimentPlan,
        _config: &TrialConfig,
    ) -> Result<Option<Map<String, Value>>> {
        Ok(None)
    }

    /// Returns the program that executes a trial. `energy` is the path of this program.
    ///
    /// # Errors
    /// If the trial cannot be executed.
    fn program(&self, trial: &Trial, energy: &Path, database: &Path) -> Result<Program>;
}

/// Checksums of models that were checked already, by name.
pub type CheckedModels = BTreeMap<String, Option<String>>;
