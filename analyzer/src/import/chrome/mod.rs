//! Makes a run of a Chrome trace and a power recording: a program that knows nothing of
//! energy but writes its spans with tracing-chrome gets joules.
//!
//! ```text
//! trace.json  --> read --> spans, parents, marks -+
//!                                                 +--> one clock --> run --> attribution
//! power.plist --> samples ---- offset ------------+
//! ```
//!
//! The style `Threaded` tells when spans were executed, on which thread. The style
//! `Async` tells when they were created and closed only: each such span becomes an
//! activation for its whole life ([`tasks`]), and energy is shared by open time. There
//! are no CPU times: accounts of others, of the profiler and outside of spans are null.

mod attribute;
mod book;
mod event;
mod fields;
mod lanes;
mod matching;
mod read;
mod split;
mod start;
mod tasks;
mod threads;

pub use start::parse_start;

use std::path::{Path, PathBuf};

use tracing_energy::DEFAULT_KEY_FIELDS;
use tracing_energy::power::Kernel;
use tracing_energy::units::Nanos;

use super::align::{self, Offset, Range};
use super::power::Power;
use super::trace::{Trace, extent};
use super::write::{Head, Run};
use super::{Imported, Oddity, bad, power, tree};
use crate::error::Result;
use start::Start;

/// Longer names and values are cut, as in a recording.
const LONGEST_TEXT: usize = 256;

/// Spans may end so long before the first sample, or begin after the last one: they are
/// not measured then. Farther apart is a slip in the offset.
const APART_NS: i64 = 10_000_000_000;

/// A first span this soon after the trace's clock read zero is that of a file which was begun
/// with it.
const LEAST_ROTATION_NS: i64 = 1_000_000_000;

/// What to import, and how it is understood.
#[derive(Debug, Clone, PartialEq)]
pub struct ChromeOptions {
    /// The trace.
    pub trace: PathBuf,
    /// The power that was recorded meanwhile.
    pub power: PathBuf,
    /// Name of the run; none is the trace's.
    pub name: Option<String>,
    /// Arguments whose values make nodes of their own.
    pub key_fields: Vec<String>,
    /// When the trace's clock read zero, ns since 1970; none asks the file.
    pub start_unix_ns: Option<i64>,
    /// How far the recording's clock is ahead of the trace's; none looks for it. Where
    /// the wall clock of one of them is not known, they are taken to begin together.
    pub offset: Option<Nanos>,
    /// Averaging windows of sensors, by rail; the others tell means of samples.
    pub kernels: Vec<(String, Kernel)>,
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

/// Imports a run into the recording at `db`, which is made if it is not there, and
/// attributes it: by the method `fitted` where that can be, so that figures have
/// intervals, else `proportional`.
///
/// # Errors
/// When a file cannot be understood, with the line, or the offset between their clocks
/// is neither given nor clear; then nothing was written. When the recording cannot be
/// written.
pub fn import_chrome(db: &Path, options: &ChromeOptions) -> Result<Imported> {
    let read = read::read(&options.trace, &options.key_fields)?;
    let (mut trace, is_async) = (read.trace, read.is_async);
    let tree = tree::grow(&mut trace, &options.trace)?;
    let mut power = power::read(&options.power, &options.kernels)?;
    // Spans may be on another clock: they say nothing of readings yet.
    power.merge_batches(|| None);
    let mut start = start::start(&options.trace, options.start_unix_ns, read.extent_ns);
    let clocks = together(options, &trace, &mut power, &mut start)?;
    trace.oddities.extend(clocks.oddity(&start));
    if is_async {
        trace.oddities.push(asynchronous());
    }
    let head = head(options, &start, &clocks);
    let run = Run::new(head, trace, tree, power);
    let mut imported = run.imported();
    run.write(db)?;
    imported.told.push(clocks.told());
    let exact = options.offset.is_some();
    attribute::attribute(db, &mut imported, (is_async, exact), clocks.offset_ns)?;
    super::warn_of_gaps(db, &mut imported)?;
    Ok(imported)
}

/// How samples and spans came to one clock.
#[derive(Debug)]
struct Clocks {
    offset_ns: f64,
    /// None where it was given.
    found: Option<Offset>,
    /// Share of the power's variation that spans explain at it.
    explained: f64,
    /// Whether it is one between wall clocks.
    by_wall: bool,
    /// How much later than the start the time in the file's name is, where power shows it.
    rotated_ns: Option<f64>,
}

/// Moves the samples to the clock of the spans.
fn together(
    options: &ChromeOptions,
    trace: &Trace,
    power: &mut Power,
    start: &mut Start,
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
        let message = "it was made in another century than the trace; mend --start".to_owned();
        return Err(bad(&options.power, message));
    }
    power.begin_at(first_ns);
    let mut clocks = Clocks {
        offset_ns: 0.0,
        found: None,
        explained: 0.0,
        by_wall: by_wall.is_some(),
        rotated_ns: None,
    };
    match options.offset {
        Some(offset) => {
            clocks.offset_ns = offset.nanos() as f64;
            clocks.explained = align::explained(trace, power, clocks.offset_ns);
        }
        None => {
            let found = align::find(trace, power, range);
            let (found, rotated_ns) = match found {
                Ok(found) => (found, None),
                Err(why) => found_from_start(trace, power, (start, range))
                    .ok_or_else(|| bad(&options.power, unclear(&why, by_wall.is_some(), start)))?,
            };
            (clocks.offset_ns, clocks.explained) = (found.ns, found.explained);
            (clocks.found, clocks.rotated_ns) = (Some(found), rotated_ns);
        }
    }
    power.move_by(-(clocks.offset_ns.round() as i64));
    power.oddities.extend(align::changed(trace, power, 0.0));
    meet(options, trace, power)?;
    Ok(clocks)
}

