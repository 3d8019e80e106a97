//! A flamegraph whose widths are joules.
//!
//! Each stack carries the self energy of its node; what a frame is wide beyond
//! its own is what stands on it. Widths are whole numbers of a unit small enough
//! that rounding does not show.

use std::io::Write;

use inferno::flamegraph::Options;

use crate::error::{Error, Result};
use crate::format::energy;
use crate::query::{By, Ledger, Node, Recording, Run, ledger, shares};

/// Whether stacks hold their share of idle energy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Idle {
    /// Active energy only.
    #[default]
    Exclude,
    /// Active energy and the share of idle energy.
    Include,
}

/// Stacks with their energy, ready to be drawn or written.
#[derive(Debug, Clone, PartialEq)]
pub struct Stacks {
    /// Run, rail, total, unit and how figures came to be.
    pub title: String,
    /// What the widths are.
    pub subtitle: String,
    /// Unit of the counts: `nJ`, `uJ` or `mJ`.
    pub unit: &'static str,
    /// Labels from the root down and the self energy in units, in order of the labels.
    pub stacks: Vec<(Vec<String>, u64)>,
    /// Energy in joules that all stacks hold.
    pub total_j: f64,
    /// Energy below zero that cannot be drawn; zero or less.
    pub negative_j: f64,
}

impl Stacks {
    /// Reads the stacks of a run, on all root rails or on one rail.
    ///
    /// # Errors
    /// When the file cannot be read, the rail is unknown, or there is no energy
    /// to draw.
    pub fn read(recording: &Recording, run: &Run, rail: Option<&str>, idle: Idle) -> Result<Self> {
        let ledger = ledger(recording, run, rail)?;
        let energy_of = |node: &Node| match idle {
            Idle::Exclude => node.self_j,
            Idle::Include => node.energy_j(),
        };
        let energies: Vec<f64> = ledger.nodes.iter().map(energy_of).collect();
        let total_j: f64 = energies.iter().filter(|energy| **energy > 0.0).sum();
        if total_j <= 0.0 {
            return Err(nothing(run));
        }
        let (unit, per_joule) = unit(total_j);
        let total = match idle {
            Idle::Exclude => interval(recording, run, rail, total_j)?,
            // The share of idle energy is no kind's.
            Idle::Include => None,
        };
        let certainty = certainty(run, &ledger, total);
        let mut stacks: Vec<_> = ledger
            .nodes
            .iter()
            .zip(&energies)
            .map(|(node, energy)| (labels(&ledger, node), (energy * per_joule).round() as u64))
            .filter(|(_, count)| *count > 0)
            .collect();
        stacks.sort();
        Ok(Self {
            title: title(run, rail, total_j, unit, &certainty),
            subtitle: subtitle(&ledger, idle).to_owned(),
            unit,
            stacks,
            total_j,
            negative_j: energies.iter().filter(|energy| **energy < 0.0).sum(),
        })
    }

    /// Draws them as SVG.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn draw(&self, out: &mut dyn Write) -> Result<()> {
        let mut lines: Vec<String> = self.lines(HARD_SPACE).collect();
        lines.sort();
        let mut options = Options::default();
        options.title.clone_from(&self.title);
        options.subtitle = Some(self.subtitle.clone());
        options.count_name = self.unit.to_owned();
        options.name_type = "Span:".to_owned();
        options.deterministic = true;
        options.no_sort = true;
        let mut svg = Vec::new();
        inferno::flamegraph::from_lines(&mut options, lines.iter().map(String::as_str), &mut svg)?;
        out.write_all(
            String::from_utf8_lossy(&svg)
                .replace(HARD_SPACE, " ")
                .as_bytes(),
        )?;
        Ok(())
    }

    /// Writes folded stacks, one in a line: `decode;token;layer_3 1250`.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn fold(&self, out: &mut dyn Write) -> Result<()> {
        for line in self.lines('_') {
            writeln!(out, "{line}")?;
        }
        Ok(())
    }

    /// Readers of folded stacks take a number after a space for a count, so that
    /// `layer 3 1250` would be a difference of 3 and 1250: labels have `space`.
    fn lines(&self, space: char) -> impl Iterator<Item = String> + '_ {
        self.stacks.iter().map(move |(labels, count)| {
            let clean = |label: &String| label.replace(' ', space.encode_utf8(&mut [0; 4]));
            let labels: Vec<String> = labels.iter().map(clean).collect();
            format!("{} {count}", labels.join(";"))
        })
    }
}

