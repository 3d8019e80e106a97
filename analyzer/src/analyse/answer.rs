//! The answer of an analysis: sentences, tables, JSON.

use serde_json::{Value, json};

use super::analysis::{Analysis, AnalysisResult, PerToken};
use super::different_conditions::{different_conditions, disturbed_runs};
use super::finding::{Finding, FindingRow, FindingVerdict};
use super::options::AnalyseOptions;
use super::read::{Latencies, ReadConfigurations, read_configurations};
use crate::error::Result;
use crate::format::{Answer, Column, Sheet, counted, escape, shorten};
use crate::plot::Plot;
use crate::query::Recording;

/// Maximum number of series in a table; JSON and CSV contain all.
const SHOWN: usize = 8;

/// A finished analysis.
#[derive(Debug, Clone)]
pub struct Analysed {
    /// The analysis.
    pub analysis: &'static Analysis,
    /// Divisor of energies.
    pub per: PerToken,
    /// Experiment of the analysed runs; `None` for runs of any.
    pub experiment: Option<String>,
    /// What was found.
    pub result: AnalysisResult,
    /// Number of configurations.
    pub configurations: usize,
    /// Number of runs.
    pub runs: usize,
    cautions: Vec<String>,
    notes: Vec<String>,
}

impl Analysed {
    /// Reads the runs of recordings and analyses them.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn read(
        recordings: &[&Recording],
        analysis: &'static Analysis,
        options: &AnalyseOptions,
    ) -> Result<Self> {
        let latencies = match analysis.name {
            "engines" => Latencies::Read,
            _ => Latencies::Skip,
        };
        let read = read_configurations(recordings, &options.filter, latencies)?;
        Ok(Self::of(&read, analysis, options))
    }

    /// Analyses configurations.
    pub fn of(
        read: &ReadConfigurations,
        analysis: &'static Analysis,
        options: &AnalyseOptions,
    ) -> Self {
        let per = options.per.unwrap_or(analysis.per);
        let mut result = (analysis.run)(&read.configurations, per);
        result.plots.retain(|plot| !plot.is_empty());
        let is_measured = provenance_caution(read).is_empty();
        for plot in result.plots.iter_mut().filter(|_| !is_measured) {
            plot.caption += " Not all power was measured.";
        }
        Self {
            analysis,
            per,
            experiment: options.filter.experiment.clone(),
            result,
            configurations: read.configurations.len(),
            runs: read.runs(),
            cautions: cautions(read),
            notes: notes(read),
        }
    }

    /// Returns whether any series has an answer.
    pub fn is_answered(&self) -> bool {
        let mut findings = self.result.findings.iter();
        findings.any(|finding| finding.verdict != FindingVerdict::NotEstimable)
    }

    /// Returns the first plot.
    pub fn plot(&self) -> Option<&Plot> {
        self.result.plots.first()
    }

    /// Returns the sentences of the findings that tables show: those with an answer first.
    pub fn sentences(&self) -> Vec<String> {
        self.shown()
            .iter()
            .map(|finding| match finding.series.as_str() {
                "" => finding.answer.clone(),
                series => format!("{}: {}", shorten(series, 60), finding.answer),
            })
            .collect()
    }

    /// Returns the findings that tables show. Series that cannot be estimated are left out if
    /// others can.
    fn shown(&self) -> Vec<&Finding> {
        let is_answered = self.is_answered();
        let wanted =
            |finding: &&Finding| !is_answered || finding.verdict != FindingVerdict::NotEstimable;
        let all = self.result.findings.iter().filter(wanted);
        all.take(if is_answered { SHOWN } else { 1 }).collect()
    }

    /// Converts to an answer.
    pub fn answer(&self) -> Answer {
        let experiment = self
            .experiment
            .as_deref()
            .map(|name| shorten(&escape(name), 40));
        let of = experiment.map_or(String::new(), |name| format!(", experiment {name}"));
        let title = format!(
            "{} {} of {}{of}",
            self.analysis.question,
            counted(self.runs, "run"),
            counted(self.configurations, "configuration"),
        );
        let mut answer = Answer::new("analyse", title)
            .with("kind", json!(self.analysis.name))
            .with("question", json!(self.analysis.question))
            .with("experiment", json!(self.experiment))
            .with("per", json!(self.per))
            .with("configurations", json!(self.configurations))
            .with("runs", json!(self.runs))
            .with("findings", json!(self.result.findings))
            .with("plots", json!(self.result.plots));
        for caution in &self.cautions {
            answer = answer.caution(caution);
        }
        for sentence in self.sentences() {
            answer = answer.lead(sentence);
        }
        answer = answer.sheet(self.rows());
        for finding in self.shown() {
            if !finding.rows.is_empty() {
                answer = answer.sheet(self.sheet(finding));
                if self.analysis.name == "engines" {
                    answer = answer.sheet(waits(finding));
                }
            }
        }
        self.end(answer)
    }

    fn end(&self, mut answer: Answer) -> Answer {
        let shown = self.shown().len();
        let all = self.result.findings.len();
        if !self.is_answered() {
            let varied = self.analysis.varied;
            let remedy = self.analysis.remedy;
            answer = answer.note(format!("Measure {varied}, for example: {remedy}."));
        }
        if shown < all {
            answer = answer.note(format!(
                "{shown} of {all} series are shown; JSON contains all."
            ));
        }
        for note in &self.notes {
            answer = answer.note(note);
        }
        answer
    }

    /// Returns all rows with their series, for CSV.
    fn rows(&self) -> Sheet {
        let rows = self.result.findings.iter().flat_map(|finding| {
            finding.rows.iter().map(move |row| {
                let mut value = json!(row);
                value["series"] = json!(finding.series);
                value
            })
        });
        let keys = [
            "series",
            "level",
            "number",
            "configurations",
            "runs",
            "value",
            "lo",
            "hi",
            "ratio",
            "ratio_lo",
            "ratio_hi",
            "p",
            "verdict",
            "is_selected",
            "j_per_input_token",
            "j_per_output_token",
            "tokens_per_s",
            "ttft_ns",
            "tpot_ns",
            "perplexity",
            "reference_perplexity",
            "top1_agreement",
        ];
        let columns = keys.map(Column::data).to_vec();
        Sheet::of_values("rows", "", columns, rows.collect::<Vec<Value>>()).data_only()
    }

    fn sheet(&self, finding: &Finding) -> Sheet {
        let has_quality = self.analysis.name == "quantization";
        let mut columns = vec![
            Column::text("level", self.level_heading()),
            Column::count("runs", "runs"),
            Column::energy("value", self.value_heading()),
            Column::interval("lo", "hi", "95 %"),
            Column::number("ratio", "ratio").from_width(1),
            Column::range("ratio_lo", "ratio_hi", "95 %").from_width(110),
            Column::number("tokens_per_s", "tokens/s").from_width(1),
        ];
        if has_quality {
            columns.push(Column::number("perplexity", "perplexity").from_width(1));
            columns.push(Column::percent("top1_agreement", "top-1").from_width(1));
        }
        columns.push(Column::text("verdict", "verdict").from_width(100));
        let rows = finding.rows.iter().map(shown_row);
        let title = shorten(&finding.series, 70);
        Sheet::of_values("shown", title, columns, rows.collect::<Vec<Value>>()).display_only()
    }

    fn value_heading(&self) -> String {
        let label = self.per.label();
        match self.analysis.name {
            "attention" | "experts" => format!("{label} per 1B"),
            _ => label.to_owned(),
        }
    }

    fn level_heading(&self) -> &'static str {
        match self.analysis.name {
            "batch" => "batch",
            "context" => "prompt tokens",
            "quantization" => "precision",
            "engines" => "engine",
            "attention" => "attention",
            "experts" => "architecture",
            "parameters" | "shape" => "model",
            _ => "configuration",
        }
    }
}

