//! Loads a model, generates text and records its energy.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;

use energy_data::AttributeOptions;
use energy_data::rows::RunMetadata;
use energy_models::instrument;
use energy_models::{BatchPrompt, GenerateOptions, Generation, Model, StopReason, TokenEvent};
use energy_power::Provenance;
use tracing::subscriber::NoSubscriber;
use tracing_energy::{EnergyGuard, EnergyLayer, Method, RunSummary};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::RunOptions;
use super::checks;
use super::config::{ContextUse, RowConfig, RunConfig};
use super::device;
use super::event::{OnRunEvent, RunEvent};
use super::made_prompt;
use super::model::{self, load};
use super::sampling::sampling;
use super::signal_flag::SignalFlag;
use crate::error::Error;

/// A finished recording.
#[derive(Debug, Clone, PartialEq)]
pub struct FinishedRun {
    /// Id of the run.
    pub uuid: String,
    /// Warnings.
    pub warnings: Vec<String>,
    /// Number of the signal that cancelled it.
    pub signal: Option<i32>,
}

/// Generates a continuation of the prompt and records it; the text is streamed to `out`,
/// and `on_event` gets the steps before. May only be called once per process because it installs the global subscriber.
///
/// # Errors
/// If the model cannot be loaded, or the recording cannot be started.
pub fn record(
    db: &Path,
    options: &RunOptions,
    out: &mut dyn Write,
    on_event: &mut OnRunEvent<'_>,
) -> anyhow::Result<FinishedRun> {
    // First: the check opens the device, which may start threads.
    device::use_threads(options.threads);
    checks::check(options)?;
    if let Some(text) = checks::equal_answers(options) {
        on_event(RunEvent::Warning(&text));
    }
    // Download the model before the measurement, which must not include it.
    let path = model::path(&options.model, on_event)?;
    model::refuse_early(options, &path)?;
    let checksum = model::checksum(&path)?;
    let made = made_prompt::with_made_prompt(options, &path)?;
    let options = made.as_ref().unwrap_or(options);
    let guard = start(db, options, on_event)?;
    let model = match load(options, &path, on_event) {
        Ok(model) => model,
        Err(error) => {
            forget(db, options, &guard.cancel());
            return Err(error);
        }
    };
    match generate(options, (model, &checksum), &guard, (out, on_event)) {
        Ok((responses, written)) => {
            let summary = match responses.is_cancelled {
                true => guard.cancel(),
                false => guard.finish(),
            };
            let whole = !responses.is_cancelled;
            let fit_warning = whole
                .then(|| attribute_again(db, options, &summary))
                .flatten();
            let mut warnings = summary.warnings;
            warnings.extend(responses.warnings);
            warnings.extend(fit_warning);
            written?;
            Ok(FinishedRun {
                uuid: summary.uuid,
                warnings,
                signal: responses.signal,
            })
        }
        Err(error) => {
            guard.cancel();
            Err(named_request(error))
        }
    }
}

/// Returns the error of a generation; one about the prompt or an option is that of a request.
fn named_request(error: anyhow::Error) -> anyhow::Error {
    let of_model = error.downcast_ref::<energy_models::Error>();
    let of_request = of_model.filter(|error| error.is_of_request());
    match of_request.map(ToString::to_string) {
        Some(text) => Error::Request(text).into(),
        None => error,
    }
}

/// Deletes a run without a model: it measured nothing but idle power.
fn forget(db: &Path, options: &RunOptions, summary: &RunSummary) {
    // The process that chose the id looks for this run, also if it failed.
    if options.run_id.is_some() {
        return;
    }
    let delete = || -> Result<(), energy_store::Error> {
        let store = energy_store::Store::open_writable(db)?;
        let run = store.find_run(&summary.uuid)?;
        store.delete_run(run.no)
    };
    // A run that stays is a cancelled one.
    drop(delete());
}

/// Attributes measured power by the method `fitted`, unless a method was requested. Times of a
/// device other than the CPU are known after those of the program, so its runs are always
/// attributed again. Returns a warning if that fails.
fn attribute_again(db: &Path, options: &RunOptions, summary: &RunSummary) -> Option<String> {
    let mut rails = summary.rails.iter();
    let measured = rails.any(|rail| rail.provenance != Provenance::Modelled);
    let is_fitted = options.method.is_none() && measured;
    if !is_fitted && options.device == super::options::cpu() {
        return None;
    }
    let method = match is_fitted {
        true => Method::Fitted,
        false => options.method.unwrap_or_default(),
    };
    let result = energy_store::reattribute(db, &summary.uuid, &AttributeOptions::new(method));
    let error = result.err()?;
    Some(match is_fitted {
        true => format!("energies are proportional and have no interval: {error}"),
        false => format!("energies follow the program's times, not the device's: {error}"),
    })
}

