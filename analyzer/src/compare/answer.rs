//! Formats the comparison as an answer.

use std::io::Write;

use serde_json::{Value, json};

use super::differences::checked;
use super::rows::SIDES;
use super::sides::LeftOut;
use super::stats::{GateOutcome, SessionLayout, gate};
use super::{ComparedPart, ComparedSides, PowerOrigin};
use crate::conditions::condition_sheets;
use crate::error::Result;
use crate::format::screen::OutputStyle;
use crate::format::{Answer, Column, Format, Sheet, escape, percent};

/// Maximum width of an operation's name in a table of 80 columns.
const NAME_WIDTH: usize = 22;
/// Maximum number of rows for operations whose rank by time and by energy differ.
const MAX_RANK_ROWS: usize = 10;

/// Formats a share without decimals.
fn whole_percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

impl ComparedSides {
    /// Writes the comparison. `left_out` are selected runs that are on no side; `fail_above` is
    /// the relative increase that the gate allows.
    ///
    /// # Errors
    /// Fails if `out` cannot be written.
    pub fn write(
        &self,
        left_out: &[LeftOut],
        fail_above: Option<f64>,
        out: &mut dyn Write,
        format: Format,
        style: &OutputStyle,
    ) -> Result<()> {
        self.answer(left_out, fail_above).write(out, format, style)
    }

    /// Returns the gate's result for each side but base.
    pub fn gates(&self, fail_above: f64) -> Vec<GateOutcome> {
        self.totals
            .iter()
            .map(|one| gate(one, fail_above))
            .collect()
    }

    /// Returns the comparison as an answer, which can be written in any format.
    pub(crate) fn answer(&self, left_out: &[LeftOut], fail_above: Option<f64>) -> Answer {
        let mut answer = Answer::new("compare", self.title())
            .with("unit", json!(self.per.unit()))
            .with("per", json!(self.per))
            .with("power", json!(self.power))
            .with("kinds_by", json!(self.kind_basis.by))
            .with("kinds_by_why", json!(self.kind_basis.why))
            .with("rail", json!(self.options.energy.rail))
            .with("phase", json!(self.options.phase))
            .with("confidence", json!(self.options.confidence))
            .with("min_effect", json!(self.options.min_effect))
            .with("session_sd", json!(self.options.energy.session_sd))
            .with("fail_above", json!(fail_above))
            .with("differences", json!(self.differences))
            .with("checked", json!(checked()))
            .with("left_out", json!(left_out));
        for text in self.cautions(left_out) {
            answer = answer.caution(text);
        }
        let warnings = condition_sheets(&self.warnings, "side");
        let sheets = [
            self.data_sheets(fail_above),
            self.display_sheets(),
            warnings,
        ]
        .concat();
        for sheet in sheets {
            answer = answer.sheet(sheet);
        }
        self.notes().into_iter().fold(answer, Answer::note)
    }

    fn title(&self) -> String {
        let of = |option: &Option<String>, what: &str| match option {
            Some(name) => format!(", {what} {}", escape(name)),
            None => String::new(),
        };
        format!(
            "{} against A, {}{}{}",
            self.labels(),
            self.per.unit(),
            of(&self.options.energy.rail, "rail"),
            of(&self.options.phase, "phase"),
        )
    }

    fn labels(&self) -> String {
        let labels: Vec<&str> = self.sides.iter().skip(1).map(|side| side.label).collect();
        labels.join(", ")
    }

    fn cautions(&self, left_out: &[LeftOut]) -> Vec<String> {
        let mut cautions = Vec::new();
        match self.power {
            PowerOrigin::Modelled => {
                cautions.push("All energies are modelled (CPU time), not measured.".to_owned())
            }
            PowerOrigin::Replayed => {
                cautions.push("Power was replayed from recordings, at least in part.".to_owned());
            }
            PowerOrigin::Measured => {}
        }
        for one in &self.differences {
            cautions.push(match one.is_of_fleets(&self.sides) {
                true => format!(
                    "Several hosts: {}. Runs of one host count as independent.",
                    one.values_text()
                ),
                false => format!("Different configuration: {}.", one.line()),
            });
        }
        for one in left_out {
            cautions.push(format!("Left out: {}: {}.", escape(&one.title), one.why));
        }
        cautions.extend(self.undecided());
        if let Some(why) = &self.kinds.left_out {
            cautions.push(format!("Operations are not compared: {why}."));
        }
        cautions
    }

