//! What is read of each run.

use serde::Serialize;

use super::stats::Sample;
use super::{CompareOptions, Side};
use crate::error::{Error, Result};
use crate::query::{
    self, By, Phase, Recording, Run, Share, phases_on, run_interval, shares, totals_of,
};

/// What energies are divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// All tokens, read and sampled
    Token,
    /// Nothing: energies of whole runs
    Run,
    /// Tokens read, for pre_inference and prefill
    InputToken,
    /// Tokens sampled, for decode and post_inference
    OutputToken,
}

impl Per {
    /// The unit, as a heading.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Token => "J/token",
            Self::Run => "J/run",
            Self::InputToken => "J/input token",
            Self::OutputToken => "J/output token",
        }
    }

    /// The phases whose energy is meant; all where there is no name.
    const fn phases(self) -> &'static [&'static str] {
        match self {
            Self::Token | Self::Run => &[],
            Self::InputToken => &["pre_inference", "prefill"],
            Self::OutputToken => &["decode", "post_inference"],
        }
    }

    /// What the run's energies are divided by; none where it is not known or zero.
    fn divisor(self, run: &Run) -> Option<f64> {
        let tokens = &run.row.metadata;
        let (input, output) = (tokens.input_tokens, tokens.output_tokens);
        let count = match self {
            Self::Token => input.zip(output).map(|(input, output)| input + output),
            Self::Run => Some(1),
            Self::InputToken => input,
            Self::OutputToken => output,
        };
        count.filter(|count| *count > 0).map(|count| count as f64)
    }
}

/// What one run says. Energies are those of the compared unit: divided already.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// Gross energy of what is compared.
    pub energy_j: Option<f64>,
    /// Lower end of its interval as attribution knows it; of whole runs only.
    pub lo_j: Option<f64>,
    /// Upper end.
    pub hi_j: Option<f64>,
    /// How it was found.
    pub basis: Option<String>,
    /// Tokens sampled for each second of decode.
    pub tokens_per_s: Option<f64>,
    /// Its phases.
    pub phases: Vec<Phase>,
    /// Its kinds; those that cannot be told apart as one.
    pub kinds: Vec<Share>,
    /// Start and end, ns since 1970.
    times: (i64, i64),
}

impl Figures {
    /// A figure of this run; one that is not known is not positive either.
    pub(super) fn sample(&self, value: Option<f64>) -> Sample {
        Sample {
            value: value.unwrap_or(f64::NAN),
            start_unix_ns: self.times.0,
            end_unix_ns: self.times.1,
        }
    }
}

/// What to divide by: what was asked for if every run knows it.
pub(super) fn per(sides: &[Side], options: &CompareOptions) -> Result<Per> {
    let runs = || sides.iter().flat_map(|side| &side.runs);
    let Some(per) = options.per else {
        let all = runs().all(|run| Per::Token.divisor(run).is_some());
        return Ok(if all { Per::Token } else { Per::Run });
    };
    match runs().find(|run| per.divisor(run).is_none()) {
        None => Ok(per),
        Some(run) => Err(run.missing(
            "the number of its tokens is not known",
            "compare energies of whole runs with --per run",
        )),
    }
}

/// Figures of each side's runs.
pub(super) fn read(
    recording: &Recording,
    sides: &[Side],
    per: Per,
    options: &CompareOptions,
) -> Result<Vec<Vec<Figures>>> {
    let of_side = |side: &Side| {
        let runs = side.runs.iter();
        runs.map(|run| figures(recording, run, per, options))
            .collect()
    };
    sides.iter().map(of_side).collect()
}

fn figures(
    recording: &Recording,
    run: &Run,
    per: Per,
    options: &CompareOptions,
) -> Result<Figures> {
    let rail = options.rail.as_deref();
    let divisor = per.divisor(run).unwrap_or(f64::NAN);
    let mut phases = phases_on(recording, run, rail)?;
    let tokens_per_s = totals_of(run, &phases).tokens_per_s;
    let wanted: Vec<&str> = match &options.phase {
        Some(phase) => vec![phase],
        None => per.phases().to_vec(),
    };
    if let Some(missing) = options.phase.as_deref() {
        check_phase(&phases, missing)?;
    }
    let is_whole = wanted.is_empty();
    phases.retain(|phase| is_whole || wanted.contains(&phase.phase.as_str()));
    let mut kinds = shares(recording, run, rail, By::Kind, true)?;
    kinds.retain(|share| is_whole || is_within(share, &wanted));
    let interval = match is_whole {
        true => run_interval(recording, run, rail)?,
        false => query::RunInterval::default(),
    };
    let start = run.row.start_unix_ns;
    let whole = query::sum_known(phases.iter().map(|phase| phase.energy_j));
    let mut figures = Figures {
        energy_j: whole,
        lo_j: interval.lo_j,
        hi_j: interval.hi_j,
        basis: interval.basis,
        tokens_per_s,
        phases,
        kinds,
        times: (start, start.saturating_add(run.row.end_ns.unwrap_or(0))),
    };
    figures.divide(divisor);
    Ok(figures)
}

impl Figures {
    fn divide(&mut self, divisor: f64) {
        let phases = self.phases.iter_mut().map(|phase| &mut phase.energy_j);
        let totals = [&mut self.energy_j, &mut self.lo_j, &mut self.hi_j];
        let ends = self.kinds.iter_mut().flat_map(|kind| {
            kind.energy_j /= divisor;
            [&mut kind.lo_j, &mut kind.hi_j]
        });
        for energy in phases.chain(totals).chain(ends).flatten() {
            *energy /= divisor;
        }
    }
}

fn check_phase(phases: &[Phase], wanted: &str) -> Result<()> {
    if phases.iter().any(|phase| phase.phase == wanted) {
        return Ok(());
    }
    let known: Vec<String> = phases
        .iter()
        .map(|phase| crate::format::escape(&phase.phase))
        .collect();
    Err(Error::Unknown {
        what: "phase",
        name: crate::format::escape(wanted),
        known: known.join(", "),
    })
}

/// Whether all its kinds lie below one of these phases.
fn is_within(share: &Share, phases: &[&str]) -> bool {
    let below = |kind: &String| kind.split(" > ").any(|part| phases.contains(&part));
    !share.kinds.is_empty() && share.kinds.iter().all(below)
}
