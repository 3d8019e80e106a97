//! `energy fleet push`.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use clap::Args;
use energy_fleet::destination::destination;
use energy_fleet::push::{PushEvent, PushOptions, PushReport, Pusher};
use serde_json::json;

use super::result::write_result;
use crate::cli::console::warn;
use crate::format::{Answer, bytes, counted, escape};
use crate::options::OutputFormat;
use crate::program::Interrupt;

/// Time between two looks at the recording, as a part of a bucket.
const LOOKS_PER_BUCKET: u32 = 10;
/// Bounds of the time between two looks.
const TICK: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));
/// Longest time until a destination that failed is tried again.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// Time between two looks at signals.
const POLL: Duration = Duration::from_millis(200);

/// Options of `energy fleet push`.
#[derive(Debug, Args)]
pub struct FleetPushArgs {
    /// Folder, or URL: s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX
    #[arg(value_name = "DEST")]
    destination: String,
    /// What to send.
    #[command(flatten)]
    options: PushOptions,
    /// Output format.
    #[command(flatten)]
    output: OutputFormat,
}

pub(super) fn run(db: &Path, args: &FleetPushArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let destination = destination(&args.destination)?;
    let root = escape(destination.root());
    let mut pusher = Pusher::open(db, destination, &args.options)?;
    let mut report = PushReport::default();
    let passed = match args.options.follow {
        true => follow(&mut pusher, args.options.every, &mut report),
        false => pusher
            .pass(&mut report, &mut show)
            .map_err(anyhow::Error::from),
    };
    if passed.is_ok() && report.unsent > 0 && !args.options.follow {
        let unsent = counted(usize::try_from(report.unsent)?, "run");
        warn(&format!(
            "{unsent} not sent: being recorded, or refused; --follow sends runs that are being \
             recorded"
        ));
    }
    if passed.is_ok() || report.packs > 0 {
        let result = answer(&report, pusher.root());
        write_result(out, args.output.format(), sentence(&report, &root), result)?;
    }
    passed
}

/// Sends until a signal is received, or the selected runs were sent.
fn follow(pusher: &mut Pusher, every: Duration, report: &mut PushReport) -> anyhow::Result<()> {
    let interrupt = Interrupt::listen()?;
    let tick = (every / LOOKS_PER_BUCKET).clamp(TICK.0, TICK.1);
    let (mut wait, mut last_error) = (tick, String::new());
    while !interrupt.is_received() {
        match pusher.pass(report, &mut show) {
            Ok(()) if pusher.is_complete(report) => break,
            Ok(()) => (wait, last_error) = (tick, String::new()),
            Err(error) => {
                let text = error.to_string();
                if text != last_error {
                    warn(&format!("{text} (tried again until it succeeds)"));
                }
                (wait, last_error) = ((wait * 2).min(LONGEST_WAIT), text);
            }
        }
        let begun = Instant::now();
        while !interrupt.is_received() && begun.elapsed() < wait {
            std::thread::sleep(POLL.min(wait));
        }
    }
    Ok(())
}

fn show(event: PushEvent) {
    match event {
        PushEvent::Sent(..) => {}
        PushEvent::Refused(run, why) => warn(&format!("run {run} is not sent: {why}")),
        PushEvent::OtherTables(run) => warn(&format!(
            "run {run} keeps the tables of its first pack: --nodes, --requests and --spans are those \
             of the push that began it"
        )),
    }
}

fn answer(report: &PushReport, root: &str) -> Answer {
    Answer::new("fleet push", "")
        .with("root", json!(root))
        .with("packs", json!(report.packs))
        .with("objects", json!(report.objects))
        .with("existing", json!(report.existing))
        .with("bytes", json!(report.bytes))
        .with("unsent", json!(report.unsent))
}

fn sentence(report: &PushReport, root: &str) -> String {
    let count =
        |count: u64, thing: &str| counted(usize::try_from(count).unwrap_or(usize::MAX), thing);
    match report.packs {
        0 => format!("nothing to send to {root}"),
        packs => format!(
            "{} sent to {root}: {} written ({}), {} there already",
            count(packs, "pack"),
            count(report.objects, "object"),
            bytes(Some(report.bytes)),
            report.existing,
        ),
    }
}
