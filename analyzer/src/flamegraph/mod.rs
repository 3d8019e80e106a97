//! Flamegraphs whose widths are joules, or self time.
//!
//! Each stack carries the self energy of its node; what a frame is wide beyond its
//! own is what stands on it, so that every width is inclusive and no joule is drawn
//! twice. Widths are whole numbers of a unit small enough that rounding does not show.
//!
//! ```text
//! recordings --gather--> Tree --+--> inferno --tooltips--> one SVG --panels--> two in one
//!                               +--> folded stacks
//! ```
//!
//! A group of runs is drawn as its mean. Two sides in one tree are a comparison.

mod draw;
mod fold;
mod gather;
mod label;
mod options;
mod panels;
mod tooltip;
mod tree;
mod unit;
mod words;

pub(crate) use label::{clean, spaced};
pub use options::{
    COLORS, Collapse, Idle, Measure, Per, Picture, Value, What, parse_colors, parse_min_width,
};
pub use panels::draw_beside;

use crate::error::{Error, Result};
use crate::query::{By, Recording, Run, Selection, Tokens, shares};
use gather::{gather, same_provenance};
use tree::Tree;
use unit::Unit;
use words::{Interval, Words};

/// Stacks with their amounts, ready to be drawn or written.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    what: What,
    per: Per,
    unit: Unit,
    words: Words,
    tree: Tree,
    /// Frames from left to right.
    order: Vec<usize>,
    /// Own counts of frames in `order`, before and after; before is 0 without a comparison.
    counts: Vec<[u64; 2]>,
    /// Whether there are two sides.
    compares: bool,
    totals: [f64; 2],
    below: [f64; 2],
}

impl Graph {
    /// Reads the mean of runs; one run is its own mean.
    ///
    /// # Errors
    /// When the file cannot be read, the rail or the phase is unknown, runs cannot be
    /// taken together, or there is nothing to draw.
    pub fn read(recording: &Recording, side: &Selection, what: &What) -> Result<Self> {
        let runs = side.runs.as_slice();
        check(what, &[runs])?;
        let per = what.per.unwrap_or(Per::Run);
        let mut tree = Tree::default();
        let facts = gather(&mut tree, 1, recording, side, what, per)?;
        let graph = Self::of(tree, what, per, false);
        let [_, total] = graph.totals;
        graph.check(&[runs])?;
        let interval = match runs {
            [run] => interval(recording, run, what, total)?,
            _ => None,
        };
        let words = words::of_one(&facts, what, per, graph.unit, total, interval);
        Ok(Self { words, ..graph })
    }

    /// Compares the means of two sides.
    ///
    /// # Errors
    /// As [`Graph::read`], and when one side's energy is measured, the other's modelled.
    pub fn compare(
        recording: &Recording,
        before: &Selection,
        after: &Selection,
        what: &What,
    ) -> Result<Self> {
        let sides = [before.runs.as_slice(), after.runs.as_slice()];
        check(what, &sides)?;
        let all = || sides.into_iter().flatten();
        let known = all().all(|run| Tokens::of(run).all().is_some_and(|count| count > 0));
        let per = what
            .per
            .unwrap_or(if known { Per::Token } else { Per::Run });
        let mut tree = Tree::default();
        let facts = [
            gather(&mut tree, 0, recording, before, what, per)?,
            gather(&mut tree, 1, recording, after, what, per)?,
        ];
        let graph = Self::of(tree, what, per, true);
        graph.check(&sides)?;
        let words = words::of_two(&facts, what, per, graph.unit, graph.totals);
        Ok(Self { words, ..graph })
    }

    /// A graph of a tree, without words.
    fn of(mut tree: Tree, what: &What, per: Per, compares: bool) -> Self {
        let below = tree.clip();
        let own = what.value == Value::Own;
        if own {
            tree = tree.inverted();
        }
        let order = tree.order(own);
        let frames = tree.frames();
        let totals = [0, 1].map(|side| frames.iter().map(|frame| frame.own[side]).sum());
        // One unit for both sides: that of the larger one.
        let unit = Unit::for_total(what.measure, f64::max(totals[0], totals[1]));
        let [before, after] =
            [0, 1].map(|side| unit.whole(order.iter().map(|at| frames[*at].own[side])));
        Self {
            what: what.clone(),
            per,
            unit,
            words: Words::default(),
            counts: before
                .into_iter()
                .zip(after)
                .map(<[u64; 2]>::from)
                .collect(),
            order,
            tree,
            compares,
            totals,
            below,
        }
    }