/// Measures the baseline and installs the recorder.
fn start(
    db: &Path,
    options: &RunOptions,
    on_event: &mut OnRunEvent<'_>,
) -> anyhow::Result<EnergyGuard> {
    let recording = &options.recording;
    let builder = EnergyLayer::builder()
        .database_ignoring_env(db)
        .source(recording.power.source.clone())
        .interval(recording.power.interval)
        .baseline(recording.baseline)
        .method(options.method.unwrap_or_default())
        .roles(instrument::ROLES)
        .metadata(metadata(options))
        .keep_text(recording.keep_text)
        .end_on_signal();
    let builder = match &options.chrome {
        Some(path) => builder.chrome(path),
        None => builder,
    };
    let builder = match &options.run_id {
        Some(id) => builder.run_id(id),
        None => builder,
    };
    if !recording.baseline.is_zero() {
        on_event(RunEvent::Step("measuring idle power"));
    }
    let built = builder.build();
    on_event(RunEvent::Done);
    let (layer, guard) = built?;
    let level = LevelFilter::from_level(options.depth.of_model().level());
    let filter = Targets::new().with_target(instrument::TARGET, level);
    tracing_subscriber::registry()
        .with(layer.with_filter(filter))
        .try_init()?;
    Ok(guard)
}

fn metadata(options: &RunOptions) -> RunMetadata {
    let recording = &options.recording;
    RunMetadata {
        name: recording.name.clone(),
        prompt: options.is_prompt_stored.then(|| options.prompt.clone()),
        engine: Some("candle".to_owned()),
        batch: i64::try_from(options.largest_batch()).ok(),
        experiment: recording.experiment.clone(),
        tags: recording.tags_with_rates(),
        ..RunMetadata::default()
    }
}

/// Generates without recording the generation, so that caches are filled and clocks are high.
/// The model is the one that is recorded afterwards.
fn warm_up(
    options: &RunOptions,
    model: &mut Model,
    on_event: &mut OnRunEvent<'_>,
) -> anyhow::Result<()> {
    if options.warmup == 0 {
        return Ok(());
    }
    on_event(RunEvent::Step("warming up"));
    let span = tracing::info_span!(target: instrument::TARGET, instrument::names::WARM_UP);
    let done = span.in_scope(|| {
        // The one span explains the energy; the spans in it are not wanted.
        tracing::subscriber::with_default(NoSubscriber::default(), || {
            for batch in (0..options.warmup).flat_map(|_| options.batches()) {
                let rows = row_options(options, &batch, None);
                model.generate_batch(&prompts(&batch, &rows), |_, _| ControlFlow::Continue(()))?;
            }
            Ok(())
        })
    });
    on_event(RunEvent::Done);
    done
}

type Written = std::io::Result<()>;

/// Responses to all prompts.
#[derive(Debug, Default)]
struct Responses {
    texts: Vec<String>,
    input_tokens: usize,
    output_tokens: usize,
    /// Largest size of the key-value cache: of all sequences of a batch.
    cache_bytes: usize,
    /// Of the longest sequence.
    context: Option<ContextUse>,
    /// Sequences of batches.
    rows: Vec<RowConfig>,
    warnings: Vec<String>,
    is_cancelled: bool,
    /// The signal that cancelled them.
    signal: Option<i32>,
}

