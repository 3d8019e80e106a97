//! What a page says of how sure its figures are: the method, the kinds with their
//! intervals, and the method's own doubts with what to do about them.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::table::Page;
use super::{Hot, Summary};
use crate::format::{UNKNOWN, basis, energy, escape, percent, shorten, shorten_path};
use crate::query::{Attribution, RailFit, Share};

/// Kinds shown.
const KINDS: usize = 10;
/// Kinds of one group that are named.
const NAMED: usize = 6;
/// Weights above this are said to be whole.
const WHOLE: f64 = 0.995;
/// What is extrapolated is told above this part of all energy.
const ROUNDING: f64 = 1e-9;
/// Clocks that differ by more than this, in ms, are told apart.
const SAME_CLOCK_MS: f64 = 0.05;

impl Page<'_> {
    /// The method, and where its figures are not what its name says.
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

    /// Kinds and doubts, where the method estimates kinds.
    pub(super) fn kinds(&self, out: &mut dyn Write) -> io::Result<()> {
        let has_table = self.summary.has_intervals() && !self.summary.kinds.apart.is_empty();
        let warnings = warnings(self.summary);
        if has_table || !warnings.is_empty() {
            self.section(out, "Kinds, active self energy")?;
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
        let bases = || shown.iter().map(|share| share.basis.as_deref());
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
            row.extend(differ.then(|| basis::letters(share.basis.as_deref())));
            row
        };
        let rows: Vec<_> = shown.iter().map(row).collect();
        let mut header = vec!["kind", "energy", "90 % interval", "group"];
        header.extend(differ.then_some("by"));
        writeln!(out, "{}", self.look.table(&header, &rows))?;
        let more = kinds.apart.len().saturating_sub(KINDS);
        if more > 0 {
            writeln!(out, "and {more} more: see `energy ops --groups`")?;
        }
        let extrapolated: f64 = kinds.apart.iter().map(|share| share.extrapolated_j).sum();
        let all: f64 = kinds.apart.iter().map(|share| share.energy_j).sum();
        if extrapolated > ROUNDING * all {
            let energy = energy(Some(extrapolated));
            writeln!(out, "{energy} more is estimated for time without samples.")?;
        }
        if !kinds.groups.is_empty() {
            let text = "Kinds of one group are known together; the split within it is assumed.";
            writeln!(out, "{text}")?;
        }
        self.sentence(out, basis::legend(bases(), differ))
    }

    /// A line that begins with a capital and ends with a stop; nothing without a text.
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

/// The method of a summary's figures, and for each rail where they are not what its name
/// says.
pub(crate) fn method(summary: &Summary) -> Vec<String> {
    let Some(attribution) = &summary.attribution else {
        return vec!["none: not attributed yet".to_owned()];
    };
    let mut text = attribution.title();
    if !summary.has_intervals() {
        text += "; its figures carry no interval";
    }
    if let Some(offset) = attribution.offset_ms {
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

/// Each doubt of the method once, with the rails that it is about where there are
/// several; escaped.
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
    let told = order.into_iter().map(|message| {
        let text = match rails.get(&message) {
            Some(rails) if !has_one => format!("{}: {message}", rails.join(", ")),
            _ => message,
        };
        escape(&text)
    });
    told.collect()
}

/// What a rail's figures are in part, if not wholly the estimate's.
fn weight(fit: &RailFit) -> Option<String> {
    let weight = fit.weight.filter(|weight| *weight < WHOLE)?;
    let word = if weight < 1.0 - WHOLE { "" } else { "partly " };
    Some(format!("weight {weight:.2}: {word}proportional"))
}

/// What the method's line does not say of a rail.
fn rail(fit: &RailFit, attribution: &Attribution) -> Option<String> {
    let apart = |a: f64, b: f64| (a - b).abs() > SAME_CLOCK_MS;
    let clock = fit.offset_ms.filter(|own| {
        let told = attribution.offset_ms;
        told.is_none_or(|told| apart(*own, told))
    });
    let clock = clock.map(|ms| format!("clock offset {ms:.1} ms"));
    let missing = fit.weight.is_none().then(|| "proportional".to_owned());
    let parts: Vec<String> = [clock, weight(fit), missing]
        .into_iter()
        .flatten()
        .collect();
    (!parts.is_empty()).then(|| format!("{}: {}", fit.rail, parts.join(", ")))
}

/// Half of a node's interval, as part of its energy.
pub(super) fn half(hot: &Hot) -> String {
    let width = hot.lo_j.zip(hot.hi_j).map(|(lo, hi)| hi - lo);
    percent(width.map(|width| width / 2.0 / hot.energy_j))
}

fn interval(lo_j: Option<f64>, hi_j: Option<f64>) -> String {
    match (lo_j, hi_j) {
        (None, None) => UNKNOWN.to_owned(),
        (lo, hi) => format!("{} .. {}", energy(lo), energy(hi)),
    }
}

/// A kind's name, or those of a group without the path that they share.
fn name(share: &Share, room: usize) -> String {
    match share.kinds.len() {
        0 => shorten_path(&escape(&share.name), room),
        _ => kinds_name(&share.kinds, room),
    }
}

/// The name of a kind, or those of a group without the path that they share. Each is
/// escaped and has `room` characters.
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
    fn a_weight_below_one_is_said() {
        let fit = |weight| RailFit {
            rail: "rapl/package".to_owned(),
            weight,
            offset_ms: None,
        };
        let said = |at| weight(&fit(at));
        assert_eq!(said(Some(0.4)).unwrap(), "weight 0.40: partly proportional");
        assert_eq!(said(Some(0.0)).unwrap(), "weight 0.00: proportional");
        assert_eq!(said(Some(1.0)), None);
        assert_eq!(said(None), None);
    }
}
