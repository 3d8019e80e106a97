//! A sensor of known watts: the fake powermetrics, started by a recorder.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use energy_power::powermetrics::Launch;

/// The fake's executable with its settings.
#[derive(Debug, Clone)]
pub struct FakeSensor {
    program: PathBuf,
    settings: Vec<(String, String)>,
    direct: bool,
}

impl FakeSensor {
    /// The executable at `program`.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            settings: Vec::new(),
            direct: false,
        }
    }

    /// The executable at `program`, which is to be run as it is.
    pub fn direct(program: impl Into<PathBuf>) -> Self {
        Self {
            direct: true,
            ..Self::new(program)
        }
    }

    /// Sets the fake's variable `FAKE_POWERMETRICS_` and `name`.
    pub fn set(mut self, name: &str, value: impl Into<String>) -> Self {
        let name = format!("FAKE_POWERMETRICS_{name}");
        self.settings.push((name, value.into()));
        self
    }

    /// Reads the true watts from `file`, where [`write_whole`] may change them.
    pub fn watts_from(self, file: &Path) -> Self {
        self.set("WATTS_FILE", file.display().to_string())
    }

    /// Returns a command that passes the settings through `env`: the environment of this
    /// process, which other threads may read, is unchanged.
    pub fn launch(&self) -> Launch {
        if self.direct {
            return Launch::direct(&self.program);
        }
        let settings = self.settings.iter();
        let settings = settings.map(|(name, value)| format!("{name}={value}").into());
        Launch {
            program: "/usr/bin/env".into(),
            arguments: settings.chain([self.program.clone().into()]).collect(),
        }
    }

    /// As variables of a process whose recorder finds the fake by itself.
    pub fn environment(&self) -> Vec<(String, OsString)> {
        let named = (
            "TRACING_ENERGY_POWERMETRICS".into(),
            self.program.clone().into(),
        );
        let settings = self.settings.iter();
        let settings = settings.map(|(name, value)| (name.clone(), value.into()));
        settings.chain([named]).collect()
    }
}

/// Replaces `file` at once: no reader sees half of it.
pub fn write_whole(file: &Path, text: &str) {
    let new = file.with_extension("new");
    std::fs::write(&new, text).expect("written");
    std::fs::rename(&new, file).expect("replaced");
}