    /// Returns a sentence for each side that has no verdict because samples cover too little.
    pub fn undecided(&self) -> Vec<String> {
        let others = self.sides.iter().enumerate().skip(1);
        let sentence = |(at, side): (usize, &super::Side)| self.coverages.sentence(at, side.label);
        others.filter_map(sentence).collect()
    }

    fn data_sheets(&self, fail_above: Option<f64>) -> Vec<Sheet> {
        let sides = vec![
            Column::text("side", "side"),
            Column::text("name", "name"),
            Column::count("runs", "runs"),
            Column::energy("energy_j", "energy"),
            Column::interval("lo_j", "hi_j", "90 %"),
            Column::percent("coverage", "coverage"),
            Column::number("tokens_per_s", "tokens/s"),
            Column::number("ratio", "ratio"),
            Column::range("lo", "hi", "interval"),
            Column::number("p", "p"),
            Column::number("detectable", "detectable"),
            Column::text("verdict", "verdict"),
            Column::text("reason", "reason"),
            Column::text("layout", "layout"),
            Column::text("gate", "gate"),
            Column::text("on_front", "on the front"),
        ];
        [
            Sheet::new("sides", "", sides, self.side_rows(fail_above)),
            Sheet::new("runs", "", Vec::new(), self.run_rows()),
            Sheet::new("phases", "", Vec::new(), &self.phases),
            Sheet::new("kinds", "", Vec::new(), &self.kinds.kinds),
            Sheet::new("kind_comparisons", "", Vec::new(), &self.kinds.parts),
            Sheet::new("kinds_of_one_side", "", Vec::new(), &self.kinds.one_sided),
        ]
        .map(Sheet::data_only)
        .to_vec()
    }

    pub(crate) fn side_rows(&self, fail_above: Option<f64>) -> Vec<Value> {
        let of = |(at, side): (usize, &super::Side)| {
            let against = at.checked_sub(1).map(|other| &self.totals[other]);
            let mut row = against.map_or_else(|| json!({}), |one| json!(one));
            row["side"] = json!(side.label);
            row["name"] = json!(side.name);
            row["runs"] = json!(side.runs.len());
            row["energy_j"] = json!(self.mean_j(at));
            row["lo_j"] = json!(self.ends_j(at).map(|(lo, _)| lo));
            row["hi_j"] = json!(self.ends_j(at).map(|(_, hi)| hi));
            row["coverage"] = json!(self.coverages.side(at));
            row["tokens_per_s"] = json!(super::pareto::speed(&self.figures[at]));
            row["on_front"] = json!(self.on_front.as_ref().map(|on| on[at]));
            row["gate"] = json!(against.zip(fail_above).map(|(one, above)| gate(one, above)));
            row
        };
        self.sides.iter().enumerate().map(of).collect()
    }

    fn display_sheets(&self) -> Vec<Sheet> {
        let mut columns = vec![Column::text("what", "")];
        let sides = SIDES.iter().zip(&self.sides);
        columns.extend(sides.map(|(key, side)| Column::text(key, side.title())));
        let runs = vec![
            Column::text("side", "side"),
            Column::text("title", "run"),
            Column::text("started", "started"),
            Column::energy("energy_j", self.per.unit()),
            Column::interval("lo_j", "hi_j", "attribution"),
            Column::percent("coverage", "coverage").from_width(100),
            Column::text("basis", "basis").from_width(1),
        ];
        let phases = self.part_rows(&self.phases, str::to_owned);
        let room = if self.sides.len() > 2 {
            NAME_WIDTH - 5
        } else {
            NAME_WIDTH
        };
        let kinds = self.part_rows(&self.kinds.parts, |name| self.kind_name(name, room));
        let mut sheets = vec![
            Sheet::new("sides", "", columns, self.side_lines()),
            Sheet::new("runs", "Runs", runs, self.run_rows()),
        ];
        sheets.extend(self.parts("phases", "Phases", "phase", phases));
        sheets.extend(self.parts(
            "kinds",
            "Operations, active self energy",
            "operation",
            kinds,
        ));
        sheets.extend(self.one_sided_sheet(room));
        sheets.extend(self.rank_sheet(room));
        sheets.into_iter().map(Sheet::display_only).collect()
    }

