//! Records a request to a server.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use energy_data::rows::RunMetadata;
use serde_json::{Map, Value};
use tracing::Dispatch;
use tracing_energy::{EnergyGuard, EnergyLayer};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;

use super::answer::ServerAnswer;
use super::config::DriveConfig;
use super::endpoint::Endpoint;
use super::exchange::Exchange;
use super::model;
use super::options::DriveOptions;
use super::other_clients::{ClientWatch, OtherClients};
use super::readiness::{self, ReadyServer};
use super::request::{body, warm_up_prompt};
use super::server_facts::{RequestedModel, ServerFacts, UNNAMED};
use super::server_process::ServerProcess;
use super::spans::{NoSpans, ROLES, RequestSpans, TARGET};
use super::token_counts::{self, TokenCounts};
use crate::error::{Error, Result};
use crate::program::{Interrupt, Placeholder, fill};

/// A finished recording.
#[derive(Debug, Clone, PartialEq)]
pub struct DrivenRun {
    /// Id of the run.
    pub uuid: String,
    /// Warnings.
    pub warnings: Vec<String>,
}

/// Kind of events about other clients of the server.
const OTHER_CLIENTS: &str = "other_clients";

/// What is checked before anything is measured.
struct Prepared {
    endpoint: Endpoint,
    addresses: Vec<SocketAddr>,
    /// Path of the model, if it is a file or folder.
    model: Option<PathBuf>,
    /// Name that its files state.
    model_name: Option<String>,
    /// Command line of the server.
    serve: Option<String>,
    config: DriveConfig,
    interrupt: Interrupt,
}

