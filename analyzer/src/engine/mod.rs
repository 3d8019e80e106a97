//! Engines: programs that generate text. Experiments record their runs.
//!
//! Each trial is a process of its own. It records exactly one run to the database of the variable
//! `ENERGY_DB`, with the id of the variable `ENERGY_RUN_ID`, and the tags and experiment that
//! [`Trial::label_recording`](crate::experiment::Trial::label_recording) sets. A new engine is a file of this folder and an entry of
//! [`ENGINES`].

mod adapter;
mod candle;
mod command;
mod external;
mod http;
mod options;
mod template;

pub use adapter::{CheckedModels, Engine};
pub use command::RecordedCommand;
pub use http::drive_options;
pub use options::EngineOptions;

use crate::error::{Error, Result};

/// All engines; the first one is the default.
pub const ENGINES: &[&dyn Engine] = &[
    &candle::CandleEngine,
    &http::HttpEngine,
    &command::CommandEngine,
];

/// Returns the engine with that name.
///
/// # Errors
/// If there is none; the message lists all.
pub fn engine(name: &str) -> Result<&'static dyn Engine> {
    let found = ENGINES.iter().find(|engine| engine.name() == name);
    found.copied().ok_or_else(|| {
        let names: Vec<&str> = ENGINES.iter().map(|engine| engine.name()).collect();
        Error::Unknown {
            what: "engine",
            name: name.to_owned(),
            known: names.join(", "),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::TrialConfig;

    #[test]
    fn engines_are_found_by_their_unique_names() {
        for known in ENGINES {
            assert_eq!(engine(known.name()).unwrap().name(), known.name());
            let same = ENGINES.iter().filter(|other| other.name() == known.name());
            assert_eq!(same.count(), 1);
        }
        assert_eq!(ENGINES[0].name(), TrialConfig::default().engine);
        let error = engine("steam").unwrap_err().to_string();
        assert!(error.contains("choose one of: candle"), "{error}");
    }
}
