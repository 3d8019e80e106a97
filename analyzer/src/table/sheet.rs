//! The table of configurations, in every format.

use std::io::Write;

use serde_json::json;

use super::format::TableFormat;
use super::json;
use super::latex::latex;
use super::row::{ConfigurationRow, PlusMinus};
use crate::analyse::{ReadConfigurations, different_conditions, disturbed_runs, names_of};
use crate::error::Result;
use crate::format::screen::OutputStyle;
use crate::format::{Answer, Column, Format, Sheet, counted, escape, precision_name};
use crate::query::{ConfigurationKey, RunConfiguration};

/// Rows of configurations, and what limits them.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfigurationTable {
    /// Rows by model, precision, batch and context.
    pub rows: Vec<ConfigurationRow>,
    experiment: Option<String>,
    notes: Vec<String>,
}

impl ConfigurationTable {
    /// Makes the table of configurations.
    pub fn of(read: &ReadConfigurations, experiment: Option<&str>) -> Self {
        let others = other_settings(read);
        let rows = read.configurations.iter().zip(others);
        let mut rows: Vec<ConfigurationRow> = rows
            .map(|(one, other_settings)| ConfigurationRow {
                other_settings,
                ..ConfigurationRow::of(one)
            })
            .collect();
        rows.sort_by(|a, b| {
            let key = |row: &ConfigurationRow| {
                (
                    row.model.clone(),
                    row.engine.clone(),
                    row.precision.clone(),
                    row.batch,
                    row.prompt_tokens,
                )
            };
            key(a).cmp(&key(b))
        });
        Self {
            notes: notes(&rows, read),
            experiment: experiment.map(str::to_owned),
            rows,
        }
    }

    /// Writes the table; `style` only affects the text table.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn write(
        &self,
        out: &mut dyn Write,
        format: TableFormat,
        style: &OutputStyle,
    ) -> Result<()> {
        match format {
            TableFormat::Table => self.answer(format).write(out, Format::Table, style)?,
            TableFormat::Markdown => self.answer(format).write(out, Format::Markdown, style)?,
            TableFormat::Csv => self.answer(format).write(out, Format::Csv, style)?,
            TableFormat::Latex => out.write_all(self.latex().as_bytes())?,
            TableFormat::Json => {
                let text = serde_json::to_string_pretty(&self.value());
                let text = text.map_err(std::io::Error::from)?;
                writeln!(out, "{text}")?;
            }
        }
        Ok(())
    }

    /// Returns the table in LaTeX.
    pub fn latex(&self) -> String {
        latex(&self.rows, &self.notes)
    }

    /// Returns the table as JSON of the schema [`SCHEMA`](super::SCHEMA).
    pub fn value(&self) -> serde_json::Value {
        json::value(&self.rows, self.experiment.as_deref(), &self.notes)
    }

    /// Returns the rows: for people with short names, and as text without what all have in common.
    fn answer(&self, format: TableFormat) -> Answer {
        let for_people = format != TableFormat::Csv;
        let model = self.only_model().filter(|_| format == TableFormat::Table);
        let rows = self.rows.iter().map(|row| {
            let mut value = json!(row);
            value["other_settings"] = json!(row.other_settings);
            if for_people {
                value["precision"] = json!(row.precision.as_deref().map(precision_name));
            }
            value["perplexity"] = json!(row.quality.as_ref().map(|quality| quality.perplexity));
            value["top1_agreement"] =
                json!(row.quality.as_ref().map(|quality| quality.top1_agreement));
            value
        });
        let columns = self.columns(model.is_none());
        let sheet = Sheet::of_values("rows", "", columns, rows.collect());
        let mut answer = Answer::new("table", "")
            .sheet(sheet)
            .note("Prefill, decode and all: energy per token.");
        if let Some(model) = model {
            answer = answer.lead(format!("Model: {}", escape(model)));
        }
        for note in &self.notes {
            answer = answer.note(note);
        }
        answer
    }

    /// Returns the model if all rows have the same.
    fn only_model(&self) -> Option<&str> {
        let first = self.rows.first()?.model.as_deref()?;
        let is_same = |row: &ConfigurationRow| row.model.as_deref() == Some(first);
        self.rows.iter().all(is_same).then_some(first)
    }

    fn columns(&self, has_model: bool) -> Vec<Column> {
        // A value that is the same everywhere is no column of the text table.
        let differs = |of: fn(&ConfigurationRow) -> Option<String>| {
            let mut rows = self.rows.windows(2);
            rows.any(|pair| of(&pair[0]) != of(&pair[1]))
        };
        let optional = |key: &'static str, heading: &'static str, is_shown: bool| match is_shown {
            true => Column::text(key, heading),
            false => Column::data(key),
        };
        vec![
            optional("model", "model", has_model),
            Column::text("precision", "precision"),
            optional("engine", "engine", differs(|row| row.engine.clone())),
            optional(
                "other_settings",
                "other settings",
                differs(|row| Some(row.other_settings.clone())),
            ),
            Column::count("batch", "batch"),
            Column::count("prompt_tokens", "prompt"),
            Column::number("output_tokens", "output").from_width(110),
            Column::count("runs", "runs").from_width(100),
            Column::energy("j_per_input_token", "prefill"),
            Column::energy("j_per_output_token", "decode"),
            Column::energy("j_per_token", "all"),
            Column::percent("relative_half_interval", "±"),
            Column::number("tokens_per_s", "tokens/s"),
            Column::power("peak_w", "peak").from_width(90),
            Column::percent("tdp_share", "of TDP").from_width(120),
            optional("provenance", "power", differs(|row| row.provenance.clone())),
            Column::data("device"),
            Column::data("threads"),
            Column::data("chip"),
            Column::data("parameters"),
            Column::data("active_parameters"),
            Column::data("prompt_form"),
            Column::data("sampling"),
            Column::data("prompts"),
            Column::data("j_per_prompt"),
            Column::data("energy_j"),
            Column::data("prefill_j"),
            Column::data("decode_j"),
            Column::data("j_per_token_lo"),
            Column::data("j_per_token_hi"),
            Column::data("interval_of"),
            Column::data("ttft_ms"),
            Column::data("tpot_ms"),
            Column::data("avg_w"),
            Column::data("sample_interval_ms"),
            Column::data("samples"),
            Column::data("coverage"),
            Column::data("attribution"),
            Column::data("basis"),
            Column::data("perplexity"),
            Column::data("top1_agreement"),
            Column::data("model_sha256"),
        ]
    }
}

