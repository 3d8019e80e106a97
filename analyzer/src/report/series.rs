//! Chart: tokens one after another, the interval reading. Where there are too many to
//! be told apart, each bar is several of them, and says so.

use serde::Serialize;

use super::name::name;
use crate::ask::Spread;
use crate::query::{Token, join_bases};

/// Bars at most. Up to so many tokens have a bar each.
const BARS: usize = 2000;
/// Bars where there are more tokens: as many as a wide screen shows.
const BINS: usize = 600;

/// Tokens in order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Series {
    /// How many there are.
    pub(super) tokens: usize,
    /// Tokens of each bar; the last one may have fewer.
    pub(super) per_bar: usize,
    /// Their energies added; none where one is not known.
    pub(super) energy_j: Option<f64>,
    /// How their energies are spread, in words.
    pub(super) words: Option<String>,
    /// The median.
    pub(super) median_j: Option<f64>,
    /// How energies were found, with `+` where they differ.
    pub(super) basis: Option<String>,
    /// The bars.
    pub(super) bars: Vec<Bar>,
    /// Those that stand out most; all of them where bars are single tokens.
    pub(super) outliers: usize,
}

/// One token, or several in a row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Bar {
    /// Number of the first one.
    pub(super) token: Option<i64>,
    /// Tokens in it.
    #[serde(rename = "n")]
    pub(super) tokens: usize,
    /// Text, where it is one token that has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
    /// Phase of the first one.
    pub(super) phase: Option<String>,
    /// Begin of the first one, run time.
    pub(super) start_ns: i64,
    /// Their time.
    #[serde(rename = "ns")]
    pub(super) duration_ns: Option<i64>,
    /// Their energies added; none where one is not known.
    #[serde(rename = "j")]
    pub(super) energy_j: Option<f64>,
    /// Lower end of the 90 % interval, where it is one token that has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) lo: Option<f64>,
    /// Upper end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hi: Option<f64>,
    /// Lowest energy of one of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) min: Option<f64>,
    /// Highest one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max: Option<f64>,
    /// Tokens that stand out by more than the rest.
    #[serde(skip_serializing_if = "is_none")]
    pub(super) high: usize,
    /// Tokens that stand out by less.
    #[serde(skip_serializing_if = "is_none")]
    pub(super) low: usize,
    /// What must be known of the first one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) note: Option<&'static str>,
}

fn is_none(count: &usize) -> bool {
    *count == 0
}

/// The series; none where there are no tokens.
pub(super) fn series(tokens: &[Token]) -> Option<Series> {
    if tokens.is_empty() {
        return None;
    }
    let decoded = tokens.iter().filter(|token| token.is_decoded());
    let energies: Vec<f64> = decoded.filter_map(|token| token.energy_j).collect();
    let spread = Spread::of(&energies);
    let per_bar = match tokens.len() {
        ..=BARS => 1,
        many => many.div_ceil(BINS),
    };
    let bars: Vec<Bar> = tokens
        .chunks(per_bar)
        .map(|few| bar(few, spread.as_ref()))
        .collect();
    Some(Series {
        tokens: tokens.len(),
        per_bar,
        energy_j: crate::query::sum_known(tokens.iter().map(|token| token.energy_j)),
        words: spread.as_ref().map(Spread::words),
        median_j: spread.as_ref().map(|spread| spread.median_j),
        basis: join_bases(tokens.iter().filter_map(|token| token.basis.as_deref())),
        outliers: bars.iter().map(|bar| bar.high + bar.low).sum(),
        bars,
    })
}

fn bar(tokens: &[Token], spread: Option<&Spread>) -> Bar {
    let first = tokens.first();
    let only = first.filter(|_| tokens.len() == 1);
    let known = || tokens.iter().filter_map(|token| token.energy_j);
    let several = || Some(()).filter(|()| tokens.len() > 1);
    let standing = |word: &str| {
        let is_out = |joules: &f64| spread.and_then(|s| s.outlier(*joules)) == Some(word);
        let decoded = tokens.iter().filter(|token| token.is_decoded());
        decoded
            .filter_map(|token| token.energy_j)
            .filter(is_out)
            .count()
    };
    let times: Option<Vec<i64>> = tokens.iter().map(|token| token.duration_ns).collect();
    Bar {
        token: first.and_then(|token| token.token),
        tokens: tokens.len(),
        text: only.and_then(|token| token.text.as_deref()).map(name),
        phase: first.and_then(|token| token.phase.as_deref()).map(name),
        start_ns: first.map_or(0, |token| token.start_ns),
        duration_ns: times.map(|times| times.iter().sum()),
        energy_j: crate::query::sum_known(tokens.iter().map(|token| token.energy_j)),
        lo: only.and_then(|token| token.lo_j),
        hi: only.and_then(|token| token.hi_j),
        min: several().and_then(|()| known().reduce(f64::min)),
        max: several().and_then(|()| known().reduce(f64::max)),
        high: standing("high"),
        low: standing("low"),
        note: first.and_then(|token| token.note),
    }
}
