//! `energy otlp`.

use std::io::Write;
use std::path::Path;

use clap::{Args, Subcommand};

use super::console::warn;
use super::database::open_attributed;
use super::examples;
use super::exit::NegativeResult;
use crate::format::{bytes, counted, escape};
use crate::options::AttributedRun;
use crate::otlp::{self, DeliveryCounts, FollowOptions, PushOptions, PushedRun};
use crate::program::Interrupt;

/// Exit code if the collector lacks something.
const INCOMPLETE: u8 = 1;

/// Send energies to a collector of OpenTelemetry.
#[derive(Debug, Args)]
#[command(after_help = examples::OTLP)]
pub struct OtlpArgs {
    /// What to send.
    #[command(subcommand)]
    pub command: OtlpCommand,
}

/// What to send.
#[derive(Debug, Subcommand)]
pub enum OtlpCommand {
    /// Send a recorded run: spans with their energies, and metrics
    #[command(after_help = examples::OTLP_PUSH)]
    Push(PushArgs),
    /// Send runs while they are recorded
    #[command(after_help = examples::OTLP_FOLLOW, allow_missing_positional = true)]
    Follow(FollowArgs),
}

/// Options of `energy otlp push`.
#[derive(Debug, Args)]
pub struct PushArgs {
    /// Id, id prefix or name of a run, or `last`
    #[arg(value_name = "RUN")]
    selector: String,
    /// Address of the collector, e.g. http://localhost:4318
    #[arg(value_name = "ENDPOINT")]
    endpoint: String,
    /// Attribution to send [default: the newest]
    #[arg(long, value_name = "ID")]
    attribution: Option<i64>,
    /// What is sent, and how.
    #[command(flatten)]
    pub options: PushOptions,
}

/// Options of `energy otlp follow`.
#[derive(Debug, Args)]
pub struct FollowArgs {
    /// Id, id prefix or name of a run that is being recorded [default: all runs]
    #[arg(value_name = "RUN")]
    selector: Option<String>,
    /// Address of the collector, e.g. http://localhost:4318
    #[arg(value_name = "ENDPOINT")]
    endpoint: String,
    /// What is sent, and how.
    #[command(flatten)]
    pub options: FollowOptions,
}

pub(super) fn run(db: &Path, args: &OtlpArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    match &args.command {
        OtlpCommand::Push(args) => push(db, args, out),
        OtlpCommand::Follow(args) => follow(db, args, out),
    }
}

fn push(db: &Path, args: &PushArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let selected = AttributedRun {
        run: args.selector.clone().into(),
        attribution: args.attribution,
    };
    let (recording, run) = open_attributed(db, &selected)?;
    let interrupt = Interrupt::listen()?;
    let to = (args.endpoint.as_str(), &args.options);
    let sent = otlp::push(&recording, &run, to, &|| interrupt.is_received());
    if interrupt.is_received() {
        return Err(interrupt.error().into());
    }
    let sent = sent?;
    let what = match args.options.dry_run {
        true => "would send",
        false => "sent",
    };
    let title = escape(&run.title());
    let size = bytes(Some(sent.bytes));
    writeln!(out, "run {title}: {what} {}, {size}", items(&sent))?;
    notes(&sent);
    refused(&sent.delivered, &args.endpoint)
}

/// Describes what was sent: `9,539 spans, 204 metric points in 3 requests`.
fn items(sent: &PushedRun) -> String {
    let pushed = &sent.pushed;
    let all = sent.delivered.accepted + sent.delivered.missing();
    let counts = [
        (pushed.spans, "span"),
        (pushed.events, "event"),
        (
            all.saturating_sub(pushed.spans + pushed.events),
            "metric point",
        ),
    ];
    let counts = counts.into_iter().filter(|(count, _)| *count > 0);
    let counts: Vec<String> = counts
        .map(|(count, name)| counted(usize::try_from(count).unwrap_or(usize::MAX), name))
        .collect();
    let requests = usize::try_from(sent.delivered.requests).unwrap_or(usize::MAX);
    let what = match counts.is_empty() {
        true => "nothing".to_owned(),
        false => counts.join(", "),
    };
    format!("{what} in {}", counted(requests, "request"))
}

fn notes(sent: &PushedRun) {
    let open = sent.pushed.open;
    if open > 0 {
        warn(&format!(
            "the run is being recorded: {open} open span entries are not sent. `energy otlp follow` \
             sends spans when they end"
        ));
    }
    let unknown = sent.pushed.without_energy;
    if unknown > 0 {
        warn(&format!(
            "{unknown} span entries have no energy, because samples do not cover their time; they \
             are sent without one"
        ));
    }
    if let Some(warning) = &sent.delivered.warning {
        warn(&format!("the collector reports: {warning}"));
    }
}

/// Fails if the collector has accepted requests without all of their items.
fn refused(counts: &DeliveryCounts, endpoint: &str) -> anyhow::Result<()> {
    match counts.problem(endpoint) {
        Some(problem) => Err(NegativeResult::new(INCOMPLETE, problem).into()),
        None => Ok(()),
    }
}

fn follow(db: &Path, args: &FollowArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let interrupt = Interrupt::listen()?;
    let from = (args.selector.as_deref(), args.endpoint.as_str());
    let ends = || interrupt.is_received();
    let counts = otlp::follow(db, from, &args.options, &ends, &mut |text| warn(text))?;
    let requests = usize::try_from(counts.requests).unwrap_or(usize::MAX);
    writeln!(
        out,
        "sent {} spans, events and metric points in {}; {} were not delivered",
        counts.accepted,
        counted(requests, "request"),
        counts.missing()
    )?;
    match counts.missing() {
        0 => Ok(()),
        _ => Err(super::exit::SilentExit(INCOMPLETE).into()),
    }
}