const HARD_SPACE: char = '\u{a0}';

fn labels(ledger: &Ledger, node: &Node) -> Vec<String> {
    let clean = |label: &&str| {
        let label = crate::format::escape(label).replace(';', ":");
        if label.is_empty() {
            "(unnamed)".to_owned()
        } else {
            label
        }
    };
    ledger.path(node).iter().map(clean).collect()
}

/// The unit of which the total has at least a million.
fn unit(total_j: f64) -> (&'static str, f64) {
    match total_j {
        total if total >= 1e3 => ("mJ", 1e3),
        total if total >= 1.0 => ("uJ", 1e6),
        _ => ("nJ", 1e9),
    }
}

fn title(run: &Run, rail: Option<&str>, total_j: f64, unit: &str, certainty: &str) -> String {
    let rail = rail.map_or("all root rails".to_owned(), |rail| format!("rail {rail}"));
    let name = crate::format::escape(&run.title());
    format!(
        "{name}: {} on {rail}, in {unit}, {certainty}",
        energy(Some(total_j))
    )
}

/// How the widths came to be: `measured; fitted, no interval of the total`.
fn certainty(run: &Run, ledger: &Ledger, total: Option<(f64, f64)>) -> String {
    let provenance = run.caveat().unwrap_or("measured");
    let bases = ledger.basis().unwrap_or_default();
    let methods: Vec<&str> = bases
        .split('+')
        .filter(|basis| !["", "measured", "modelled", "replayed"].contains(basis))
        .collect();
    let provenance = match methods.as_slice() {
        // That a model cannot be sure needs no words.
        [] if bases == "modelled" => return provenance.to_owned(),
        [] => provenance.to_owned(),
        methods => format!("{provenance}; {}", methods.join("+")),
    };
    match total.map(|(lo, hi)| (energy(Some(lo)), energy(Some(hi)))) {
        Some((lo, hi)) => format!("{provenance}, 90 % interval of the total {lo} .. {hi}"),
        None if ledger.has_intervals() => format!("{provenance}, no interval of the total"),
        None => format!("{provenance}: no interval"),
    }
}

/// The total's 90 % interval: known where all of it is one kind's or one group's, for
/// intervals of several kinds do not add up.
fn interval(
    recording: &Recording,
    run: &Run,
    rail: Option<&str>,
    total_j: f64,
) -> Result<Option<(f64, f64)>> {
    let mut shares = shares(recording, run, rail, By::Kind, true)?;
    shares.retain(|share| share.energy_j != 0.0);
    let [only] = shares.as_slice() else {
        return Ok(None);
    };
    // The share holds what was extrapolated, which is not drawn.
    let scale = total_j / only.energy_j;
    let ends = only.lo_j.zip(only.hi_j);
    Ok(ends.map(|(lo, hi)| (lo * scale, hi * scale)))
}

fn subtitle(ledger: &Ledger, idle: Idle) -> &'static str {
    match (ledger.has_idle, idle) {
        (false, _) => "self energy of spans, idle power not taken off (no baseline)",
        (true, Idle::Exclude) => "active self energy of spans, without idle energy",
        (true, Idle::Include) => "self energy of spans with their share of idle energy",
    }
}

fn nothing(run: &Run) -> Error {
    run.missing(
        "its spans hold no energy on these rails",
        "see `energy summary` for what was measured, or `energy attribute` to attribute it",
    )
}
