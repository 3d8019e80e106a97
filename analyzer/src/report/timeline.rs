//! Chart: power over time, thinned out so that peaks stay.
//!
//! ```text
//! windows   |--|--|--|--|--|--|--|--|       each goes whole to the step of its middle,
//! steps     [       ][       ][      ]      so that steps sum to what was measured
//! a step    energy, time, lowest and highest mean power of its windows
//! ```

use std::collections::HashMap;

use serde::Serialize;

use super::accounts::Accounts;
use super::name::name;
use crate::error::Result;
use crate::query::{self, Attribution, Balance, Ledger, PhaseSpan, Recording, Run, Window};

/// Steps of a line at most, and of all lines together unless that left too few.
const STEPS: i64 = 600;
const ALL_STEPS: i64 = 2400;
const FEWEST_STEPS: i64 = 150;
/// Rails that are drawn at most.
const RAILS: usize = 12;
/// Phases that are marked at most.
const BANDS: usize = 300;

/// Lines of rails and the phases behind them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Timeline {
    /// Length of the run.
    pub(super) end_ns: i64,
    /// Root rails first.
    pub(super) rails: Vec<Line>,
    /// Rails that are not drawn.
    pub(super) rails_left_out: usize,
    /// When phases ran.
    pub(super) bands: Vec<Band>,
    /// Whether there were more phases than are marked.
    pub(super) bands_cut: bool,
}

/// One rail.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Line {
    /// Its name.
    pub(super) rail: String,
    /// Whether it is summed for totals.
    pub(super) is_root: bool,
    /// Measured, modelled or replayed.
    pub(super) provenance: String,
    /// Idle power.
    pub(super) idle_w: Option<f64>,
    /// Windows that it is made of.
    pub(super) windows: usize,
    /// By how much its sensor's clock was ahead; times are the program's.
    pub(super) offset_ns: i64,
    /// In order of time.
    pub(super) steps: Vec<Step>,
}

/// Windows that are drawn as one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Step {
    /// Begin of the first one, run time.
    #[serde(rename = "t0")]
    pub(super) start_ns: i64,
    /// End of the last one.
    #[serde(rename = "t1")]
    pub(super) end_ns: i64,
    /// Their time, which gaps are not part of.
    #[serde(rename = "ns")]
    pub(super) time_ns: i64,
    /// Their energy.
    #[serde(rename = "j")]
    pub(super) energy_j: f64,
    /// Lowest mean power of one of them.
    #[serde(rename = "min")]
    pub(super) min_w: f64,
    /// Highest one.
    #[serde(rename = "max")]
    pub(super) max_w: f64,
    /// The phase that was active longest in the first of them.
    #[serde(rename = "p")]
    pub(super) phase: Option<String>,
    #[serde(skip)]
    place: i64,
}

/// When a phase ran.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Band {
    /// Its name.
    pub(super) phase: String,
    /// Begin, run time.
    pub(super) start_ns: i64,
    /// End; none while it is open.
    pub(super) end_ns: Option<i64>,
}

/// What a timeline is read for.
pub(super) struct Of<'r> {
    pub(super) recording: &'r Recording,
    pub(super) run: &'r Run,
    pub(super) ledger: &'r Ledger,
    pub(super) balance: &'r [Balance],
    pub(super) accounts: &'r [Accounts],
    pub(super) attribution: Option<&'r Attribution>,
    pub(super) phases: &'r [PhaseSpan],
}

/// The timeline; none where nothing was measured.
pub(super) fn timeline(of: &Of<'_>) -> Result<Option<Timeline>> {
    let end_ns = end(of)?;
    let offsets = offsets(of.balance, of.attribution);
    let mut lines: HashMap<i64, (usize, Vec<Step>)> = HashMap::new();
    let lines_drawn = of.balance.len().clamp(1, RAILS) as i64;
    let most = (ALL_STEPS / lines_drawn).clamp(FEWEST_STEPS, STEPS);
    let length = (end_ns / most).max(1);
    query::windows(of.recording, of.run, |window| {
        let line = lines.entry(window.rail).or_default();
        line.0 += 1;
        add(&mut line.1, &window, length, |phase| {
            let node = of.ledger.node(phase);
            let node = node.filter(|node| node.role.as_deref() == Some("phase"));
            node.map(|node| name(&node.label))
        });
    })?;
    let mut rails = Vec::new();
    for (rail, accounts) in of.balance.iter().zip(of.accounts) {
        let Some((windows, mut steps)) = lines.remove(&rail.id) else {
            continue;
        };
        let offset_ns = offsets.get(&rail.id).copied().unwrap_or(0);
        for step in &mut steps {
            step.start_ns -= offset_ns;
            step.end_ns -= offset_ns;
        }
        rails.push(Line {
            rail: accounts.rail.clone(),
            is_root: rail.is_root,
            provenance: accounts.provenance.clone(),
            idle_w: accounts.idle_w,
            windows,
            offset_ns,
            steps,
        });
    }
    let rails_left_out = rails.len().saturating_sub(RAILS);
    rails.truncate(RAILS);
    Ok((!rails.is_empty()).then(|| Timeline {
        end_ns,
        rails,
        rails_left_out,
        bands: bands(of),
        bands_cut: of.phases.len() > BANDS,
    }))
}

/// The run's end, or what was last measured of a run whose end is not known.
fn end(of: &Of<'_>) -> Result<i64> {
    if let Some(end_ns) = of.run.row.end_ns {
        return Ok(end_ns);
    }
    let mut last_ns = 0;
    query::windows(of.recording, of.run, |window| {
        last_ns = window.end_ns.max(last_ns);
    })?;
    Ok(last_ns)
}

/// How far windows of a rail are moved to stand where the program's clock has them.
fn offsets(balance: &[Balance], attribution: Option<&Attribution>) -> HashMap<i64, i64> {
    let fits = attribution.map(Attribution::fits).unwrap_or_default();
    let of = |rail: &Balance| {
        let full = format!("{}/{}", rail.source, rail.rail);
        let is_it = |fitted: &str| fitted == full || fitted == rail.rail;
        let fit = fits.iter().find(|fit| is_it(&fit.rail))?;
        Some((rail.id, (fit.offset_ms? * 1e6).round() as i64))
    };
    balance.iter().filter_map(of).collect()
}

fn add(steps: &mut Vec<Step>, window: &Window, length: i64, phase: impl Fn(i64) -> Option<String>) {
    let Some(power_w) = window.power_w().filter(|power| power.is_finite()) else {
        return;
    };
    let time_ns = window.end_ns - window.start_ns;
    let place = i64::midpoint(window.start_ns, window.end_ns) / length;
    match steps.last_mut() {
        Some(step) if step.place == place => {
            step.end_ns = window.end_ns;
            step.time_ns += time_ns;
            step.energy_j += window.measured_j;
            step.min_w = step.min_w.min(power_w);
            step.max_w = step.max_w.max(power_w);
        }
        _ => steps.push(Step {
            start_ns: window.start_ns,
            end_ns: window.end_ns,
            time_ns,
            energy_j: window.measured_j,
            min_w: power_w,
            max_w: power_w,
            phase: window.phase.and_then(phase),
            place,
        }),
    }
}

fn bands(of: &Of<'_>) -> Vec<Band> {
    let band = |span: &PhaseSpan| {
        let node = of.ledger.node(span.node)?;
        Some(Band {
            phase: name(&node.label),
            start_ns: span.start_ns,
            end_ns: span.end_ns,
        })
    };
    of.phases.iter().take(BANDS).filter_map(band).collect()
}
