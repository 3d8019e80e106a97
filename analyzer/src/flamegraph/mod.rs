//! Flamegraphs with widths in joules or self time.
//!
//! Each stack carries the self energy of its node. A frame's width is its self energy plus the
//! widths of the frames on top of it, so every width is inclusive and no joule is drawn twice.
//! Widths are integers of a unit small enough to hide rounding.
//!
//! ```text
//! recordings --side--> Tree --+--> inferno --tooltips--> one SVG --panels--> two in one
//!                             +--> folded stacks
//! ```
//!
//! A group of runs is drawn as its mean. A tree with two sides is a comparison.

mod draw;
mod fold;
mod options;
mod panels;
mod side;
mod text;
mod tooltip;
mod tree;
mod unit;

pub use options::{
    COLORS, Collapse, Divisor, GraphOptions, IdleEnergy, Measure, Picture, Value, parse_colors,
    parse_min_width,
};
pub use panels::draw_side_by_side;

use crate::error::{Error, Result};
use crate::query::{GroupBy, Recording, Run, RunSelection, Tokens, shares};
use side::{add_side, check_provenance};
use text::{Captions, EnergyInterval};
use tree::FrameTree;
use unit::WidthUnit;

/// Stacks with their amounts, ready to be drawn or written.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    options: GraphOptions,
    per: Divisor,
    unit: WidthUnit,
    captions: Captions,
    tree: FrameTree,
    /// Frames from left to right.
    order: Vec<usize>,
    /// Self counts of frames in `order`, before and after; before is 0 without a comparison.
    counts: Vec<[u64; 2]>,
    /// Whether there are two sides.
    is_comparison: bool,
    totals: [f64; 2],
    negative: [f64; 2],
}

impl Graph {
    /// Reads the mean of the side's runs.
    ///
    /// # Errors
    /// Fails if the file cannot be read, the rail or the phase is unknown, the runs cannot be
    /// averaged, or there is nothing to draw.
    pub fn read(
        recording: &Recording,
        side: &RunSelection,
        options: &GraphOptions,
    ) -> Result<Self> {
        let runs = side.runs.as_slice();
        check(options, &[runs])?;
        let per = options.per.unwrap_or(Divisor::Run);
        let mut tree = FrameTree::default();
        let facts = add_side(&mut tree, 1, recording, side, options, per)?;
        let graph = Self::from_tree(tree, options, per, false);
        let [_, total] = graph.totals;
        graph.check(&[runs])?;
        let interval = match runs {
            [run] => interval(recording, run, options, total)?,
            _ => None,
        };
        let captions = text::captions(&facts, options, per, graph.unit, total, interval);
        Ok(Self { captions, ..graph })
    }

    /// Compares the means of two sides.
    ///
    /// # Errors
    /// See [`Graph::read`]; also fails if one side's energy is measured and the other's
    /// modelled.
    pub fn compare(
        recording: &Recording,
        before: &RunSelection,
        after: &RunSelection,
        options: &GraphOptions,
    ) -> Result<Self> {
        let sides = [before.runs.as_slice(), after.runs.as_slice()];
        check(options, &sides)?;
        let all = || sides.into_iter().flatten();
        let known = all().all(|run| Tokens::of(run).all().is_some_and(|count| count > 0));
        let per = options
            .per
            .unwrap_or(if known { Divisor::Token } else { Divisor::Run });
        let mut tree = FrameTree::default();
        let facts = [
            add_side(&mut tree, 0, recording, before, options, per)?,
            add_side(&mut tree, 1, recording, after, options, per)?,
        ];
        let graph = Self::from_tree(tree, options, per, true);
        graph.check(&sides)?;
        let captions = text::comparison_captions(&facts, options, per, graph.unit, graph.totals);
        Ok(Self { captions, ..graph })
    }

    /// Builds a graph of a tree, without captions.
    fn from_tree(
        mut tree: FrameTree,
        options: &GraphOptions,
        per: Divisor,
        is_comparison: bool,
    ) -> Self {
        let negative = tree.clip();
        let own = options.value == Value::Own;
        if own {
            tree = tree.inverted();
        }
        let order = tree.order(own);
        let frames = tree.frames();
        let totals = [0, 1].map(|side| frames.iter().map(|frame| frame.own[side]).sum());
        // Both sides use the unit of the larger one.
        let unit = WidthUnit::for_total(options.measure, f64::max(totals[0], totals[1]));
        let [before, after] =
            [0, 1].map(|side| unit.whole(order.iter().map(|at| frames[*at].own[side])));
        Self {
            options: options.clone(),
            per,
            unit,
            captions: Captions::default(),
            counts: before
                .into_iter()
                .zip(after)
                .map(<[u64; 2]>::from)
                .collect(),
            order,
            tree,
            is_comparison,
            totals,
            negative,
        }
    }

