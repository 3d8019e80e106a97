//! Records any program.
//!
//! ```text
//! energy record   |--warm-up--|--baseline--|=========== samples ===========|--merges spans--|
//! the program     |- N times -|            |--- its processes, CPU times --|
//! ```
//!
//! This process reads power; programs that record spans join its run.

mod executable;
mod found_counts;
mod json_path;
mod passed_output;
mod token_counts;
mod token_options;
mod token_pattern;
mod warm_up;
mod workload;

pub use token_options::TokenOptions;
pub use workload::Workload;

use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use clap::Args;
use energy_data::AttributeOptions;
use energy_data::rows::RunMetadata;
use energy_power::Provenance;
use energy_store::JoinedSummary;
use tracing_energy::{EnergyGuard, EnergyLayer, Method, RunSummary};

use crate::options::RecordingOptions;
use crate::program::{Interrupt, RUN_ID};
use executable::{cannot, find, missing};
use passed_output::{OwnOutputs, PassedOutput};

/// Options of recording a program.
#[derive(Debug, Clone, PartialEq, Default, Args)]
pub struct RecordOptions {
    /// Program and its arguments
    #[arg(required_unless_present = "trial", last = true, value_name = "COMMAND")]
    pub words: Vec<String>,
    /// Numbers of tokens in the program's output.
    #[command(flatten)]
    pub tokens: TokenOptions,
    /// Power, idle baseline and labels.
    #[command(flatten)]
    pub recording: RecordingOptions,
    /// Number of executions before the recorded one; they are not recorded
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub warmup: usize,
    /// What the program does.
    #[arg(skip)]
    pub workload: Workload,
}

/// A recorded program that has ended.
#[derive(Debug)]
pub struct RecordedProgram {
    /// Id of the run.
    pub uuid: String,
    /// Exit status of the program.
    pub status: ExitStatus,
    /// Signal that this process received; 0 for none.
    pub signal: usize,
    /// Processes that recorded spans.
    pub joined: JoinedSummary,
    /// Warnings.
    pub warnings: Vec<String>,
}

/// Executes the program and records it until it ends.
///
/// # Errors
/// If the power source or the database cannot be opened, or the program cannot be started.
/// Then no run is recorded.
pub fn record(db: &Path, options: &RecordOptions) -> anyhow::Result<RecordedProgram> {
    let recording = &options.recording;
    let (program, arguments) = options.words.split_first().ok_or_else(|| missing(""))?;
    // Fail before the baseline, which takes seconds.
    find(program)?;
    let interrupt = Interrupt::listen()?;
    warm_up::execute(&options.words, options.warmup, &interrupt)?;
    let is_searched = options.tokens.is_requested();
    let own = is_searched.then(OwnOutputs::of_process).transpose()?;
    let mut builder = EnergyLayer::builder()
        .database_ignoring_env(db)
        .source(recording.power.source.clone())
        .interval(recording.power.interval)
        .baseline(recording.baseline)
        .metadata(metadata(options))
        .keep_text(recording.keep_text);
    if let Some(id) = &options.workload.run_id {
        builder = builder.run_id(id);
    }
    let (layer, guard) = builder.build()?;
    drop(layer);
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_remove(RUN_ID)
        .envs(guard.child_env().into_iter().flatten());
    if own.is_some() {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
    }
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            guard.cancel();
            return Err(cannot(program, &error).into());
        }
    };
    guard.watch_process(child.id());
    let output = own.map(|own| PassedOutput::of(&mut child, own));
    let ended = interrupt.wait(child)?;
    let signal = interrupt.signal();
    if let Some(output) = output {
        count_tokens(options, output, &guard);
    }
    // A complete run of a trial counts, so that of a failed program is not complete.
    let has_failed = options.workload.engine.is_some() && !ended.status.success();
    let summary = match signal != 0 || has_failed {
        false => guard.finish(),
        true => guard.cancel(),
    };
    let joined = energy_store::attribute_joined(db, &summary.uuid)?;
    let mut warnings = summary.warnings.clone();
    warnings.extend(join_warnings(&joined));
    warnings.extend(fit(db, &summary, &joined));
    Ok(RecordedProgram {
        uuid: summary.uuid,
        status: ended.status,
        signal,
        joined,
        warnings,
    })
}

fn metadata(options: &RecordOptions) -> RunMetadata {
    let recording = &options.recording;
    let program = options.words.first().map(Path::new);
    let name = program.and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
    let workload = &options.workload;
    let mut config = workload.config.clone();
    if recording.keep_text {
        let line = config.entry("command");
        line.or_insert_with(|| options.words.join(" ").into());
    }
    let config = serde_json::Value::from(config);
    RunMetadata {
        // The program of an engine is a shell.
        name: recording
            .name
            .clone()
            .or(name.filter(|_| workload.engine.is_none())),
        experiment: recording.experiment.clone(),
        tags: recording.tags_with_rates(),
        engine: workload.engine.clone(),
        model: workload.model.clone(),
        prompt: workload.prompt.clone(),
        batch: workload.batch,
        config: (config != serde_json::json!({})).then(|| config.to_string()),
        ..RunMetadata::default()
    }
}

/// Stores the numbers of tokens that the program has printed, or a warning that they were not found.
fn count_tokens(options: &RecordOptions, output: PassedOutput, guard: &EnergyGuard) {
    let found = token_counts::find(&options.tokens, &output.texts());
    guard.update_metadata(|metadata| {
        metadata.input_tokens = found.input;
        metadata.output_tokens = found.output;
    });
    if let Some(text) = token_counts::warning(&options.tokens, found) {
        guard.add_warning("token_counts", text);
    }
}

fn join_warnings(joined: &JoinedSummary) -> Vec<String> {
    let mut warnings = Vec::new();
    if joined.died > 0 {
        warnings.push(format!(
            "{} of {} processes that recorded spans died; their spans end at their last write",
            joined.died, joined.processes
        ));
    }
    if joined.alive > 0 {
        warnings.push(format!(
            "{} processes are still recording: their later spans are not part of the run",
            joined.alive
        ));
    }
    warnings
}

/// Attributes measured power to spans by the method `fitted`. Returns a warning if that
/// fails.
fn fit(db: &Path, summary: &RunSummary, joined: &JoinedSummary) -> Option<String> {
    let mut rails = summary.rails.iter();
    let measured = rails.any(|rail| rail.provenance != Provenance::Modelled);
    if joined.processes == 0 || !measured {
        return None;
    }
    let fitted = AttributeOptions::new(Method::Fitted);
    let result = energy_store::reattribute(db, &summary.uuid, &fitted);
    let error = result.err()?;
    Some(format!(
        "energies are proportional and have no interval: {error}"
    ))
}