    fn parts(&self, key: &'static str, title: &str, what: &str, rows: Vec<Value>) -> Option<Sheet> {
        let other = match self.sides.len() {
            2 => self.sides[1].label,
            _ => "other",
        };
        let mut columns = vec![Column::text("part", what)];
        columns.extend((self.sides.len() > 2).then(|| Column::text("side", "side")));
        columns.extend([
            Column::energy("base_j", "A"),
            Column::energy("other_j", other),
            Column::number("ratio", "ratio"),
            Column::range("lo", "hi", "interval"),
            Column::percent("error", "attr. ±").from_width(1),
            Column::text("verdict", "verdict"),
        ]);
        (!rows.is_empty()).then(|| Sheet::new(key, title, columns, rows))
    }

    fn one_sided_sheet(&self, room: usize) -> Option<Sheet> {
        let columns = vec![
            Column::text("part", "operation"),
            Column::text("side", "side"),
            Column::text("change", ""),
            Column::energy("energy_j", self.per.unit()),
            Column::percent("energy_share", "share"),
            Column::text("renamed", "renamed?").from_width(1),
        ];
        let rows = self.kinds.one_sided.iter().map(|one| {
            json!({
                "part": self.kind_name(&one.kind, room),
                "side": one.side,
                "change": one.change.word(),
                "energy_j": one.energy_j,
                "energy_share": one.energy_share,
                "renamed": one.renamed.as_ref().map(|name| self.kind_name(name, room)),
            })
        });
        let rows: Vec<Value> = rows.collect();
        (!rows.is_empty()).then(|| Sheet::new("only", "Operations of one side only", columns, rows))
    }

    fn rank_sheet(&self, room: usize) -> Option<Sheet> {
        let columns = vec![
            Column::text("part", "operation"),
            Column::text("side", "side"),
            Column::count("time_rank", "by time"),
            Column::percent("time_share", "share"),
            Column::count("energy_rank", "by energy"),
            Column::percent("energy_share", "share"),
        ];
        let rows = self.rank_rows(room, MAX_RANK_ROWS);
        let title = "Rank by time and by energy differs";
        (!rows.is_empty()).then(|| Sheet::new("places", title, columns, rows))
    }

    fn notes(&self) -> Vec<String> {
        let stats = self.options.stats();
        let mut notes = vec![format!(
            "A sample is one run. Ratios are of geometric means, intervals {} (Welch).",
            whole_percent(stats.confidence)
        )];
        if self.totals.len() > 1 {
            notes.push("With several sides, p and intervals are adjusted (Holm).".to_owned());
        }
        for (side, one) in self.sides.iter().skip(1).zip(&self.totals) {
            notes.extend(self.layout_note(side.label, one.layout));
        }
        let compared = |parts: &[ComparedPart]| !parts.is_empty();
        if compared(&self.phases) || compared(&self.kinds.parts) {
            notes.push(format!(
                "Of parts judged different, at most {} are not (Benjamini-Hochberg).",
                whole_percent(1.0 - stats.confidence)
            ));
        }
        if compared(&self.kinds.parts) {
            notes.extend(self.kind_basis.note());
        }
        if self.kinds.small > 0 {
            notes.push(format!(
                "Operations below 1 % are not compared: {} of them, {} in total.",
                self.kinds.small,
                percent(Some(self.kinds.small_share))
            ));
        }
        notes
    }

    fn layout_note(&self, label: &str, layout: SessionLayout) -> Option<String> {
        match layout {
            SessionLayout::Interleaved => None,
            SessionLayout::Apart => Some(format!(
                "{label} was not recorded interleaved with A: {} between sessions is assumed.",
                percent(Some(self.options.energy.session_sd))
            )),
            SessionLayout::ManySessions => Some(format!(
                "{label} and A have several sessions each: the samples are their means."
            )),
        }
    }
}
