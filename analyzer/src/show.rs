//! Metadata of a run.

use std::io::Write;

use serde_json::{Value, json};

use crate::error::Result;
use crate::format::Format;
use crate::format::screen::OutputStyle;
use crate::format::{UNKNOWN, csv, energy, escape, percent, power, time_span, utc};
use crate::query::{self, Attribution, Balance, Condition, Recording, Run, RunDetail};
use crate::summary::tags;

/// A run with its metadata.
#[derive(Debug, Clone, PartialEq)]
pub struct Show {
    /// The run.
    pub run: Run,
    /// Attributions, baselines, conditions, counts.
    pub detail: RunDetail,
    /// Rails.
    pub rails: Vec<Balance>,
}

impl Show {
    /// Reads the metadata.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn read(recording: &Recording, run: Run) -> Result<Self> {
        let detail = query::detail(recording, &run)?;
        let rails = query::balance(recording, &run)?;
        Ok(Self { run, detail, rails })
    }

    /// Writes the metadata in a format.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn write(&self, out: &mut dyn Write, format: Format, style: &OutputStyle) -> Result<()> {
        match format {
            Format::Table => self.table(out, style)?,
            Format::Markdown => self.table(out, &OutputStyle::markdown())?,
            Format::Json => {
                crate::format::json::write(out, &self.value())?;
            }
            Format::Csv => {
                csv::record(out, &["key", "value"])?;
                for (key, value) in self.value().as_object().into_iter().flatten() {
                    csv::record(out, &[key.as_str(), &csv::field(value)])?;
                }
            }
        }
        Ok(())
    }

    /// Converts to one JSON object.
    pub fn value(&self) -> Value {
        let (row, metadata) = (&self.run.row, &self.run.row.metadata);
        let config = metadata
            .config
            .as_deref()
            .map(|text| serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)));
        let rail = |rail: &Balance| {
            json!({
                "rail": rail.rail, "source": rail.source, "parent": rail.parent,
                "provenance": rail.provenance, "measured_j": rail.measured_j,
                "peak_w": rail.peak_w, "peak_ns": rail.peak_ns,
                "coverage": rail.coverage, "extrapolated_j": rail.extrapolated_j,
            })
        };
        json!({
            "schema": crate::format::SCHEMA,
            "command": "show",
            "id": row.uuid,
            "name": metadata.name,
            "status": row.status.name(),
            "start_unix_ns": row.start_unix_ns,
            "duration_ns": row.end_ns,
            "host_id": row.host_id,
            "host": row.host,
            "os": row.os,
            "chip": row.chip,
            "pid": (!self.run.is_imported()).then_some(row.pid),
            "version": row.version,
            "model": metadata.model,
            "engine": metadata.engine,
            "precision": metadata.precision,
            "batch": metadata.batch,
            "input_tokens": metadata.input_tokens,
            "output_tokens": metadata.output_tokens,
            "experiment": metadata.experiment,
            "tags": tags(&self.run),
            "prompt": metadata.prompt,
            "response": metadata.response,
            "config": config,
            "provenance": self.run.provenance,
            "conditions": self.detail.conditions,
            "rails": self.rails.iter().map(rail).collect::<Vec<_>>(),
            "baselines": self.detail.baselines,
            "attributions": self.detail.attributions,
            "rows": self.detail.rows,
        })
    }

    fn table(&self, out: &mut dyn Write, style: &OutputStyle) -> std::io::Result<()> {
        writeln!(
            out,
            "{}",
            style.title(&format!("run {}", escape(&self.run.title())))
        )?;
        let value = self.value();
        for (key, value) in value.as_object().into_iter().flatten() {
            let text = match (key.as_str(), value) {
                ("schema" | "command" | "host_id", _) | (_, Value::Null | Value::Array(_)) => {
                    continue;
                }
                ("start_unix_ns", _) => ("started", utc(self.run.row.start_unix_ns)),
                ("duration_ns", _) => ("duration", time_span(self.run.row.end_ns)),
                (key, Value::Object(map)) => (key, entries(map)),
                (key, value) => (key, csv::field(value)),
            };
            if !text.1.is_empty() {
                let name = match style.is_markdown() {
                    true => text.0.to_owned(),
                    false => format!("{:<13}", text.0),
                };
                let text = escape(&text.1);
                let fact = match key.as_str() {
                    "config" => style.whole_fact(&name, &text),
                    _ => style.fact(&name, &text),
                };
                writeln!(out, "{fact}")?;
            }
        }
        self.conditions(out, style)?;
        self.rails(out, style)?;
        self.attributions(out, style)
    }

    fn conditions(&self, out: &mut dyn Write, style: &OutputStyle) -> std::io::Result<()> {
        let conditions = &self.detail.conditions;
        if conditions.is_empty() {
            return Ok(());
        }
        writeln!(out, "\n{}", style.heading("Conditions"))?;
        let mut conditions = conditions.iter();
        conditions.try_for_each(|one| {
            let name = escape(&one.key);
            let name = match style.is_markdown() {
                true => name,
                false => format!("{name:<20}"),
            };
            writeln!(out, "{}", style.fact(&name, &values(one)))
        })
    }

    fn rails(&self, out: &mut dyn Write, style: &OutputStyle) -> std::io::Result<()> {
        if self.rails.is_empty() {
            return Ok(());
        }
        writeln!(out, "\n{}", style.heading("Rails"))?;
        let has_gaps = self
            .rails
            .iter()
            .any(|rail| query::is_reported(rail.coverage));
        let row = |rail: &Balance| {
            let idle = self
                .detail
                .baselines
                .iter()
                .find(|idle| rail.rail.ends_with(&idle.rail));
            let source = match rail.provenance.as_str() {
                "modelled" => "modelled, not measured".to_owned(),
                other => other.to_owned(),
            };
            let mut row = vec![
                escape(&format!("{} ({})", rail.rail, rail.source)),
                rail.parent.as_deref().map_or("(total)".to_owned(), escape),
                source,
                power(idle.map(|idle| idle.power_w)),
                energy(rail.measured_j),
                power(rail.peak_w),
            ];
            row.extend(has_gaps.then(|| percent(rail.coverage)));
            row
        };
        let rows: Vec<_> = self.rails.iter().map(row).collect();
        let mut header = vec!["rail", "parent rail", "source", "idle", "energy", "peak"];
        header.extend(has_gaps.then_some("coverage"));
        writeln!(out, "{}", style.table(&header, &rows))
    }

    fn attributions(&self, out: &mut dyn Write, style: &OutputStyle) -> std::io::Result<()> {
        let attributions = &self.detail.attributions;
        if attributions.is_empty() {
            return Ok(());
        }
        writeln!(out, "\n{}", style.heading("Attributions"))?;
        let row = |one: &Attribution| {
            let offset = one.clock_offset_ms.map(|ms| format!("{ms:.1} ms"));
            let shown = if one.is_shown { "shown" } else { "" };
            vec![
                one.id.to_string(),
                escape(&one.title()),
                offset.unwrap_or_else(|| UNKNOWN.to_owned()),
                utc(one.created_unix_ns),
                shown.to_owned(),
            ]
        };
        let rows: Vec<_> = attributions.iter().map(row).collect();
        let header = ["id", "method", "clock offset", "created", ""];
        writeln!(out, "{}", style.table(&header, &rows))
    }
}

/// Formats a condition: `start -> end` if they differ, else the known value.
fn values(condition: &Condition) -> String {
    let known = |value: &Option<String>| value.as_deref().map(escape);
    match (known(&condition.start), known(&condition.end)) {
        (Some(start), Some(end)) if start != end => format!("{start} -> {end}"),
        (Some(value), _) | (None, Some(value)) => value,
        (None, None) => UNKNOWN.to_owned(),
    }
}

/// Formats settings and tags on one line. Hashes are shortened.
fn entries(map: &serde_json::Map<String, Value>) -> String {
    let text = |(key, value): (&String, &Value)| match value {
        Value::Null => None,
        // The plan of repeats is only used for resuming.
        Value::Object(_) => Some(format!("{key}=(...)")),
        Value::String(text) if text.is_empty() => Some(key.clone()),
        Value::String(text) if key.ends_with("_sha256") => {
            let short: String = text.chars().take(12).collect();
            Some(format!("{key}={short}"))
        }
        _ => Some(format!("{key}={}", csv::field(value))),
    };
    let texts = map.iter().filter_map(text);
    texts.collect::<Vec<_>>().join(" ")
}
