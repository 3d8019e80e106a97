//! `energy run --repeat`, with several configurations, and `--resume`.

use std::io::Write;
use std::path::Path;

use super::super::progress::Progress;
use super::super::{Usage, open_recording};
use super::RunArgs;
use crate::compare::{CompareOptions, Compared, put_first, sides};
use crate::format::{Format, escape, stamp};
use crate::program::Interrupt;
use crate::repeat::{self, Config, Plan, Turn};
use crate::run::{RunOptions, model_path, sha256, sha256_of};

/// Sides that a comparison can have.
const SIDES: std::ops::RangeInclusive<usize> = 2..=4;

/// Makes the repeats of all configurations.
pub(super) fn begin(
    db: &Path,
    args: &RunArgs,
    all: &[RunOptions],
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    if args.chrome.is_some() || args.flamegraph.is_some() {
        let text = "--chrome and --flamegraph are for a single run; draw repeats with \
                    `energy flamegraph GROUP`";
        return Err(Usage(text.to_owned()).into());
    }
    let plan = Plan {
        group: args
            .group
            .clone()
            .unwrap_or_else(|| format!("run-{}", stamp())),
        prompt: (!args.no_text).then(|| args.prompt.clone()),
        prompt_sha256: sha256_of(args.prompt.as_bytes()),
        repeat: args.repeat.max(1),
        warmup: args.warmup,
        cooldown_ms: u64::try_from(args.cooldown.as_millis()).unwrap_or(u64::MAX),
        order_seed: args.order_seed,
        configs: all
            .iter()
            .map(|options| Config {
                label: args.label(options),
                model: options.model.clone(),
                words: options.words(),
            })
            .collect(),
    };
    refuse_known(db, &plan.group)?;
    // Before the first run: fetching is not part of it.
    for config in &plan.configs {
        model_path(&config.model)?;
    }
    make(db, &plan, &args.prompt, out)
}

fn refuse_known(db: &Path, group: &str) -> anyhow::Result<()> {
    if !db.exists() {
        return Ok(());
    }
    let runs = crate::query::list(&open_recording(db)?)?;
    if runs.iter().any(|run| run.group.as_deref() == Some(group)) {
        anyhow::bail!(
            "group {0} exists; go on with it by --resume {0}, or choose another name",
            escape(group)
        );
    }
    Ok(())
}

/// Goes on with what was interrupted.
pub(super) fn resume(
    db: &Path,
    args: &RunArgs,
    group: &str,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let resumed = repeat::resume(&open_recording(db)?, group)?;
    let plan = resumed.plan;
    let prompt = plan.prompt.clone().unwrap_or_else(|| args.prompt.clone());
    if sha256_of(prompt.as_bytes()) != plan.prompt_sha256 {
        anyhow::bail!("the prompt was not recorded: give the same one with --resume");
    }
    for (config, known) in plan.configs.iter().zip(&resumed.models) {
        let now = sha256(&model_path(&config.model)?)?;
        let is_other = known.as_ref().is_some_and(|known| *known != now);
        if is_other && !args.force {
            anyhow::bail!(
                "model {}: its file has changed since the first repeats; go on nevertheless with --force",
                escape(&config.model)
            );
        }
    }
    make(db, &plan, &prompt, out)
}

fn make(db: &Path, plan: &Plan, prompt: &str, out: &mut dyn Write) -> anyhow::Result<()> {
    let energy = std::env::current_exe()?;
    let interrupt = Interrupt::listen()?;
    let bar = Progress::new("running");
    let all = plan.turns().len();
    let tell = |done: usize, turn: Turn| {
        bar.set(
            done,
            all,
            &format!("{} {}", plan.configs[turn.config].label, turn.repeat),
        );
    };
    let made = repeat::execute(plan, prompt, &energy, db, &interrupt, tell);
    drop(bar);
    if let Err(error) = made {
        let group = escape(&plan.group);
        let text = format!("what was recorded stays; go on with `energy run --resume {group}`");
        return Err(anyhow::Error::from(error).context(text));
    }
    let recording = open_recording(db)?;
    let look = super::super::look();
    repeat::answer(&recording, plan)?.write(out, Format::Table, &look)?;
    if !SIDES.contains(&plan.configs.len()) || plan.repeat < 2 {
        return Ok(());
    }
    let group = [format!("group={}", plan.group)];
    let (mut sides, left_out) = sides(&recording, &group, Some("config"))?;
    let labels: Vec<&str> = plan.configs.iter().map(|one| one.label.as_str()).collect();
    put_first(&mut sides, &labels);
    let options = CompareOptions {
        allow_different: true,
        ..CompareOptions::default()
    };
    writeln!(out)?;
    let compared = Compared::read(&recording, sides, &options)?;
    Ok(compared.write(&left_out, None, out, Format::Table, &look)?)
}
