//! Imports a Chrome trace and a power recording as a run: a program that only writes its spans
//! with tracing-chrome gets energies.
//!
//! ```text
//! trace.json  --> read --> spans, parents, events-+
//!                                                 +--> one clock --> run --> attribution
//! power.plist --> samples ---- offset ------------+
//! ```
//!
//! The style `Threaded` records when spans were executed, on which thread. The style `Async`
//! records only when they were created and closed: each such span becomes an activation for its
//! whole lifetime ([`tasks`]), and energy is divided by open time. There are no CPU times: the
//! accounts `other_processes`, `profiler` and `unattributed` are null.

mod attribute;
mod event;
mod fields;
mod lanes;
mod matching;
mod read;
mod split;
mod start;
mod tasks;
mod threads;
mod trace_builder;

pub use start::parse_start;

use std::path::{Path, PathBuf};

use clap::Args;
use energy_data::DEFAULT_KEY_FIELDS;
use energy_data::Kernel;
use energy_data::units::Nanos;

use super::align::{self, FoundOffset, Range};
use super::anomaly::{Anomaly, invalid_input};
use super::imported::{Imported, warn_of_gaps};
use super::power::PowerRecording;
use super::trace::{ImportedTrace, extent};
use super::write::{ImportedRun, RunDescription};
use super::{power, tree};
use crate::error::Result;
use crate::options::{IMPORT_NAME_HELP, KERNEL_HELP, parse_kernel, parse_offset};
use start::TraceStart;

/// Maximum gap between spans and samples. Spans before the first or after the last sample are
/// unmeasured; a larger gap means a wrong offset.
const MAX_GAP_NS: i64 = 10_000_000_000;

/// Minimum time from the clock's zero to the first span for a file that `start_new` may have
/// begun.
const MIN_ROTATION_NS: i64 = 1_000_000_000;

/// Input files and their interpretation.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct ChromeOptions {
    /// Trace to import
    #[arg(value_name = "TRACE")]
    pub trace: PathBuf,
    /// Power recording of the same time: plist or text of powermetrics, or CSV
    #[arg(long, value_name = "FILE")]
    pub power: PathBuf,
    /// Name of the run; `None` uses the trace's file name.
    #[arg(long, value_name = "NAME", help = IMPORT_NAME_HELP)]
    pub name: Option<String>,
    /// Names of span arguments that distinguish call paths by their values
    #[arg(long, value_name = "NAMES", value_delimiter = ',',
          default_value = Self::default().key_fields.join(","))]
    pub key_fields: Vec<String>,
    /// Time at which the trace's clock read zero: a date and time, or seconds since 1970
    /// [default: derived from the file]
    #[arg(long = "start", value_name = "TIME", value_parser = parse_start)]
    pub start_unix_ns: Option<i64>,
    /// Time by which the clock of the power is ahead of the trace's, in ms or with a unit
    /// [default: estimated]
    #[arg(long, value_name = "MS", value_parser = parse_ms, allow_hyphen_values = true)]
    pub offset: Option<Nanos>,
    /// Averaging windows of sensors, by rail; other rails report means of samples.
    #[arg(long = "kernel", value_name = "RAIL=KERNEL", help = KERNEL_HELP,
          value_parser = parse_kernel)]
    pub kernels: Vec<(String, Kernel)>,
}

/// Parses a number of milliseconds, or a time with a unit.
fn parse_ms(text: &str) -> std::result::Result<Nanos, String> {
    match text.trim().parse::<f64>() {
        Ok(_) => parse_offset(&format!("{}ms", text.trim())),
        Err(_) => parse_offset(text),
    }
}

impl Default for ChromeOptions {
    fn default() -> Self {
        Self {
            trace: PathBuf::new(),
            power: PathBuf::new(),
            name: None,
            key_fields: DEFAULT_KEY_FIELDS
                .iter()
                .map(|&name| name.to_owned())
                .collect(),
            start_unix_ns: None,
            offset: None,
            kernels: Vec::new(),
        }
    }
}