fn generate(
    options: &RunOptions,
    (mut model, checksum): (Model, &str),
    guard: &EnergyGuard,
    (out, on_event): (&mut dyn Write, &mut OnRunEvent<'_>),
) -> anyhow::Result<(Responses, Written)> {
    let mut config = describe(guard, options, &model, checksum);
    warm_up(options, &mut model, on_event)?;
    let (mut responses, mut written) = (Responses::default(), Ok(()));
    let interrupt = SignalFlag::of(guard);
    for (at, batch) in options.batches().into_iter().enumerate() {
        if at > 0 && written.is_ok() {
            written = out.write_all(BETWEEN.as_bytes());
        }
        respond(
            &mut model,
            (at, &batch),
            (options, &interrupt),
            (&mut responses, &mut written),
            out,
        )?;
        if responses.is_cancelled {
            break;
        }
    }
    guard.return_signal();
    responses.signal = interrupt.signal();
    config.kv_cache_bytes = Some(responses.cache_bytes);
    config.context = responses.context;
    config.rows = std::mem::take(&mut responses.rows);
    guard.update_metadata(|metadata| {
        metadata.response = Some(responses.texts.join(BETWEEN));
        metadata.input_tokens = i64::try_from(responses.input_tokens).ok();
        metadata.output_tokens = i64::try_from(responses.output_tokens).ok();
        metadata.config = config.text();
    });
    Ok((responses, written))
}

/// Separates responses.
const BETWEEN: &str = "\n\n";

/// Returns the options of each prompt of a batch.
fn row_options(
    options: &RunOptions,
    batch: &[(&str, u64)],
    interrupt: Option<&SignalFlag>,
) -> Vec<GenerateOptions> {
    let row = |(_, seed): &(&str, u64)| GenerateOptions {
        seed: *seed,
        cancel: interrupt.map(SignalFlag::cancel),
        ..sampling(options)
    };
    batch.iter().map(row).collect()
}

/// Returns the prompts of a batch with their options.
fn prompts<'p>(batch: &[(&'p str, u64)], rows: &'p [GenerateOptions]) -> Vec<BatchPrompt<'p>> {
    let prompts = batch.iter().zip(rows);
    prompts
        .map(|((prompt, _), options)| BatchPrompt { prompt, options })
        .collect()
}

/// Generates the responses to the prompts of one batch. Streams the first to `out`, and writes
/// the others afterwards.
fn respond(
    model: &mut Model,
    (at, batch): (usize, &[(&str, u64)]),
    (options, interrupt): (&RunOptions, &SignalFlag),
    (responses, written): (&mut Responses, &mut Written),
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let mut shown = 0;
    let rows = row_options(options, batch, Some(interrupt));
    let mut on_token = |row: usize, token: TokenEvent<'_>| {
        if row == 0 {
            shown += token.text.len();
            if written.is_ok() {
                *written = out
                    .write_all(token.text.as_bytes())
                    .and_then(|()| out.flush());
            }
        }
        match written {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    };
    let is_batch = options.batch > 1;
    let all = match (batch, rows.as_slice()) {
        ([(prompt, _)], [row]) if !is_batch => {
            let on_token = |token: TokenEvent<'_>| on_token(0, token);
            vec![energy_models::generate(model, prompt, row, on_token)?]
        }
        _ => model.generate_batch(&prompts(batch, &rows), on_token)?,
    };
    for (row, generation) in all.iter().enumerate() {
        let text = generation.text.as_str();
        if written.is_ok() {
            *written = match row {
                // Text that might have been the beginning of a stop text.
                0 => out.write_all(text.get(shown..).unwrap_or_default().as_bytes()),
                _ => write!(out, "{BETWEEN}{text}"),
            };
        }
    }
    let bytes = all.iter().map(|generation| generation.kv_cache_bytes);
    responses.cache_bytes = responses.cache_bytes.max(bytes.sum());
    for (row, generation) in all.into_iter().enumerate() {
        if is_batch {
            responses.rows.push(row_config((at, row), &generation));
        }
        responses.add(generation);
    }
    Ok(())
}

fn row_config((batch, row): (usize, usize), generation: &Generation) -> RowConfig {
    RowConfig {
        batch,
        row,
        input_tokens: generation.input_tokens,
        output_tokens: generation.output_tokens,
        stop: generation.stop.as_str(),
        kv_cache_bytes: generation.kv_cache_bytes,
    }
}

impl Responses {
    fn add(&mut self, generation: Generation) {
        let used = ContextUse {
            kv_positions: generation.positions,
            kv_limit: generation.context,
            kv_share: generation.context_share(),
        };
        let longest = self
            .context
            .filter(|longest| longest.kv_positions >= used.kv_positions);
        self.context = longest.or(Some(used));
        self.texts.push(generation.text);
        self.input_tokens += generation.input_tokens;
        self.output_tokens += generation.output_tokens;
        self.warnings.extend(generation.warning);
        self.is_cancelled |= generation.stop == StopReason::Cancelled;
    }
}

/// Stores the model and the configuration with the run, and returns the configuration.
fn describe(guard: &EnergyGuard, options: &RunOptions, model: &Model, checksum: &str) -> RunConfig {
    let info = model.info();
    let name = if info.name.is_empty() {
        options.model.clone()
    } else {
        info.name.clone()
    };
    let config = RunConfig::of_model(options, info, checksum);
    guard.update_metadata(|metadata| {
        metadata.model = Some(name);
        metadata.precision = Some(info.precision.clone());
        metadata.config = config.text();
    });
    config
}
