//! Confidence of the energies in a summary: the method, the kinds with their intervals, and
//! the method's warnings with their remedies.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::data::{HotNode, Summary};
use super::page::SummaryPage;
use crate::format::{UNKNOWN, basis, energy, escape, percent, shorten, shorten_path};
use crate::query::{Attribution, Share, StoredRailFit};

/// Number of kinds shown.
const KINDS: usize = 10;
/// Number of kinds of one group that are named.
const NAMED: usize = 6;
/// Weights above this are shown as 1.
const WHOLE: f64 = 0.995;
/// Extrapolated energy is shown above this share of the energy.
const ROUNDING: f64 = 1e-9;
/// Clock offsets that differ by more than this, in ms, are shown separately.
const SAME_CLOCK_MS: f64 = 0.05;

impl SummaryPage<'_> {
    /// Writes the method, and the rails where it was not fully effective.
    pub(super) fn method(&self, out: &mut dyn Write) -> io::Result<()> {
        for (at, text) in method(self.summary).iter().enumerate() {
            self.line(out, if at == 0 { "method" } else { "" }, text)?;
        }
        match (&self.summary.attribution, self.summary.newest) {
            (Some(shown), Some(newest)) if newest != shown.id => {
                let text = format!("attribution {}; the newest is {newest}", shown.id);
                self.line(out, "shown", &text)
            }
            _ => Ok(()),
        }
    }

    /// Writes the kinds and warnings, if the method estimates kinds.
    pub(super) fn kinds(&self, out: &mut dyn Write) -> io::Result<()> {
        let has_table = self.summary.has_intervals() && !self.summary.kinds.apart.is_empty();
        let warnings = warnings(self.summary);
        if has_table || !warnings.is_empty() {
            self.section(out, "Operations, active self energy")?;
        }
        if has_table {
            self.kinds_table(out)?;
        }
        let mut warnings = warnings.iter();
        warnings.try_for_each(|warning| self.wrapped(out, warning))
    }

    fn kinds_table(&self, out: &mut dyn Write) -> io::Result<()> {
        let kinds = &self.summary.kinds;
        let shown: Vec<&Share> = kinds.apart.iter().take(KINDS).collect();
        let bases = || shown.iter().map(|share| share.basis);
        let differ = basis::differ(bases());
        let room = self.width().saturating_sub(47).max(20);
        let row = |share: &&Share| {
            let number = kinds.number(share).map(|number| number.to_string());
            let mut row = vec![
                name(share, room),
                energy(Some(share.energy_j)),
                interval(share.lo_j, share.hi_j),
                number.unwrap_or_default(),
            ];
            row.extend(differ.then(|| basis::letters(share.basis)));
            row
        };
        let rows: Vec<_> = shown.iter().map(row).collect();
        let mut header = vec!["operation", "energy", "90 % interval", "group"];
        header.extend(differ.then_some("basis"));
        writeln!(out, "{}", self.style.table(&header, &rows))?;
        let more = kinds.apart.len().saturating_sub(KINDS);
        if more > 0 {
            writeln!(out, "and {more} more: see `energy ops --groups`")?;
        }
        let extrapolated: f64 = kinds.apart.iter().map(|share| share.extrapolated_j).sum();
        let all: f64 = kinds.apart.iter().map(|share| share.energy_j).sum();
        if extrapolated > ROUNDING * all {
            let energy = energy(Some(extrapolated));
            writeln!(
                out,
                "Additional {energy} is estimated for time without samples."
            )?;
        }
        if !kinds.groups.is_empty() {
            let text = "Only the sum of a group is estimated; its division is assumed.";
            writeln!(out, "{text}")?;
        }
        self.sentence(out, basis::legend(bases(), differ))
    }

    /// Writes the text as a sentence, with a capital and a full stop.
    pub(super) fn sentence(&self, out: &mut dyn Write, text: Option<String>) -> io::Result<()> {
        let Some(text) = text else {
            return Ok(());
        };
        let mut letters = text.chars();
        let first = letters.next().map(|first| first.to_uppercase().to_string());
        let text = format!("{}{}.", first.unwrap_or_default(), letters.as_str());
        writeln!(out, "{}", shorten(&text, self.width()))
    }
}

/// Returns the method of a summary, and a line for each rail where it was not fully
/// effective.
pub(crate) fn method(summary: &Summary) -> Vec<String> {
    let Some(attribution) = &summary.attribution else {
        return vec!["none: not attributed yet".to_owned()];
    };
    let mut text = attribution.title();
    if !summary.has_intervals() {
        text += "; energies of operations have no interval";
    }
    if let Some(offset) = attribution.clock_offset_ms {
        text += &format!(", clock offset {offset:.1} ms");
    }
    if !attribution.has_weight() {
        return vec![text];
    }
    let fits = attribution.fits();
    if let [only] = fits.as_slice() {
        text += &weight(only).map_or(String::new(), |weight| format!(", {weight}"));
        return vec![text];
    }
    let rails = fits.iter().filter_map(|fit| rail(fit, attribution));
    std::iter::once(text).chain(rails).collect()
}