/// Imports a run into the recording at `db`, which is created if needed, and attributes it: by
/// the method `fitted` where possible, which provides intervals, else `proportional`.
///
/// # Errors
/// Fails if a file is invalid (the message includes the line) or the offset between the clocks
/// is neither given nor unambiguous; nothing is written then. Also fails if the recording
/// cannot be written.
pub fn import_chrome(db: &Path, options: &ChromeOptions) -> Result<Imported> {
    let read = read::read(&options.trace, &options.key_fields)?;
    let (mut trace, is_async) = (read.trace, read.is_async);
    let tree = tree::build(&mut trace, &options.trace)?;
    let mut power = power::read(&options.power, &options.kernels)?;
    // Span activity is not passed: spans may use another clock than the samples.
    power.merge_batches(|| None);
    let mut start = start::start(&options.trace, options.start_unix_ns, read.extent_ns);
    let clocks = align_clocks(options, &trace, &mut power, &mut start)?;
    trace.anomalies.extend(clocks.anomaly(&start));
    if is_async {
        trace.anomalies.push(asynchronous());
    }
    let description = description(options, &start, &clocks);
    let run = ImportedRun::new(description, trace, tree, power);
    let mut imported = run.imported();
    run.write(db)?;
    imported.notes.push(clocks.note());
    let is_exact = options.offset.is_some();
    attribute::attribute(
        db,
        &mut imported,
        (is_async, is_exact),
        clocks.clock_offset_ns,
    )?;
    warn_of_gaps(db, &mut imported)?;
    Ok(imported)
}

/// Alignment of samples and spans to one clock.
#[derive(Debug)]
struct Clocks {
    clock_offset_ns: f64,
    /// `None` if the offset was given.
    found: Option<FoundOffset>,
    /// Share of the power's variance that spans explain at the offset.
    explained: f64,
    /// Whether the offset is between wall clocks.
    by_wall: bool,
    /// Time by which the file's name is later than the start, if found from the power.
    rotated_ns: Option<f64>,
}

/// Moves the samples to the clock of the spans.
fn align_clocks(
    options: &ChromeOptions,
    trace: &ImportedTrace,
    power: &mut PowerRecording,
    start: &mut TraceStart,
) -> Result<Clocks> {
    let zero_unix_ns = start.zero_unix_ns.filter(|_| start.is_known);
    let by_wall = zero_unix_ns.zip(power.wall);
    let (first_ns, range) = match by_wall {
        Some((zero, wall)) => (
            wall.start_unix_ns.saturating_sub(zero),
            Range::Near(wall.uncertainty.nanos()),
        ),
        None => (trace.extent().0, Range::Anywhere),
    };
    if first_ns.abs() > super::trace::LATEST_NS {
        let message = "it is centuries apart from the trace; correct --start".to_owned();
        return Err(invalid_input(&options.power, message));
    }
    power.begin_at(first_ns);
    let mut clocks = Clocks {
        clock_offset_ns: 0.0,
        found: None,
        explained: 0.0,
        by_wall: by_wall.is_some(),
        rotated_ns: None,
    };
    match options.offset {
        Some(offset) => {
            clocks.clock_offset_ns = offset.nanos() as f64;
            clocks.explained = align::explained(trace, power, clocks.clock_offset_ns);
        }
        None => {
            let found = align::find(trace, power, range);
            let (found, rotated_ns) = match found {
                Ok(found) => (found, None),
                Err(why) => found_from_start(trace, power, (start, range)).ok_or_else(|| {
                    invalid_input(&options.power, unclear(&why, by_wall.is_some(), start))
                })?,
            };
            (clocks.clock_offset_ns, clocks.explained) = (found.ns, found.explained);
            (clocks.found, clocks.rotated_ns) = (Some(found), rotated_ns);
        }
    }
    power.move_by(-(clocks.clock_offset_ns.round() as i64));
    power
        .anomalies
        .extend(align::clock_change(trace, power, 0.0));
    check_overlap(options, trace, power)?;
    Ok(clocks)
}

/// Searches the offset of a file begun by `start_new`: the trace's clock read zero at most as
/// long before the time in the name as its first span is after zero. Returns the offset and the
/// delay of the name, and corrects the start.
fn found_from_start(
    trace: &ImportedTrace,
    power: &mut PowerRecording,
    (start, range): (&mut TraceStart, Range),
) -> Option<(FoundOffset, Option<f64>)> {
    let latest_ns = trace.extent().0;
    let Range::Near(uncertain_ns) = range else {
        return None;
    };
    if !start.is_named || latest_ns < MIN_ROTATION_NS {
        return None;
    }
    let half_ns = latest_ns / 2;
    power.move_by(half_ns);
    let found = align::find(
        trace,
        power,
        Range::Near(uncertain_ns.saturating_add(half_ns)),
    );
    power.move_by(-half_ns);
    let found = found.ok()?;
    let from_name = |ns: f64| ns - half_ns as f64;
    let found = FoundOffset {
        ns: from_name(found.ns),
        rival: found.rival.map(|(at, share)| (from_name(at), share)),
        ..found
    };
    let rotated_ns = -found.ns;
    start.zero_unix_ns = start
        .zero_unix_ns
        .map(|zero| zero - rotated_ns.round() as i64);
    start.from = "the power, because the file's name is later (`start_new`)";
    Some((found, Some(rotated_ns)))
}