/// Returns a row of a table that is displayed.
fn shown_row(row: &FindingRow) -> Value {
    let mut value = json!(row);
    if row.verdict.is_empty() {
        value["verdict"] = Value::Null;
    }
    for (key, ns) in [("ttft_ns", row.ttft_ns), ("tpot_ns", row.tpot_ns)] {
        value[key] = json!(ns.map(|ns| ns.round() as i64));
    }
    value
}

/// Returns the energies of phases and the waiting times of engines, side by side.
fn waits(finding: &Finding) -> Sheet {
    let columns = vec![
        Column::text("level", "engine"),
        Column::energy("j_per_input_token", "prefill/token"),
        Column::energy("j_per_output_token", "decode/token"),
        Column::time("ttft_ns", "TTFT"),
        Column::time("tpot_ns", "TPOT"),
    ];
    let rows = finding.rows.iter().map(shown_row);
    let title = "Phases, time to first token (TTFT), time per further token (TPOT)";
    Sheet::of_values("shown", title, columns, rows.collect::<Vec<Value>>()).display_only()
}

/// Returns what limits all answers.
fn cautions(read: &ReadConfigurations) -> Vec<String> {
    let mut all = provenance_caution(read);
    all.extend(disturbed_runs(&read.configurations));
    all.extend(different_conditions(&read.configurations));
    all
}

/// Returns a caution if power was not measured.
fn provenance_caution(read: &ReadConfigurations) -> Vec<String> {
    let provenances = read
        .configurations
        .iter()
        .map(|one| one.key.provenance.as_deref());
    let mut kinds: Vec<&str> = provenances.flatten().collect();
    kinds.sort_unstable();
    kinds.dedup();
    let words = match kinds.as_slice() {
        [] | ["measured"] => return Vec::new(),
        ["modelled"] => {
            "Power is modelled, not measured: energies only show how long processors worked, for \
             whatever program."
        }
        ["replayed"] => "Power is replayed from a recording, not measured.",
        _ => "Power has several origins; configurations are only compared with those of the same.",
    };
    vec![words.to_owned()]
}

fn notes(read: &ReadConfigurations) -> Vec<String> {
    let mut notes = Vec::new();
    if read.incomplete > 0 {
        notes.push(format!(
            "Not used: {} that did not complete.",
            counted(read.incomplete, "run")
        ));
    }
    notes.extend(read.no_result_notes());
    if read.without_energy > 0 {
        notes.push(format!(
            "Not used: {} without a known energy per token.",
            counted(read.without_energy, "run")
        ));
    }
    notes
}
