//! Everything known of a run besides its figures.

use std::io::Write;

use serde_json::{Value, json};

use crate::error::Result;
use crate::format::Format;
use crate::format::screen::Look;
use crate::format::{UNKNOWN, csv, energy, escape, percent, power, time_span, utc};
use crate::query::{self, Attribution, Balance, Condition, Detail, Recording, Run};
use crate::summary::tags;

/// A run with its surroundings.
#[derive(Debug, Clone, PartialEq)]
pub struct Show {
    /// The run.
    pub run: Run,
    /// Attributions, baselines, conditions, counts.
    pub detail: Detail,
    /// Its rails.
    pub rails: Vec<Balance>,
}

impl Show {
    /// Reads it.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(recording: &Recording, run: Run) -> Result<Self> {
        let detail = query::detail(recording, &run)?;
        let rails = query::balance(recording, &run)?;
        Ok(Self { run, detail, rails })
    }

    /// Writes it in a format.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn write(&self, out: &mut dyn Write, format: Format, look: &Look) -> Result<()> {
        match format {
            Format::Table => self.table(out, look)?,
            Format::Markdown => self.table(out, &Look::markdown())?,
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

    /// As one JSON object.
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
            "host": row.host,
            "os": row.os,
            "chip": row.chip,
            "pid": row.pid,
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

    fn table(&self, out: &mut dyn Write, look: &Look) -> std::io::Result<()> {
        writeln!(
            out,
            "{}",
            look.title(&format!("run {}", escape(&self.run.title())))
        )?;
        let value = self.value();
        for (key, value) in value.as_object().into_iter().flatten() {
            let text = match (key.as_str(), value) {
                ("schema" | "command", _) | (_, Value::Null | Value::Array(_)) => continue,
                ("start_unix_ns", _) => ("started", utc(self.run.row.start_unix_ns)),
                ("duration_ns", _) => ("duration", time_span(self.run.row.end_ns)),
                (key, Value::Object(map)) => (key, entries(map)),
                (key, value) => (key, csv::field(value)),
            };
            if !text.1.is_empty() {
                let name = match look.is_markdown() {
                    true => text.0.to_owned(),
                    false => format!("{:<13}", text.0),
                };
                writeln!(out, "{}", look.fact(&name, &escape(&text.1)))?;
            }
        }
        self.conditions(out, look)?;
        self.rails(out, look)?;
        self.attributions(out, look)
    }

    fn conditions(&self, out: &mut dyn Write, look: &Look) -> std::io::Result<()> {
        let conditions = &self.detail.conditions;
        if conditions.is_empty() {
            return Ok(());
        }
        writeln!(out, "\n{}", look.heading("Conditions"))?;
        let mut conditions = conditions.iter();
        conditions.try_for_each(|one| {
            let name = escape(&one.key);
            let name = match look.is_markdown() {
                true => name,
                false => format!("{name:<17}"),
            };
            writeln!(out, "{}", look.fact(&name, &values(one)))
        })
    }

    fn rails(&self, out: &mut dyn Write, look: &Look) -> std::io::Result<()> {
        if self.rails.is_empty() {
            return Ok(());
        }
        writeln!(out, "\n{}", look.heading("Rails"))?;
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
            let figures = match rail.provenance.as_str() {
                "modelled" => "modelled, not measured".to_owned(),
                other => other.to_owned(),
            };
            let mut row = vec![
                escape(&format!("{} ({})", rail.rail, rail.source)),
                rail.parent.as_deref().map_or("(total)".to_owned(), escape),
                figures,
                power(idle.map(|idle| idle.power_w)),
                energy(rail.measured_j),
                power(rail.peak_w),
            ];
            row.extend(has_gaps.then(|| percent(rail.coverage)));
            row
        };
        let rows: Vec<_> = self.rails.iter().map(row).collect();
        let mut header = vec!["rail", "part of", "figures", "idle", "energy", "peak"];
        header.extend(has_gaps.then_some("sampled"));
        writeln!(out, "{}", look.table(&header, &rows))
    }

    fn attributions(&self, out: &mut dyn Write, look: &Look) -> std::io::Result<()> {
        let attributions = &self.detail.attributions;
        if attributions.is_empty() {
            return Ok(());
        }
        writeln!(out, "\n{}", look.heading("Attributions"))?;
        let row = |one: &Attribution| {
            let offset = one.offset_ms.map(|ms| format!("{ms:.1} ms"));
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
        let header = ["id", "method", "clock offset", "made", ""];
        writeln!(out, "{}", look.table(&header, &rows))
    }
}

/// `start -> end` where they differ; one value where they do not or only one is known.
fn values(condition: &Condition) -> String {
    let known = |value: &Option<String>| value.as_deref().map(escape);
    match (known(&condition.start), known(&condition.end)) {
        (Some(start), Some(end)) if start != end => format!("{start} -> {end}"),
        (Some(value), _) | (None, Some(value)) => value,
        (None, None) => UNKNOWN.to_owned(),
    }
}

/// Settings and tags in a line. Hashes are as short as they still tell files apart.
fn entries(map: &serde_json::Map<String, Value>) -> String {
    let text = |(key, value): (&String, &Value)| match value {
        Value::Null => None,
        // The plan of repeats is for the program that goes on with them.
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
