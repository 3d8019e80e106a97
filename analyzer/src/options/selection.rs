//! Selection of a run.

use clap::Args;

/// Selector of the run that was recorded last.
const LAST: &str = "last";

/// Selects a run.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct RunSelector {
    /// Id, id prefix or name of a run, or `last`
    #[arg(value_name = "RUN", default_value = LAST)]
    pub selector: String,
}

impl Default for RunSelector {
    fn default() -> Self {
        LAST.to_owned().into()
    }
}

impl From<String> for RunSelector {
    fn from(selector: String) -> Self {
        Self { selector }
    }
}

/// Selects a run and the attribution to show.
#[derive(Debug, Clone, PartialEq, Eq, Default, Args)]
pub struct AttributedRun {
    /// The run.
    #[command(flatten)]
    pub run: RunSelector,
    /// Attribution to show; `energy show` lists them [default: the newest]
    #[arg(long, value_name = "ID")]
    pub attribution: Option<i64>,
}