    /// Fails if there is nothing to draw.
    fn check(&self, sides: &[&[Run]]) -> Result<()> {
        for (runs, total) in sides.iter().rev().zip(self.totals.iter().rev()) {
            if !self.unit.can_draw(*total) {
                return Err(empty_error(runs, &self.options));
            }
        }
        Ok(())
    }

    /// Returns the title: name of the runs, total, unit and provenance.
    pub fn title(&self) -> String {
        format!("{}: {}", self.captions.name, self.captions.summary)
    }

    /// Returns the unit of the counts: `uJ`, `ns`.
    pub fn unit(&self) -> &'static str {
        self.unit.name
    }

    /// Returns whether it has two sides.
    pub fn is_comparison(&self) -> bool {
        self.is_comparison
    }

    /// Returns the total of all stacks in joules or seconds, divided as requested: before and
    /// after; before is 0 without a comparison.
    pub fn totals(&self) -> [f64; 2] {
        self.totals
    }

    /// Returns labels from the root down and self counts (before and after) of each frame, from
    /// left to right. Frames without a self count are skipped.
    pub fn stacks(&self) -> impl Iterator<Item = (Vec<&str>, [u64; 2])> {
        let frames = self.order.iter().zip(&self.counts);
        let wide = frames.filter(|(_, counts)| **counts != [0; 2]);
        wide.map(|(at, counts)| (self.tree.path(*at), *counts))
    }

    /// Returns notices about data that the picture does not show.
    pub fn notices(&self, picture: &Picture) -> Vec<String> {
        let (measure, per) = (self.options.measure, self.per.suffix());
        let mut notices = Vec::new();
        let negative: f64 = self.negative.iter().sum();
        if negative < 0.0 {
            let negative = text::amount(measure, -negative);
            notices.push(format!(
                "stacks with {negative}{per} of negative energy (baseline above power) are not drawn"
            ));
        }
        let (drawn, other) = if picture.reverse { (0, 1) } else { (1, 0) };
        let widths = self.tree.inclusive();
        let frames = self.tree.frames().iter().zip(&widths);
        let missing_width = frames.filter(|(_, widths)| widths[drawn] == 0.0);
        let missing_width: f64 = missing_width.map(|(frame, _)| frame.own[other]).sum();
        if self.is_comparison && missing_width > 0.0 {
            let (side, way) = if picture.reverse {
                ("after", "without")
            } else {
                ("before", "with")
            };
            notices.push(format!(
                "stacks of {}{per} exist only in the side {side} and have no width; draw them \
                 {way} --reverse",
                text::amount(measure, missing_width)
            ));
        }
        notices
    }
}

/// Rejects options and runs that cannot be drawn.
fn check(options: &GraphOptions, sides: &[&[Run]]) -> Result<()> {
    let runs: Vec<&Run> = sides.iter().flat_map(|runs| runs.iter()).collect();
    match options.measure {
        Measure::Energy => check_provenance(&runs),
        Measure::Time => Ok(()),
    }
}

/// Returns the total's 90 % interval in joules if a single kind or group holds all of it,
/// because intervals of several kinds do not add up. The share of idle energy belongs to no
/// kind.
fn interval(
    recording: &Recording,
    run: &Run,
    options: &GraphOptions,
    total: f64,
) -> Result<EnergyInterval> {
    if options.measure == Measure::Time || options.idle == IdleEnergy::Include {
        return Ok(None);
    }
    let mut shares = shares(recording, run, options.rail.as_deref(), GroupBy::Kind, true)?;
    shares.retain(|share| share.energy_j != 0.0);
    let [share] = shares.as_slice() else {
        return Ok(None);
    };
    // The share includes extrapolated energy, which is not drawn.
    let scale = total / share.energy_j;
    let ends = share.lo_j.zip(share.hi_j);
    Ok(ends.map(|(lo, hi)| (lo * scale, hi * scale)))
}

/// Returns the error for an empty graph.
fn empty_error(runs: &[Run], options: &GraphOptions) -> Error {
    let (missing, next) = match options.measure {
        Measure::Energy => (
            "its spans have no energy on these rails",
            "check the measured energy with `energy summary`, or attribute it with `energy \
             attribute`",
        ),
        Measure::Time => (
            "it has no self times of spans",
            "attribute it with `energy attribute`",
        ),
    };
    match runs.first() {
        Some(run) => run.missing(missing, next),
        None => Error::Missing {
            run: "(none)".to_owned(),
            missing: "there is no run to draw".to_owned(),
            next: "name one that `energy runs` lists".to_owned(),
        },
    }
}
