//! Reading traces, those of other programs in the same format included.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::{
    DOCUMENT, KINDS, SAMPLES, SPANS, Scenario, SimulateError, SimulatedTrace, TRUTH, TruthDocument,
};
use crate::simulate::trace::{KindTruth, SimulatedSample, SimulatedSpan, TraceTruth};

impl SimulatedTrace {
    /// Reads the trace in `folder`.
    ///
    /// # Errors
    /// A missing file, or a line that does not match the header.
    pub fn read(folder: &Path) -> Result<Self, SimulateError> {
        let path = folder.join(DOCUMENT);
        let text = fs::read_to_string(&path);
        let text = text.map_err(|source| SimulateError::File { path, source })?;
        let document: TruthDocument = serde_json::from_str(&text)?;
        let (kinds, spans) = spans(folder)?;
        let place = |name: &str| {
            let found = kinds.binary_search_by(|kind| kind.as_str().cmp(name));
            found.map_err(|_| format!("no span is of kind {name:?}"))
        };
        let kind_truth = rows(folder, KINDS, |[kind, rail, energy, time, count]| {
            Ok(KindTruth {
                kind: place(kind)?,
                rail: rail.parse()?,
                energy_mj: parsed(energy)?,
                self_time_ns: parsed(time)?,
                count: parsed(count)?,
            })
        })?;
        Ok(Self {
            scenario: Scenario::from_str(&document.scenario)?,
            seed: document.seed,
            settings: document.config,
            samples: samples(folder)?,
            truth: TraceTruth {
                clock_offset_ms: document.clock_offset_ms,
                rails: document.rails,
                kinds: kind_truth,
                span_energy_mj: span_energy(folder)?,
                powers_w: document.powers_w,
            },
            kinds,
            spans,
        })
    }
}

fn samples(folder: &Path) -> Result<Vec<SimulatedSample>, SimulateError> {
    rows(folder, SAMPLES, |[start, end, rail, energy]| {
        Ok(SimulatedSample {
            start_ns: parsed(start)?,
            end_ns: parsed(end)?,
            rail: rail.parse()?,
            energy_mj: parsed(energy)?,
        })
    })
}

fn span_energy(folder: &Path) -> Result<Vec<f64>, SimulateError> {
    rows(folder, TRUTH, |[_, energy]| parsed(energy))
}

/// Names of kinds, sorted, and all spans.
fn spans(folder: &Path) -> Result<(Vec<String>, Vec<SimulatedSpan>), SimulateError> {
    let mut by_name: BTreeMap<String, usize> = BTreeMap::new();
    let mut next_id = 1_u64;
    let mut spans = rows(
        folder,
        SPANS,
        |[id, parent, thread, kind, start, end, rail]| {
            if parsed::<u64>(id)? != next_id {
                return Err(format!("span_id is {id} where {next_id} is due"));
            }
            next_id += 1;
            let new = by_name.len();
            Ok(SimulatedSpan {
                parent: parsed(parent)?,
                thread: parsed(thread)?,
                kind: *by_name.entry(kind.to_owned()).or_insert(new),
                start_ns: parsed(start)?,
                end_ns: parsed(end)?,
                rail: rail.parse()?,
            })
        },
    )?;
    let mut sorted = vec![0; by_name.len()];
    by_name
        .values()
        .enumerate()
        .for_each(|(new, &old)| sorted[old] = new);
    spans
        .iter_mut()
        .for_each(|span| span.kind = sorted[span.kind]);
    Ok((by_name.into_keys().collect(), spans))
}

fn parsed<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("{text:?} is no number of this column"))
}

/// Each line of a table after its header as whatever `row` makes of its `N` fields.
fn rows<T, const N: usize>(
    folder: &Path,
    (name, header): (&str, &str),
    mut row: impl FnMut([&str; N]) -> Result<T, String>,
) -> Result<Vec<T>, SimulateError> {
    let path = folder.join(name);
    let text = fs::read_to_string(&path);
    let text = text.map_err(|source| SimulateError::File {
        path: path.clone(),
        source,
    })?;
    let bad = |path: &PathBuf, line, what| SimulateError::Line {
        path: path.clone(),
        line,
        what,
    };
    let mut lines = text
        .lines()
        .enumerate()
        .map(|(number, line)| (number + 1, line));
    if lines.next().is_none_or(|(_, first)| first != header) {
        return Err(bad(&path, 1, format!("the header has to be {header}")));
    }
    let read = lines.map(|(number, line)| {
        let fields: Vec<&str> = line.split(',').collect();
        let fields = fields.try_into().map_err(|fields: Vec<&str>| {
            bad(
                &path,
                number,
                format!("{} fields instead of {N}", fields.len()),
            )
        })?;
        row(fields).map_err(|what| bad(&path, number, what))
    });
    read.collect()
}