/// Starts the server, or watches one that runs, and records one request. The text of the answer is
/// streamed to `out`, and `on_step` gets the name of each step before it.
///
/// # Errors
/// If the endpoint is not on this machine, the recording cannot be started, or the server fails.
/// What was recorded by then is kept.
pub fn drive(
    db: &Path,
    options: &DriveOptions,
    out: &mut dyn Write,
    on_step: &mut dyn FnMut(&'static str),
) -> anyhow::Result<DrivenRun> {
    let mut prepared = prepare(options)?;
    if !options.recording.baseline.is_zero() {
        on_step("measuring idle power");
    }
    let (dispatch, guard) = start(db, options, &prepared)?;
    let driven = tracing::dispatcher::with_default(&dispatch, || {
        request(options, &mut prepared, &guard, (out, on_step))
    });
    drop(dispatch);
    let driven = match driven {
        Ok(server) => {
            let summary = guard.finish();
            // Ending the server is not part of the run.
            drop(server);
            DrivenRun {
                uuid: summary.uuid,
                warnings: summary.warnings,
            }
        }
        Err(error) => {
            let mut config = prepared.config;
            config.error = Some(error.to_string());
            guard.update_metadata(|metadata| metadata.config = config.text());
            guard.cancel();
            return Err(error.into());
        }
    };
    Ok(driven)
}

fn prepare(options: &DriveOptions) -> Result<Prepared> {
    let wrong = |text: &str| Error::Request(text.to_owned());
    if options.prompt.trim().is_empty() {
        return Err(wrong(
            "the prompt is empty; give a text with --prompt or --prompt-file",
        ));
    }
    let endpoint = options.endpoint.clone();
    let endpoint =
        endpoint.ok_or_else(|| wrong("give the address of the server with --endpoint"))?;
    if let (Some(api), Some(of_address)) = (options.api, endpoint.api())
        && api != of_address
    {
        return Err(Error::Request(format!(
            "endpoint {endpoint} has the interface {}, but --api is {}; omit one of them",
            of_address.name(),
            api.name()
        )));
    }
    let addresses = endpoint.local_addresses()?;
    let model = model_path(options)?;
    let serve = match (&options.serve, options.watch_pid) {
        (Some(line), None) => {
            readiness::refuse_taken(&endpoint, &addresses)?;
            Some(filled(line, options, model.as_deref()))
        }
        (None, Some(pid)) => {
            energy_host::process_start(pid).ok_or_else(|| {
                let text =
                    format!("--watch-pid: there is no process {pid}; give that of the server");
                Error::Request(text)
            })?;
            None
        }
        _ => return Err(wrong("give either --serve or --watch-pid")),
    };
    let checksum = model.as_deref().map(model::checksum).transpose()?;
    let config = DriveConfig::of(options, serve.as_deref(), checksum);
    Ok(Prepared {
        endpoint,
        addresses,
        model_name: model.as_deref().and_then(model::stated_name),
        model,
        serve,
        config,
        interrupt: Interrupt::listen()?,
    })
}

fn model_path(options: &DriveOptions) -> Result<Option<PathBuf>> {
    let path = options.model.as_deref().map(model::path);
    Ok(path.transpose()?.flatten())
}

/// Returns the fields of the stored configuration by which past runs with these options of the server
/// are recognized.
///
/// # Errors
/// If the model cannot be downloaded.
pub(crate) fn stored_fields(options: &DriveOptions) -> Result<Map<String, Value>> {
    let path = model_path(options)?;
    let line = options.serve.as_deref();
    let line = line.map(|line| filled(line, options, path.as_deref()));
    Ok(DriveConfig::of(options, line.as_deref(), None).fields_of_server())
}

/// Fills in the command line of the server, with the path of the model.
fn filled(line: &str, options: &DriveOptions, path: Option<&Path>) -> String {
    let labels = options.labels.iter();
    let labels = labels.map(|(key, value)| (key.as_str().into(), value.as_str().into()));
    let path = path.map(Path::to_string_lossy);
    let model = path.or_else(|| options.model.as_deref().map(Into::into));
    let texts = [
        ("model", model),
        (
            "threads",
            options.threads.map(|threads| threads.to_string().into()),
        ),
        ("device", options.device.as_deref().map(Into::into)),
        ("cache", options.cache.as_deref().map(Into::into)),
        ("max_tokens", Some(options.max_tokens.to_string().into())),
    ];
    let own = texts.into_iter();
    let own = own.filter_map(|(name, value)| Some((name.into(), value?)));
    let values: Vec<Placeholder<'_>> = own.chain(labels).collect();
    fill(line, &values)
}

/// Measures idle power and starts the recording.
fn start(
    db: &Path,
    options: &DriveOptions,
    prepared: &Prepared,
) -> anyhow::Result<(Dispatch, EnergyGuard)> {
    let recording = &options.recording;
    let metadata = RunMetadata {
        name: recording.name.clone(),
        model: options.model.clone(),
        prompt: options.is_prompt_stored.then(|| options.prompt.clone()),
        engine: Some(UNNAMED.to_owned()),
        batch: Some(1),
        experiment: recording.experiment.clone(),
        tags: recording.tags_with_rates(),
        config: prepared.config.text(),
        ..RunMetadata::default()
    };
    let mut builder = EnergyLayer::builder()
        .database_ignoring_env(db)
        .source(recording.power.source.clone())
        .interval(recording.power.interval)
        .baseline(recording.baseline)
        .roles(ROLES)
        .metadata(metadata)
        .keep_text(recording.keep_text);
    if let Some(id) = &options.run_id {
        builder = builder.run_id(id);
    }
    let (layer, guard) = builder.build()?;
    let filter = Targets::new().with_target(TARGET, LevelFilter::INFO);
    let subscriber = tracing_subscriber::registry().with(layer.with_filter(filter));
    Ok((Dispatch::new(subscriber), guard))
}

/// Starts the server, warms it up and sends the request. The server still runs afterwards.
fn request(
    options: &DriveOptions,
    prepared: &mut Prepared,
    guard: &EnergyGuard,
    (out, on_step): (&mut dyn Write, &mut dyn FnMut(&'static str)),
) -> Result<Option<ServerProcess>> {
    let serve = prepared.serve.as_deref();
    let mut server = serve.map(ServerProcess::start).transpose()?;
    let pid = server.as_ref().map(ServerProcess::id).or(options.watch_pid);
    if let Some(pid) = pid {
        guard.watch_process(pid);
    }
    on_step("waiting for the server");
    let ready = wait(options, prepared, server.as_mut())?;
    let facts = facts(options, prepared, &ready)?;
    describe(options, prepared, guard, &facts);
    let name = facts.model.as_deref().or(options.model.as_deref());
    let exchange = Exchange {
        client: &ready.client,
        endpoint: &prepared.endpoint,
        api: options.chosen_api(),
        max_tokens: options.max_tokens,
        timeout: options.timeout,
        interrupt: &prepared.interrupt,
    };
    let of = |prompt: &str| body(options, exchange.api, prompt, (name, facts.is_llama_cpp()));
    if options.warmup > 0 {
        on_step("warming up");
        warm_up(options, &exchange, server.as_mut(), &of)?;
    }
    let port = prepared.endpoint.port();
    let watch = ClientWatch::begin(&ready.client, port, facts.is_llama_cpp());
    on_step("");
    let mut answer = ServerAnswer::default();
    let mut spans = RequestSpans::begin(options.max_tokens);
    let received = (&mut answer, &mut spans as _);
    let sent = exchange.run(
        &of(&options.prompt),
        server.as_mut(),
        received,
        &mut |text| {
            // A reader that has closed the output does not end the measurement.
            let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        },
    );
    let counts = token_counts::of(&answer);
    if sent.is_ok() {
        spans.record_counts(counts.input, counts.output);
    }
    drop(spans);
    let others = match &sent {
        Ok(()) => watch.end(&ready.client, &counts),
        // The server may answer nothing more.
        Err(_) => OtherClients::default(),
    };
    prepared.config.set_others(&others);
    store(guard, prepared, &answer, (&counts, sent.is_ok()));
    sent?;
    for text in counts.warnings {
        guard.add_warning("token_counts", text);
    }
    for text in others.warnings() {
        guard.add_warning(OTHER_CLIENTS, text);
    }
    Ok(server)
}

/// Requests what the server states about itself.
///
/// # Errors
/// If it is not clear which of its models is to answer.
fn facts(options: &DriveOptions, prepared: &Prepared, ready: &ReadyServer) -> Result<ServerFacts> {
    let serve = options.serve.as_deref();
    let requested = RequestedModel {
        name: options.model.as_deref(),
        path: prepared.model.as_deref(),
        is_loaded: serve.is_some_and(|line| line.contains("{model}")),
    };
    let facts = ServerFacts::read(&ready.client, ready.name.as_deref(), &requested);
    facts.map_err(|what| Error::Program {
        program: prepared.endpoint.to_string(),
        what,
    })
}

/// Waits until the server is ready.
fn wait(
    options: &DriveOptions,
    prepared: &Prepared,
    server: Option<&mut ServerProcess>,
) -> Result<ReadyServer> {
    let loading = || tracing::info_span!(target: TARGET, "model_loading").entered();
    let _loading = server.is_some().then(loading);
    let (endpoint, addresses) = (&prepared.endpoint, &prepared.addresses);
    let limit = options.start_timeout;
    readiness::wait(endpoint, addresses, limit, &prepared.interrupt, server)
}

/// Sends the requests before the measured one; one span has their energy.
fn warm_up(
    options: &DriveOptions,
    exchange: &Exchange<'_>,
    mut server: Option<&mut ServerProcess>,
    body_of: &dyn Fn(&str) -> Value,
) -> Result<()> {
    tracing::info_span!(target: TARGET, "warm_up").in_scope(|| {
        (0..options.warmup).try_for_each(|number| {
            let body = body_of(&warm_up_prompt(&options.prompt, number));
            let received = (&mut ServerAnswer::default(), &mut NoSpans as _);
            exchange.run(&body, server.as_deref_mut(), received, &mut |_| ())
        })
    })
}

/// Stores the answer, and its numbers of tokens if it is complete.
fn store(
    guard: &EnergyGuard,
    prepared: &mut Prepared,
    answer: &ServerAnswer,
    (counts, is_complete): (&TokenCounts, bool),
) {
    prepared.config.set_answer(answer, counts);
    guard.update_metadata(|metadata| {
        let name = prepared.model_name.clone().or_else(|| answer.model.clone());
        metadata.model = name.or(metadata.model.take());
        metadata.response = Some(answer.text.clone());
        if is_complete {
            metadata.input_tokens = counts.input;
            metadata.output_tokens = counts.output;
        }
        metadata.config = prepared.config.text();
    });
}

/// Stores what the server states about itself.
fn describe(
    options: &DriveOptions,
    prepared: &mut Prepared,
    guard: &EnergyGuard,
    facts: &ServerFacts,
) {
    prepared.config.set_facts(facts);
    guard.update_metadata(|metadata| {
        metadata.engine = Some(facts.engine.unwrap_or(UNNAMED).to_owned());
        let name = prepared.model_name.clone().or_else(|| facts.model.clone());
        metadata.model = name.or_else(|| options.model.clone());
        metadata.precision.clone_from(&facts.precision);
        metadata.config = prepared.config.text();
    });
}