/// Looks for the offset of a file that `start_new` began: the trace's clock read zero at any
/// time up to its first span before the time in the name. Answers the offset, and by how much
/// the name is late; the start is mended.
fn found_from_start(
    trace: &Trace,
    power: &mut Power,
    (start, range): (&mut Start, Range),
) -> Option<(Offset, Option<f64>)> {
    let latest_ns = trace.extent().0;
    let Range::Near(uncertain_ns) = range else {
        return None;
    };
    if !start.is_named || latest_ns < LEAST_ROTATION_NS {
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
    let found = Offset {
        ns: from_name(found.ns),
        rival: found.rival.map(|(at, share)| (from_name(at), share)),
        ..found
    };
    let rotated_ns = -found.ns;
    start.zero_unix_ns = start
        .zero_unix_ns
        .map(|zero| zero - rotated_ns.round() as i64);
    start.from = "the power, for the file's name is later (`start_new`)";
    Some((found, Some(rotated_ns)))
}

/// Refuses samples of another time than the spans.
fn meet(options: &ChromeOptions, trace: &Trace, power: &Power) -> Result<()> {
    let (begin, end) = trace.extent();
    let (first, last) = extent(power.samples.iter().map(|s| (s.start_ns, s.end_ns)));
    let apart_ns = (first - end).max(begin - last);
    if apart_ns <= APART_NS {
        return Ok(());
    }
    let apart_s = apart_ns as f64 / 1e9;
    let message = format!(
        "no sample covers any span: at that offset they are {apart_s:.1} s apart; mend --offset, \
         which is in milliseconds"
    );
    Err(bad(&options.power, message))
}

fn unclear(why: &str, by_wall: bool, start: &Start) -> String {
    let rotated = match start.is_named && by_wall {
        true => {
            "; if `start_new` began the file, its name is later than the trace's clock: then give \
             the time at which the layer was made with --start"
        }
        false => "",
    };
    let from = match by_wall {
        true => "between the two wall clocks",
        false => "with both files taken to begin together, for the wall clock of one is not known",
    };
    format!(
        "how far its clock is ahead of the trace's is not clear: {why}; give it with \
         --offset MS ({from}), or record more than one burst of work with a rest before and \
         after{rotated}"
    )
}

impl Clocks {
    fn told(&self) -> String {
        let ms = self.offset_ns / 1e6;
        let base = match self.by_wall {
            true => "",
            false => " beside what was taken for a common begin",
        };
        match &self.found {
            None => format!(
                "the recording's clock is taken to be {ms:.1} ms ahead{base}, as given (spans \
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

    /// What is to be remembered of the clocks, if it is doubtful.
    fn oddity(&self, start: &Start) -> Option<Oddity> {
        if let Some(rotated_ns) = self.rotated_ns {
            return Some(Oddity {
                kind: "start_rotated",
                count: 1,
                message: format!(
                    "the time in the file's name is {:.1} s later than the start of the trace's \
                     clock, as after `start_new`: the start was found from the power",
                    rotated_ns / 1e9
                ),
            });
        }
        (!start.is_known).then(|| Oddity {
            kind: "start_unknown",
            count: 1,
            message: format!(
                "when the trace began is known from {} only; keep tracing-chrome's file name, \
                 or give --start",
                start.from
            ),
        })
    }
}

fn asynchronous() -> Oddity {
    Oddity {
        kind: "async_style",
        count: 1,
        message: "spans of the style Async tell when they were created and closed, not when \
                  they were executed: energy is shared by open time, waiting included"
            .to_owned(),
    }
}

fn head(options: &ChromeOptions, start: &Start, clocks: &Clocks) -> Head {
    let stem = options.trace.file_stem();
    let name = stem.map(|name| name.to_string_lossy().into_owned());
    let ms = |ns: f64| ns / 1e6;
    Head {
        name: options.name.clone().or(name),
        config: serde_json::json!({
            "trace": options.trace.display().to_string(),
            "power": options.power.display().to_string(),
            "key_fields": options.key_fields,
            "trace_start_unix_ns": start.zero_unix_ns,
            "trace_start_from": start.from,
            "clocks_known": clocks.by_wall,
            "offset_ms": ms(clocks.offset_ns),
            "offset_from": if clocks.found.is_some() { "found" } else { "given" },
            "offset_sd_ms": clocks.found.map(|found| ms(found.sd_ns)),
            "offset_explains": clocks.explained,
            "offset_rival_ms": clocks.found.and_then(|found| found.rival).map(|rival| ms(rival.0)),
        }),
        zero_unix_ns: start.zero_unix_ns,
    }
}
