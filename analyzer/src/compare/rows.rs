//! Rows of the tables for terminals. Names are escaped when they are written, except for those
//! of kinds, which are shortened to their most specific part first.

use serde_json::{Value, json};

use super::stats::{Comparison, SideVerdict, geometric_mean};
use super::{ComparedPart, ComparedSides, PowerOrigin, pareto};
use crate::format::{UNKNOWN, energy, number, percent, utc};
use crate::query::sum_known;
use crate::summary::kinds_name;

/// Keys of the columns of sides, base first.
pub(super) const SIDES: [&str; 4] = ["a", "b", "c", "d"];

/// Returns one row of the table of sides: a heading and a text for each side.
fn line(what: &str, cells: impl Iterator<Item = String>) -> Value {
    let mut row = json!({ "what": what });
    for (key, cell) in SIDES.iter().zip(cells) {
        row[*key] = json!(cell);
    }
    row
}

impl ComparedSides {
    /// Returns the table of sides, one column for each side.
    pub(super) fn side_lines(&self) -> Vec<Value> {
        let runs = self.sides.iter().map(|side| side.runs.len().to_string());
        let means = (0..self.sides.len()).map(|side| energy(self.mean_j(side)));
        let speeds: Vec<_> = self
            .figures
            .iter()
            .map(|side| pareto::speed(side))
            .collect();
        let ends = (0..self.sides.len()).map(|side| ends(self.ends_j(side)));
        let covered = (0..self.sides.len()).map(|side| percent(self.coverages.side(side)));
        let mut lines = vec![
            line("runs", runs),
            line(self.per.unit(), means),
            line("90 % interval", ends),
            line("coverage", covered),
        ];
        if speeds.iter().any(Option::is_some) {
            lines.push(line("tokens/s", speeds.into_iter().map(number)));
        }
        let against = |what: &str, of: &dyn Fn(&Comparison) -> String| {
            let base = std::iter::once("base".to_owned());
            line(what, base.chain(self.totals.iter().map(of)))
        };
        lines.extend([
            against("ratio to A", &|one| number(one.ratio)),
            against("ratio's interval", &interval),
            against("p", &|one| number(one.p)),
            against("verdict", &|one| self.verdict_text(one)),
        ]);
        if let Some(on_front) = &self.on_front {
            let yes = |on: &bool| if *on { "yes" } else { "no" }.to_owned();
            lines.push(line("Pareto front", on_front.iter().map(yes)));
        }
        lines
    }

    /// Returns the geometric mean of the compared energy of a side.
    pub(super) fn mean_j(&self, side: usize) -> Option<f64> {
        let runs = &self.figures[side];
        let samples: Vec<_> = runs.iter().map(|run| run.sample(run.energy_j)).collect();
        geometric_mean(&samples)
    }

    /// Returns the interval of a side's energy from attribution: the mean of the runs' ends,
    /// because their errors may be correlated.
    pub(super) fn ends_j(&self, side: usize) -> Option<(f64, f64)> {
        let runs = &self.figures[side];
        let mean = |of: fn(&super::RunEnergies) -> Option<f64>| {
            let sum = sum_known(runs.iter().map(of))?;
            Some(sum / runs.len() as f64)
        };
        mean(|run| run.lo_j).zip(mean(|run| run.hi_j))
    }

    /// Returns the verdict, with the source of power unless measured.
    pub(super) fn verdict_text(&self, one: &Comparison) -> String {
        let decided = matches!(
            one.verdict,
            SideVerdict::Better | SideVerdict::Worse | SideVerdict::Same
        );
        match (decided, self.power) {
            (true, PowerOrigin::Modelled) => {
                format!("{} by modelled power (CPU time)", one.verdict_text())
            }
            (true, PowerOrigin::Replayed) => format!("{} by replayed power", one.verdict_text()),
            _ => one.verdict_text(),
        }
    }

