//! Chart: energy of tokens in order (interval energies). If there are too many, each bar merges
//! several of them.

use energy_data::BasisSet;
use serde::Serialize;

use super::name::name;
use crate::query::Token;
use crate::views::EnergyStatistics;

/// Maximum number of tokens with a bar each.
const BARS: usize = 2000;
/// Number of bars if there are more tokens: as many as a wide screen shows.
const BINS: usize = 600;

/// Tokens in order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TokenSeries {
    /// Number of tokens.
    pub tokens: usize,
    /// Tokens per bar; the last one may have fewer.
    pub per_bar: usize,
    /// Sum of their energies; `None` if one is unknown.
    pub energy_j: Option<f64>,
    /// Description of the distribution of their energies.
    pub words: Option<String>,
    /// The median.
    pub median_j: Option<f64>,
    /// How the energies were determined; several values are joined by `+`.
    pub basis: Option<BasisSet>,
    /// The bars.
    pub bars: Vec<TokenBar>,
    /// Number of outliers.
    pub outliers: usize,
}

/// One token, or several consecutive ones.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TokenBar {
    /// Number of the first token.
    pub token: Option<i64>,
    /// Tokens in it.
    #[serde(rename = "n")]
    pub tokens: usize,
    /// Text of a single token, if recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Phase of the first token.
    pub phase: Option<String>,
    /// Start of the first token, run time.
    pub start_ns: i64,
    /// Their duration.
    #[serde(rename = "ns")]
    pub duration_ns: Option<i64>,
    /// Sum of their energies; `None` if one is unknown.
    #[serde(rename = "j")]
    pub energy_j: Option<f64>,
    /// Lower end of the 90 % interval of a single token, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lo: Option<f64>,
    /// Upper end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hi: Option<f64>,
    /// Lowest energy of several tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// Highest energy of several tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// Number of high outliers.
    #[serde(skip_serializing_if = "is_zero")]
    pub high: usize,
    /// Number of low outliers.
    #[serde(skip_serializing_if = "is_zero")]
    pub low: usize,
    /// Note on the first token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<&'static str>,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// Returns the series; `None` if there are no tokens.
pub fn series(tokens: &[Token]) -> Option<TokenSeries> {
    if tokens.is_empty() {
        return None;
    }
    let decoded = tokens.iter().filter(|token| token.is_decoded());
    let energies: Vec<f64> = decoded.filter_map(|token| token.energy_j).collect();
    let spread = EnergyStatistics::of(&energies);
    let per_bar = match tokens.len() {
        ..=BARS => 1,
        many => many.div_ceil(BINS),
    };
    let bars: Vec<TokenBar> = tokens
        .chunks(per_bar)
        .map(|few| bar(few, spread.as_ref()))
        .collect();
    Some(TokenSeries {
        tokens: tokens.len(),
        per_bar,
        energy_j: crate::query::sum_known(tokens.iter().map(|token| token.energy_j)),
        words: spread.as_ref().map(EnergyStatistics::text),
        median_j: spread.as_ref().map(|spread| spread.median_j),
        basis: BasisSet::union(tokens.iter().filter_map(|token| token.basis)),
        outliers: bars.iter().map(|bar| bar.high + bar.low).sum(),
        bars,
    })
}

fn bar(tokens: &[Token], spread: Option<&EnergyStatistics>) -> TokenBar {
    let first = tokens.first();
    let single = first.filter(|_| tokens.len() == 1);
    let known = || tokens.iter().filter_map(|token| token.energy_j);
    let several = || Some(()).filter(|()| tokens.len() > 1);
    let outliers_of = |word: &str| {
        let is_out = |joules: &f64| spread.and_then(|s| s.outlier(*joules)) == Some(word);
        let decoded = tokens.iter().filter(|token| token.is_decoded());
        decoded
            .filter_map(|token| token.energy_j)
            .filter(is_out)
            .count()
    };
    let times: Option<Vec<i64>> = tokens.iter().map(|token| token.duration_ns).collect();
    TokenBar {
        token: first.and_then(|token| token.token),
        tokens: tokens.len(),
        text: single.and_then(|token| token.text.as_deref()).map(name),
        phase: first.and_then(|token| token.phase.as_deref()).map(name),
        start_ns: first.map_or(0, |token| token.start_ns),
        duration_ns: times.map(|times| times.iter().sum()),
        energy_j: crate::query::sum_known(tokens.iter().map(|token| token.energy_j)),
        lo: single.and_then(|token| token.lo_j),
        hi: single.and_then(|token| token.hi_j),
        min: several().and_then(|()| known().reduce(f64::min)),
        max: several().and_then(|()| known().reduce(f64::max)),
        high: outliers_of("high"),
        low: outliers_of("low"),
        note: first.and_then(|token| token.note),
    }
}