fn notes(rows: &[ConfigurationRow], read: &ReadConfigurations) -> Vec<String> {
    let mut notes = Vec::new();
    let of = |wanted: &str| {
        let is_it = |row: &&ConfigurationRow| {
            row.provenance
                .as_deref()
                .is_some_and(|is| is.contains(wanted))
        };
        rows.iter().filter(is_it).count()
    };
    let (modelled, all) = (of("modelled"), rows.len());
    if modelled > 0 {
        notes.push(format!(
            "Power of {modelled} of {all} rows is modelled, not measured."
        ));
    }
    if of("replayed") > 0 {
        let replayed = of("replayed");
        notes.push(format!(
            "Power of {replayed} of {all} rows is replayed from a recording."
        ));
    }
    let basis = |wanted: PlusMinus| rows.iter().any(|row| row.interval_of == Some(wanted));
    match (basis(PlusMinus::Runs), basis(PlusMinus::Samples)) {
        (false, false) => {}
        (true, false) => notes.push("± is half of the 90 % interval of the mean of runs.".into()),
        (false, true) => notes.push("± is half of the 90 % interval of a single run.".into()),
        (true, true) => notes.push(
            "± is half of the 90 % interval: of the mean of runs, or of a single run.".into(),
        ),
    }
    notes.extend(read.no_result_notes());
    let mixed = rows.iter().filter(|row| row.prompts.is_none()).count();
    if mixed > 0 {
        notes.push(format!(
            "Energies of whole runs are unknown in {mixed} of {all} rows, where runs have different \
             numbers of prompts; the energy per prompt is in CSV and JSON."
        ));
    }
    notes.extend(disturbed_runs(&read.configurations));
    notes.extend(different_conditions(&read.configurations));
    let columns = |row: &ConfigurationRow| {
        let (model, engine, precision) = (&row.model, &row.engine, &row.precision);
        (
            [model, engine, precision, &row.provenance].map(Option::clone),
            [row.batch, row.prompt_tokens],
        )
    };
    let mut all: Vec<_> = rows.iter().map(columns).collect();
    all.sort();
    if all.windows(2).any(|pair| pair[0] == pair[1]) {
        notes.push(
            "Rows that look alike differ in another setting: machine, rails, threads, sampling, ..."
                .to_owned(),
        );
    }
    let others = read.incomplete + read.without_energy;
    if others > 0 {
        notes.push(format!(
            "Not used: {} without an end or without a known energy per token.",
            counted(others, "run")
        ));
    }
    notes
}

/// Returns in what configurations differ besides the table's own columns: labels, lengths of answers,
/// machines, command lines, ...
fn other_settings(read: &ReadConfigurations) -> Vec<String> {
    let others = |one: &RunConfiguration| ConfigurationKey {
        model: None,
        model_sha256: None,
        precision: None,
        requantize: None,
        engine: None,
        batch: None,
        prompt_tokens: None,
        provenance: None,
        ..one.key.clone()
    };
    let keys: Vec<ConfigurationKey> = read.configurations.iter().map(others).collect();
    names_of(&keys)
}