/// Returns each distinct warning of the method, escaped. If there are several rails, the
/// affected ones are named.
pub(crate) fn warnings(summary: &Summary) -> Vec<String> {
    let Some(attribution) = &summary.attribution else {
        return Vec::new();
    };
    let mut rails: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut order = Vec::new();
    for warning in attribution.warnings() {
        let of = rails.entry(warning.message.clone()).or_default();
        if of.is_empty() {
            order.push(warning.message);
        }
        of.push(warning.rail);
    }
    let has_one = attribution.rails_fit.len() == 1;
    let warnings = order.into_iter().map(|message| {
        let text = match rails.get(&message) {
            Some(rails) if !has_one => format!("{}: {message}", rails.join(", ")),
            _ => message,
        };
        escape(&text)
    });
    warnings.collect()
}

/// Returns a rail's weight, if it is not entirely estimated.
fn weight(fit: &StoredRailFit) -> Option<String> {
    let weight = fit.weight.filter(|weight| *weight < WHOLE)?;
    let word = if weight < 1.0 - WHOLE { "" } else { "partly " };
    Some(format!("weight {weight:.2}: {word}proportional"))
}

/// Returns a rail's differences from the line of the method.
fn rail(fit: &StoredRailFit, attribution: &Attribution) -> Option<String> {
    let apart = |a: f64, b: f64| (a - b).abs() > SAME_CLOCK_MS;
    let clock = fit.clock_offset_ms.filter(|own| {
        let common = attribution.clock_offset_ms;
        common.is_none_or(|common| apart(*own, common))
    });
    let clock = clock.map(|ms| format!("clock offset {ms:.1} ms"));
    let missing = fit.weight.is_none().then(|| "proportional".to_owned());
    let parts: Vec<String> = [clock, weight(fit), missing]
        .into_iter()
        .flatten()
        .collect();
    (!parts.is_empty()).then(|| format!("{}: {}", fit.rail, parts.join(", ")))
}

/// Returns half of the width of a node's interval, relative to its energy.
pub(super) fn half_interval(hot: &HotNode) -> String {
    let width = hot.lo_j.zip(hot.hi_j).map(|(lo, hi)| hi - lo);
    percent(width.map(|width| width / 2.0 / hot.energy_j))
}

fn interval(lo_j: Option<f64>, hi_j: Option<f64>) -> String {
    match (lo_j, hi_j) {
        (None, None) => UNKNOWN.to_owned(),
        (lo, hi) => format!("{} .. {}", energy(lo), energy(hi)),
    }
}

/// Returns the name of a kind, or those of a group without their common path.
fn name(share: &Share, room: usize) -> String {
    match share.kinds.len() {
        0 => shorten_path(&escape(&share.name), room),
        _ => kinds_name(&share.kinds, room),
    }
}

/// Returns the name of a kind, or those of a group without their common path. Each is
/// escaped and has at most `room` characters.
pub(crate) fn kinds_name(kinds: &[String], room: usize) -> String {
    let [first, _, ..] = kinds else {
        return shorten_path(&escape(&kinds.concat()), room);
    };
    let paths: Vec<Vec<&str>> = kinds
        .iter()
        .map(|kind| kind.split(" > ").collect())
        .collect();
    let is_shared = |at: &usize| {
        let same = |path: &Vec<&str>| path.len() > at + 1 && path[*at] == paths[0][*at];
        paths.iter().all(same)
    };
    let shared = (0..first.len()).take_while(is_shared).count();
    let own = |path: &Vec<&str>| shorten_path(&escape(&path[shared..].join(" > ")), room);
    let mut names: Vec<String> = paths.iter().take(NAMED).map(own).collect();
    if paths.len() > NAMED {
        names.push(format!("{} more", paths.len() - NAMED));
    }
    let mark = if shared > 0 { "… " } else { "" };
    format!("{mark}{}", names.join(" + "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(kinds: &[&str]) -> Share {
        Share {
            name: kinds.join("+"),
            kinds: kinds.iter().map(|&kind| kind.to_owned()).collect(),
            energy_j: 1.0,
            lo_j: None,
            hi_j: None,
            extrapolated_j: 0.0,
            self_ns: 1,
            covered_ns: 1,
            basis: None,
        }
    }

    #[test]
    fn groups_are_named_without_the_path_they_share() {
        let named = |kinds: &[&str]| name(&share(kinds), 40);
        assert_eq!(named(&["run > a", "run > b > c"]), "… a + b > c");
        assert_eq!(named(&["run", "run > b"]), "run + run > b");
        assert_eq!(named(&["a", "b", "c"]), "a + b + c");
        assert_eq!(named(&["run > a"]), "run > a");
        let many = ["a", "b", "c", "d", "e", "f", "g", "h"];
        assert_eq!(named(&many), "a + b + c + d + e + f + 2 more");
    }

    #[test]
    fn a_weight_below_one_is_shown() {
        let fit = |weight| StoredRailFit {
            rail: "rapl/package".to_owned(),
            weight,
            clock_offset_ms: None,
        };
        let text_of = |at| weight(&fit(at));
        assert_eq!(
            text_of(Some(0.4)).unwrap(),
            "weight 0.40: partly proportional"
        );
        assert_eq!(text_of(Some(0.0)).unwrap(), "weight 0.00: proportional");
        assert_eq!(text_of(Some(1.0)), None);
        assert_eq!(text_of(None), None);
    }
}
