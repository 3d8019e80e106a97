//! A run as one nested document, written while it is read.

use std::io::Write;

use serde_json::{Value, json};

use super::pipeline::with_percentages;
use super::run_object::{extend, mj, ms, run_object};
use super::summary::layer_index;
use super::tokens::add_token_keys;
use super::views::add_sample_keys;
use crate::charts::{TokenOperation, TokenParts, operations_of, token_spans};
use crate::error::Result;
use crate::query::{self, NodeLedger, Recording, Run, Token};
use crate::views::{self, ViewScope};

/// Number of tokens that are read together.
const CHUNK: usize = 100;

/// Levels of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, clap::ValueEnum)]
pub(super) enum DetailDepth {
    /// Run, samples and sections
    Sections,
    /// and tokens
    Tokens,
    /// and layers
    Layers,
    /// and components
    Components,
    /// and operations
    #[default]
    Operations,
}

/// Data of a run from which its document is written.
pub(super) struct RunDocument<'r> {
    recording: &'r Recording,
    run: &'r Run,
    ledger: NodeLedger,
    tokens: Vec<Token>,
    object: Value,
    sections: Vec<Value>,
}

impl<'r> RunDocument<'r> {
    /// Reads what fails if the run cannot be shown.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(super) fn read(recording: &'r Recording, run: &'r Run) -> Result<Self> {
        let ledger = query::ledger(recording, run, None)?;
        let sections = match run.attribution {
            Some(_) => sections(recording, run)?,
            None => Vec::new(),
        };
        Ok(Self {
            object: run_object(recording, run)?,
            tokens: query::tokens(recording, run, &ledger, None)?,
            sections,
            recording,
            run,
            ledger,
        })
    }

    /// Writes the document, with the tokens of these indices.
    ///
    /// # Errors
    /// If the file cannot be read, or `out` cannot be written.
    pub(super) fn write(
        &self,
        out: &mut dyn Write,
        tokens: (usize, usize),
        depth: DetailDepth,
    ) -> Result<()> {
        write!(out, "{{\"run\":{}", self.object)?;
        self.samples(out)?;
        write!(out, ",\"pipeline_sections\":{}", json!(self.sections))?;
        write!(out, ",\"tokens_total\":{},\"tokens\":[", self.tokens.len())?;
        if depth > DetailDepth::Sections {
            self.write_tokens(out, tokens, depth)?;
        }
        out.write_all(b"]}\n")?;
        Ok(())
    }

    fn samples(&self, out: &mut dyn Write) -> Result<()> {
        out.write_all(b",\"power_samples\":[")?;
        let mut between = "";
        for sample in query::samples(self.recording, self.run, None)? {
            let mut value = json!(sample);
            add_sample_keys(&mut value);
            write!(out, "{between}{value}")?;
            between = ",";
        }
        Ok(out.write_all(b"]")?)
    }

    fn write_tokens(
        &self,
        out: &mut dyn Write,
        (from, to): (usize, usize),
        depth: DetailDepth,
    ) -> Result<()> {
        let total = self.tokens.len();
        let (first, last) = (from.min(total), to.min(total));
        let spans = match depth > DetailDepth::Tokens && first < last {
            true => token_spans(self.recording, self.run)?,
            false => Vec::new(),
        };
        let mut between = "";
        for start in (first..last).step_by(CHUNK) {
            let end = (start + CHUNK).min(last);
            let own = spans.get(start..end.min(spans.len())).unwrap_or_default();
            let mut parts = TokenParts::new(&self.ledger, own);
            parts.walk(self.recording, self.run)?;
            if depth > DetailDepth::Layers {
                parts.read_statistics(self.recording, self.run)?;
            }
            for at in start..end {
                let mut value = json!(self.tokens[at]);
                add_token_keys((at, &mut value));
                if depth > DetailDepth::Tokens {
                    let operations = operations_of(&self.ledger, &parts, at - start);
                    let nested = NestedToken {
                        parts: &parts,
                        token: at - start,
                        depth,
                    };
                    extend(&mut value, json!({ "layers": nested.layers(&operations) }));
                }
                write!(out, "{between}{value}")?;
                between = ",";
            }
        }
        Ok(())
    }
}