/// Fails if samples and spans do not overlap in time.
fn check_overlap(
    options: &ChromeOptions,
    trace: &ImportedTrace,
    power: &PowerRecording,
) -> Result<()> {
    let (begin, end) = trace.extent();
    let (first, last) = extent(power.samples.iter().map(|s| (s.start_ns, s.end_ns)));
    let apart_ns = (first - end).max(begin - last);
    if apart_ns <= MAX_GAP_NS {
        return Ok(());
    }
    let apart_s = apart_ns as f64 / 1e9;
    let message = format!(
        "no sample covers any span: at that offset they are {apart_s:.1} s apart; correct \
         --offset, \
         which is in milliseconds"
    );
    Err(invalid_input(&options.power, message))
}

fn unclear(why: &str, by_wall: bool, start: &TraceStart) -> String {
    let rotated = match start.is_named && by_wall {
        true => {
            "; if `start_new` began the file, its name is later than the start of the trace's \
             clock: give --start, \
             the time at which the layer was created"
        }
        false => "",
    };
    let from = match by_wall {
        true => "between the two wall clocks",
        false => {
            "assuming that both files begin together, because the wall clock of one is unknown"
        }
    };
    format!(
        "the offset of its clock from the trace's is ambiguous: {why}; give it with \
         --offset MS ({from}), or record more than one burst of work with idle time before and \
         after{rotated}"
    )
}

impl Clocks {
    fn note(&self) -> String {
        let ms = self.clock_offset_ns / 1e6;
        let base = match self.by_wall {
            true => "",
            false => " relative to an assumed common start",
        };
        match &self.found {
            None => format!(
                "the recording's clock is {ms:.1} ms ahead{base}, as given (spans \
                 explain {:.0} % of the power's variation)",
                self.explained * 100.0
            ),
            Some(found) => format!(
                "the recording's clock is {ms:.1} ms ahead{base} (sd {:.1} ms; spans explain \
                 {:.0} % of the power's variation{})",
                found.sd_ns / 1e6,
                found.explained * 100.0,
                found.rival.map_or(String::new(), |(at, share)| format!(
                    ", at the next best offset, {:.0} ms, {:.0} %",
                    at / 1e6,
                    share.max(0.0) * 100.0
                ))
            ),
        }
    }

    /// Returns the anomaly to store if the clocks are doubtful.
    fn anomaly(&self, start: &TraceStart) -> Option<Anomaly> {
        if let Some(rotated_ns) = self.rotated_ns {
            return Some(Anomaly {
                kind: "start_rotated",
                count: 1,
                message: format!(
                    "the time in the file's name is {:.1} s later than the start of the trace's \
                     clock, as after `start_new`: the start was found from the power",
                    rotated_ns / 1e9
                ),
            });
        }
        (!start.is_known).then(|| Anomaly {
            kind: "start_unknown",
            count: 1,
            message: format!(
                "the start of the trace is known only from {}; keep tracing-chrome's file name, \
                 or give --start",
                start.from
            ),
        })
    }
}

fn asynchronous() -> Anomaly {
    Anomaly {
        kind: "async_style",
        count: 1,
        message: "spans of the style Async record when they were created and closed, not when \
                  they were executed: energy is divided by open time, which includes waiting"
            .to_owned(),
    }
}

fn description(options: &ChromeOptions, start: &TraceStart, clocks: &Clocks) -> RunDescription {
    let stem = options.trace.file_stem();
    let name = stem.map(|name| name.to_string_lossy().into_owned());
    let ms = |ns: f64| ns / 1e6;
    RunDescription {
        name: options.name.clone().or(name),
        config: serde_json::json!({
            "trace": options.trace.display().to_string(),
            "power": options.power.display().to_string(),
            "key_fields": options.key_fields,
            "trace_start_unix_ns": start.zero_unix_ns,
            "trace_start_from": start.from,
            "clocks_known": clocks.by_wall,
            "clock_offset_ms": ms(clocks.clock_offset_ns),
            "clock_offset_from": if clocks.found.is_some() { "found" } else { "given" },
            "clock_offset_sd_ms": clocks.found.map(|found| ms(found.sd_ns)),
            "clock_offset_explains": clocks.explained,
            "clock_offset_rival_ms": clocks.found.and_then(|found| found.rival).map(|rival| ms(rival.0)),
        }),
        zero_unix_ns: start.zero_unix_ns,
    }
}
