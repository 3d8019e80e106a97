//! `energy drive`.

use std::io::{IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::console::warn;
use super::database::print_summary;
use crate::drive::{DriveOptions, drive};
use crate::engine::drive_options;
use crate::experiment::{GivenTexts, Trial};
use crate::options::RunSelector;

/// Options of `energy drive`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  energy drive --serve \"llama-server -m a.gguf\" --endpoint http://127.0.0.1:8080
  energy drive --serve \"./run {tp}\" --label tp=2 --endpoint http://[::1]:8000
  energy drive --watch-pid 4242 --endpoint http://127.0.0.1:8080/completion

The answer is streamed, so that time and energy until the first token and per
further token are known. A server that is started by this command is ended by
it. An endpoint on another machine is refused: its power is not measured here.
CPU time of the server is part of the run, as the account `unattributed`.")]
pub struct DriveArgs {
    /// The server and the request.
    #[command(flatten)]
    pub options: DriveOptions,
    /// File with the prompt (`-`: standard input); its last line break is removed
    #[arg(long, value_name = "FILE", conflicts_with = "prompt")]
    prompt_file: Option<PathBuf>,
    /// Trial of an experiment to execute
    #[arg(long, hide = true)]
    trial: Option<String>,
}

pub(super) fn run(db: &Path, mut args: DriveArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    if let Some(path) = &args.prompt_file {
        args.options.prompt = super::prompt::read(path)?;
    }
    let run_id = std::env::var(crate::program::RUN_ID).ok();
    if let Some(selector) = &args.trial {
        // Nobody reads what a trial prints: the table of its experiment has its energy.
        let options = DriveOptions {
            run_id,
            ..trial(db, selector, args.options.prompt)?
        };
        drive(db, &options, &mut std::io::sink(), &mut |_| ())?;
        return Ok(());
    }
    args.options.run_id = run_id;
    let mut steps = Steps(None);
    let driven = drive(db, &args.options, out, &mut |step| steps.show(step));
    drop(steps);
    let driven = driven?;
    // The answer may not end with a newline.
    writeln!(out)?;
    out.flush()?;
    driven.warnings.iter().for_each(|text| warn(text));
    writeln!(out)?;
    print_summary(db, &RunSelector::from(driven.uuid), out)?;
    out.flush()?;
    writeln!(std::io::stderr(), "wrote {}", db.display())?;
    Ok(())
}

/// Returns the options of a trial.
fn trial(db: &Path, selector: &str, prompt: String) -> anyhow::Result<DriveOptions> {
    let trial = Trial::read(db, selector)?;
    let given = GivenTexts {
        prompt: Some(prompt),
        system: None,
    };
    Ok(drive_options(&trial, &given)?)
}

/// The current step on standard error, only on a terminal.
struct Steps(Option<ProgressBar>);

impl Steps {
    /// Shows a step, or nothing if its name is empty.
    fn show(&mut self, step: &'static str) {
        self.clear();
        if step.is_empty() || !std::io::stderr().is_terminal() {
            return;
        }
        let bar = ProgressBar::new_spinner().with_style(ProgressStyle::default_spinner());
        bar.set_message(step);
        bar.enable_steady_tick(Duration::from_millis(100));
        self.0 = Some(bar);
    }

    fn clear(&mut self) {
        if let Some(bar) = self.0.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        self.clear();
    }
}
