//! One trial of the gate against energy regressions: a baseline of a program, and a check
//! of the same program or of one with more work in one operation, on a sensor whose gain
//! varies from run to run.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Paths of the programs of a trial.
#[derive(Debug, Clone)]
pub struct Programs {
    /// The command `energy`.
    pub energy: PathBuf,
    /// The checked program.
    pub program: PathBuf,
    /// The sensor.
    pub sensor: PathBuf,
}

/// Options of a trial.
#[derive(Debug, Clone)]
pub struct GateTrial {
    /// The same seed gives the same noise.
    pub seed: u64,
    /// Relative noise from run to run, and of the drift that neighbouring runs share.
    pub noise: (f64, f64),
    /// Runs on each side.
    pub repeat: usize,
    /// Tokens that each run decodes.
    pub tokens: u64,
    /// Operation of the checked program with a factor of its work: `down_proj=1.2`.
    pub more: Option<String>,
}

/// Result of a check.
#[derive(Debug, Clone)]
pub struct GateReport {
    /// The command's exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// Its answer as JSON.
    pub answer: serde_json::Value,
    /// Its stderr.
    pub errors: String,
}

/// Idle watts, and those of each operation of the program.
const WATTS: &str = "3,6,12,10,10,14,12,16,16,18,9";

impl GateTrial {
    /// Records the baseline and checks against it, in `folder`, which must be empty.
    ///
    /// # Panics
    /// When a program cannot be run.
    pub fn run(&self, programs: &Programs, folder: &Path) -> GateReport {
        let repeat = self.repeat.to_string();
        let program = programs.program.display().to_string();
        let save = [
            "baseline", "save", "main", "--repeat", &repeat, "--", &program,
        ];
        let saved = self.energy(programs, folder, &save, None);
        assert!(
            saved.status.success(),
            "{}",
            String::from_utf8_lossy(&saved.stderr)
        );
        let check = [
            "baseline",
            "check",
            "main",
            "--repeat",
            &repeat,
            "--max-repeat",
            &repeat,
            "--format",
            "json",
        ];
        let output = self.energy(programs, folder, &check, self.more.as_deref());
        GateReport {
            code: output.status.code(),
            answer: serde_json::from_slice(&output.stdout).unwrap_or_default(),
            errors: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    fn energy(
        &self,
        programs: &Programs,
        folder: &Path,
        words: &[&str],
        more: Option<&str>,
    ) -> Output {
        let (run, drift) = self.noise;
        let count = folder.join("count");
        let noise = format!(
            "seed={},run={run},drift={drift},count={}",
            self.seed,
            count.display()
        );
        let mut command = Command::new(&programs.energy);
        command
            .args(words)
            .env("ENERGY_DB", folder.join("energy.db"))
            .current_dir(folder)
            .env("TRACING_ENERGY_POWERMETRICS", &programs.sensor)
            .env("FAKE_POWERMETRICS_WORK_FILE", folder.join("work"))
            .env("FAKE_POWERMETRICS_WORK_WATTS", WATTS)
            .env("FAKE_POWERMETRICS_NOISE", noise)
            .env("WORKING_PROGRAM_TOKENS", self.tokens.to_string())
            .env_remove("WORKING_PROGRAM_MORE");
        if let Some(more) = more {
            command.env("WORKING_PROGRAM_MORE", more);
        }
        command.output().expect("the command runs")
    }
}

impl GateReport {
    /// Returns the kinds that are reported as a regression.
    pub fn caught(&self) -> Vec<&str> {
        let nodes = self.answer["nodes"].as_array().into_iter().flatten();
        let caught = nodes.filter(|node| node["is_regression"] == true);
        caught.filter_map(|node| node["kind"].as_str()).collect()
    }
}