    /// Refuses to draw nothing.
    fn check(&self, sides: &[&[Run]]) -> Result<()> {
        for (runs, total) in sides.iter().rev().zip(self.totals.iter().rev()) {
            if !self.unit.holds(*total) {
                return Err(nothing(runs, &self.what));
            }
        }
        Ok(())
    }

    /// Whose figures these are, their total, unit and provenance.
    pub fn title(&self) -> String {
        format!("{}: {}", self.words.name, self.words.figure)
    }

    /// Unit of the counts: `uJ`, `ns`.
    pub fn unit(&self) -> &'static str {
        self.unit.name
    }

    /// Whether it has two sides.
    pub fn is_comparison(&self) -> bool {
        self.compares
    }

    /// What all stacks hold, in joules or seconds, by token if asked for: before and
    /// after; before is 0 where nothing is compared.
    pub fn totals(&self) -> [f64; 2] {
        self.totals
    }

    /// Labels from the root down and own counts, before and after, from left to right.
    /// Frames that are not wide by themselves are left out.
    pub fn stacks(&self) -> impl Iterator<Item = (Vec<&str>, [u64; 2])> {
        let frames = self.order.iter().zip(&self.counts);
        let wide = frames.filter(|(_, counts)| **counts != [0; 2]);
        wide.map(|(at, counts)| (self.tree.path(*at), *counts))
    }

    /// What cannot be seen in the picture, for people.
    pub fn notices(&self, picture: &Picture) -> Vec<String> {
        let (measure, per) = (self.what.measure, self.per.suffix());
        let mut notices = Vec::new();
        let below: f64 = self.below.iter().sum();
        if below < 0.0 {
            let below = words::amount(measure, -below);
            notices.push(format!(
                "stacks of {below}{per} below zero (baseline above power) are not drawn"
            ));
        }
        let (drawn, other) = if picture.reverse { (0, 1) } else { (1, 0) };
        let widths = self.tree.inclusive();
        let frames = self.tree.frames().iter().zip(&widths);
        let gone = frames.filter(|(_, widths)| widths[drawn] == 0.0);
        let gone: f64 = gone.map(|(frame, _)| frame.own[other]).sum();
        if self.compares && gone > 0.0 {
            let (side, way) = if picture.reverse {
                ("after", "without")
            } else {
                ("before", "with")
            };
            notices.push(format!(
                "stacks of {}{per} are in the side {side} only and have no width; see them {way} --reverse",
                words::amount(measure, gone)
            ));
        }
        notices
    }
}

/// Refuses what cannot be drawn for any run.
fn check(what: &What, sides: &[&[Run]]) -> Result<()> {
    let runs: Vec<&Run> = sides.iter().flat_map(|runs| runs.iter()).collect();
    match what.measure {
        Measure::Energy => same_provenance(&runs),
        Measure::Time => Ok(()),
    }
}

/// The total's 90 % interval: known where all of it is one kind's or one group's, for
/// intervals of several kinds do not add up. The share of idle energy is no kind's.
fn interval(recording: &Recording, run: &Run, what: &What, total: f64) -> Result<Interval> {
    if what.measure == Measure::Time || what.idle == Idle::Include {
        return Ok(None);
    }
    let mut shares = shares(recording, run, what.rail.as_deref(), By::Kind, true)?;
    shares.retain(|share| share.energy_j != 0.0);
    let [only] = shares.as_slice() else {
        return Ok(None);
    };
    // The share holds what was extrapolated, which is not drawn.
    let scale = total / only.energy_j;
    let ends = only.lo_j.zip(only.hi_j);
    Ok(ends.map(|(lo, hi)| (lo * scale, hi * scale)))
}

/// Why there is no graph.
fn nothing(runs: &[Run], what: &What) -> Error {
    let (missing, next) = match what.measure {
        Measure::Energy => (
            "its spans hold no energy on these rails",
            "see `energy summary` for what was measured, or `energy attribute` to attribute it",
        ),
        Measure::Time => (
            "it holds no self times of spans",
            "they come with its attribution: do it with `energy attribute`",
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
