//! What is read of each run.

use serde::Serialize;

use super::stats::Sample;
use super::{CompareOptions, KindBasis, Side};
use crate::error::{Error, Result};
use crate::query::{
    self, Phase, Recording, Run, Share, Tokens, named_phases, phases, phases_on, run_interval,
    totals_of,
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
    /// Tokens that decode made, for decode and post_inference
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
            Self::InputToken => query::INPUT,
            Self::OutputToken => query::OUTPUT,
        }
    }

    /// What the energies of a run with these phases are divided by; none where it is not
    /// known or zero.
    fn divisor(self, run: &Run, phases: &[Phase]) -> Option<f64> {
        let tokens = Tokens::of(run);
        let count = match self {
            Self::Token => tokens.all(),
            Self::Run => Some(1),
            Self::InputToken => tokens.input,
            Self::OutputToken => tokens.decoded(phases),
        };
        count.filter(|count| *count > 0).map(|count| count as f64)
    }
}

/// What one run says. Energies are those of the compared unit: divided already.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// Gross energy of what is compared: measured plus extrapolated. Not known where
    /// samples cover less than half of its time.
    pub energy_j: Option<f64>,
    /// Share of its time that samples cover; none where it is not known.
    pub coverage: Option<f64>,
    /// Lower end of its interval as attribution knows it.
    pub lo_j: Option<f64>,
    /// Upper end.
    pub hi_j: Option<f64>,
    /// How it was found.
    pub basis: Option<String>,
    /// Tokens that decode made over its time.
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
pub(super) fn per(recording: &Recording, sides: &[Side], options: &CompareOptions) -> Result<Per> {
    let runs = || sides.iter().flat_map(|side| &side.runs);
    let Some(per) = options.per else {
        let all = runs().all(|run| Per::Token.divisor(run, &[]).is_some());
        return Ok(if all { Per::Token } else { Per::Run });
    };
    for run in runs() {
        if per.divisor(run, &phases(recording, run)?).is_none() {
            return Err(run.missing(
                "the number of its tokens is not known, or zero",
                "compare energies of whole runs with --per run",
            ));
        }
    }
    Ok(per)
}

/// Figures of each side's runs.
pub(super) fn read(
    recording: &Recording,
    sides: &[Side],
    per: Per,
    options: &CompareOptions,
    kinds: &KindBasis,
) -> Result<Vec<Vec<Figures>>> {
    let of_side = |side: &Side| {
        let runs = side.runs.iter();
        runs.map(|run| figures(recording, run, per, options, kinds))
            .collect()
    };
    sides.iter().map(of_side).collect()
}

fn figures(
    recording: &Recording,
    run: &Run,
    per: Per,
    options: &CompareOptions,
    kinds: &KindBasis,
) -> Result<Figures> {
    let rail = options.rail.as_deref();
    let mut phases = phases_on(recording, run, rail)?;
    let divisor = per.divisor(run, &phases).unwrap_or(f64::NAN);
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
    let kinds = kinds.shares(recording, run, rail)?;
    let mut kinds: Vec<Share> = kinds.into_iter().map(Share::whole).collect();
    kinds.retain(|share| is_whole || is_within(share, &wanted));
    // Recordings that do not know their coverage have an interval of the run's span.
    let interval = match is_whole {
        true => run_interval(recording, run, rail)?,
        false => query::RunInterval::default(),
    };
    let start = run.row.start_unix_ns;
    let whole = totals_of(run, &phases);
    let mut figures = Figures {
        energy_j: whole.energy_j,
        coverage: match whole.coverage {
            None => sampled_part(recording, run, rail)?,
            known => known,
        },
        lo_j: whole.lo_j.or(interval.lo_j),
        hi_j: whole.hi_j.or(interval.hi_j),
        basis: interval.basis,
        tokens_per_s,
        phases,
        kinds,
        times: (start, start.saturating_add(run.row.end_ns.unwrap_or(0))),
    };
    figures.divide(divisor);
    Ok(figures)
}

/// Coverage of a recording that does not know it: the part of its energy that was
/// measured, on the rail where that is least.
fn sampled_part(recording: &Recording, run: &Run, rail: Option<&str>) -> Result<Option<f64>> {
    let wanted = query::rails(recording, run, rail)?;
    let rails = query::balance(recording, run)?.into_iter();
    let part = |rail: query::Balance| {
        let (measured, missing) = (rail.measured_j?, rail.extrapolated_j?);
        let whole = measured + missing;
        (whole > 0.0 && missing > 0.0).then(|| measured / whole)
    };
    let parts = rails
        .filter(|rail| wanted.contains(&rail.id))
        .filter_map(part);
    Ok(parts.reduce(f64::min))
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
    if named_phases(phases).is_empty() {
        let name = crate::format::escape(wanted);
        return Err(Error::NoPhases { name });
    }
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