    /// Returns all runs, with their interval from attribution.
    pub(super) fn run_rows(&self) -> Vec<Value> {
        let sides = self.sides.iter().zip(&self.figures);
        sides
            .flat_map(|(side, figures)| {
                side.runs.iter().zip(figures).map(|(run, figures)| {
                    json!({
                        "side": side.label,
                        "run": run.row.uuid,
                        "name": run.row.metadata.name,
                        "title": run.title(),
                        "started": utc(run.row.start_unix_ns).get(..16).map(|time| format!("{time}Z")),
                        "start_unix_ns": run.row.start_unix_ns,
                        "energy_j": figures.energy_j,
                        "lo_j": figures.lo_j,
                        "hi_j": figures.hi_j,
                        "coverage": figures.coverage,
                        "basis": figures.basis,
                        "tokens_per_s": figures.tokens_per_s,
                    })
                })
            })
            .collect()
    }

    /// Returns compared parts; `named` shortens a name.
    pub(super) fn part_rows(
        &self,
        parts: &[ComparedPart],
        named: impl Fn(&str) -> String,
    ) -> Vec<Value> {
        let row = |part: &ComparedPart| {
            let of = &part.comparison;
            json!({
                "part": named(&part.part),
                "side": part.side,
                "base_j": part.base_j,
                "other_j": part.other_j,
                "ratio": of.ratio,
                "lo": of.lo,
                "hi": of.hi,
                "error": self.error_of(part),
                "verdict": short(of.verdict),
            })
        };
        parts.iter().map(row).collect()
    }

    /// Returns the larger of the attribution's errors of a kind on the two sides.
    fn error_of(&self, part: &ComparedPart) -> Option<f64> {
        let mut kinds = self.kinds.kinds.iter();
        let kind = kinds.find(|kind| kind.kind == part.part)?;
        let is_either = |side: &str| side == self.sides[0].label || side == part.side;
        let sides = kind.sides.iter().filter(|on| is_either(on.side));
        sides.filter_map(|on| on.attribution_error).reduce(f64::max)
    }

    /// Returns kinds whose rank by energy differs from that by time, the largest difference
    /// first.
    pub(super) fn rank_rows(&self, room: usize, most: usize) -> Vec<Value> {
        let all = self.kinds.kinds.iter();
        let all = all.flat_map(|kind| kind.sides.iter().map(move |on| (kind, on)));
        let mut found: Vec<(usize, Value)> = all
            .filter_map(|(kind, on)| {
                let (by_time, by_energy) = (on.time_rank?, on.energy_rank?);
                let moved = by_time.abs_diff(by_energy);
                let row = json!({
                    "part": kinds_name(&kind.kinds, room),
                    "side": on.side,
                    "time_rank": by_time,
                    "time_share": on.time_share,
                    "energy_rank": by_energy,
                    "energy_share": on.energy_share,
                });
                (moved > 0).then_some((moved, row))
            })
            .collect();
        found.sort_by_key(|(moved, _)| std::cmp::Reverse(*moved));
        found.truncate(most);
        found.into_iter().map(|(_, row)| row).collect()
    }

    /// Returns a kind's shortened name.
    pub(super) fn kind_name(&self, name: &str, room: usize) -> String {
        let mut kinds = self.kinds.kinds.iter();
        match kinds.find(|kind| kind.kind == name) {
            Some(kind) => kinds_name(&kind.kinds, room),
            None => kinds_name(&[name.to_owned()], room),
        }
    }
}

fn ends(of: Option<(f64, f64)>) -> String {
    match of {
        Some((lo, hi)) => format!("{} .. {}", energy(Some(lo)), energy(Some(hi))),
        None => UNKNOWN.to_owned(),
    }
}

/// Formats an interval.
fn interval(one: &Comparison) -> String {
    match (one.lo, one.hi) {
        (Some(lo), Some(hi)) => format!("{} .. {}", number(Some(lo)), number(Some(hi))),
        _ => UNKNOWN.to_owned(),
    }
}

/// Returns the verdict for a narrow column.
fn short(verdict: SideVerdict) -> &'static str {
    match verdict {
        SideVerdict::NoDifference => "none shown",
        other => other.words(),
    }
}