/// Returns the sections of all phases.
fn sections(recording: &Recording, run: &Run) -> Result<Vec<Value>> {
    let value = views::pipeline(recording, run, &ViewScope::default())?.into_value();
    let rows = value["pipeline"].as_array().cloned().unwrap_or_default();
    let section = |row: &Value| {
        let mut object = with_percentages(row, 0.0, None);
        extend(&mut object, json!({ "section_name": row["section"] }));
        object
    };
    let sections = rows.iter().filter(|row| !row["section"].is_null());
    Ok(sections.map(section).collect())
}

/// A token, with operations to nest into layers and components.
struct NestedToken<'p> {
    parts: &'p TokenParts<'p>,
    /// Its index among the tokens of `parts`.
    token: usize,
    depth: DetailDepth,
}

impl NestedToken<'_> {
    /// Nests the operations, in their order.
    fn layers(&self, operations: &[TokenOperation]) -> Vec<Value> {
        let named = grouped(operations.iter().collect(), |one| &one.layer);
        let layer = |(name, operations): (&String, Vec<&TokenOperation>)| {
            let mut value = sums(&operations);
            let more = json!({ "layer": name, "layer_index": layer_index(name) });
            extend(&mut value, more);
            if self.depth > DetailDepth::Layers {
                let components = self.components(name, operations);
                extend(&mut value, json!({ "components": components }));
            }
            value
        };
        named.into_iter().map(layer).collect()
    }

    fn components(&self, layer: &str, operations: Vec<&TokenOperation>) -> Vec<Value> {
        let named = grouped(operations, |one| &one.component);
        let component = |(name, operations): (&String, Vec<&TokenOperation>)| {
            let mut value = sums(&operations);
            let cell = self.parts.cell_named(self.token, layer, name);
            let [mean, std, max, sparsity, entropy] =
                cell.map_or([None; 5], |cell| self.parts.statistics(cell));
            let more = json!({
                "component_name": name,
                "activation_mean": mean,
                "activation_std": std,
                "activation_max": max,
                "activation_sparsity": sparsity,
                "attention_entropy": entropy,
            });
            extend(&mut value, more);
            if self.depth > DetailDepth::Components {
                let deep: Vec<Value> = operations.iter().map(|one| operation(one)).collect();
                extend(&mut value, json!({ "deep_operations": deep }));
            }
            value
        };
        named.into_iter().map(component).collect()
    }
}

fn operation(one: &TokenOperation) -> Value {
    let mut value = sums(&[one]);
    let more = json!({ "operation_name": one.operation, "count": one.count });
    extend(&mut value, more);
    value
}

/// Groups operations by a name, in the order of their first occurrence.
fn grouped<'o>(
    operations: Vec<&'o TokenOperation>,
    name: impl Fn(&'o TokenOperation) -> &'o String,
) -> Vec<(&'o String, Vec<&'o TokenOperation>)> {
    let mut groups: Vec<(&String, Vec<&TokenOperation>)> = Vec::new();
    for one in operations {
        let own = name(one);
        match groups.iter_mut().find(|(known, _)| *known == own) {
            Some((_, group)) => group.push(one),
            None => groups.push((own, vec![one])),
        }
    }
    groups
}

fn sums(operations: &[&TokenOperation]) -> Value {
    let ns: i64 = operations.iter().map(|one| one.duration_ns).sum();
    let energy_j: Option<f64> = operations.iter().map(|one| one.energy_j).sum();
    json!({
        "duration_ms": ms(ns),
        "energy_j": energy_j,
        "energy_mj": energy_j.map(mj),
        "avg_power_mw": query::average_w(energy_j, Some(ns)).map(mj),
    })
}
