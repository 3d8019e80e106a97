//! Sections of one run, in order. Each has a sentence that explains how to read it; without
//! data it states the reason.

use super::drawn::DrawnRun;
use super::head::head;
use super::markup::{chart, details, paragraph, section};
use super::tables;
use crate::charts::name;
use crate::error::Result;
use crate::query::Recording;
use crate::views::{self, BalanceOptions};

/// Sections in order: id, title in the table of contents.
pub(super) const SECTIONS: [(&str, &str); 11] = [
    ("head", "Run"),
    ("balance", "Balance"),
    ("conditions", "Conditions"),
    ("phases", "Phases"),
    ("power", "Power"),
    ("layers", "Layers"),
    ("tokens", "Tokens"),
    ("treemap", "Treemap"),
    ("flows", "Flows"),
    ("flame", "Flamegraph"),
    ("tables", "Tables"),
];

const LEDGER: &str = "Ledger energies: active energy of spans plus their share of idle energy.";
const INTERVAL: &str =
    "Interval energies: total energy of the root rails in that time, including idle energy.";

/// Returns all sections of run number `no`.
pub(super) fn sections(recording: &Recording, drawn: &DrawnRun, no: usize) -> Result<String> {
    let title = format!("{} · {}", drawn.data.title, drawn.provenance());
    let how = "Key figures, with 90 % intervals where known; \
               – is unknown.";
    let parts = [
        section(&id(no, "head"), &title, how, &head(drawn)),
        balance(recording, drawn, no)?,
        conditions(drawn, no),
        phases(drawn, no),
        power(drawn, no),
        layers(drawn, no),
        tokens(drawn, no),
        treemap(drawn, no),
        flows(drawn, no),
        flame(drawn, no),
        section(
            &id(no, "tables"),
            "Tables",
            "The values as tables; click a heading, or press Enter on it, to sort.",
            &tables::all(drawn),
        ),
    ];
    Ok(parts.concat())
}

/// Returns the id of a section of run number `no`.
pub(super) fn id(no: usize, section: &str) -> String {
    format!("run{no}-{section}")
}

/// Returns a paragraph with the method and basis of a section's energies.
fn basis(drawn: &DrawnRun, reading: &str, basis: Option<String>) -> String {
    let basis = basis.map_or(String::new(), |basis| format!(", basis {}", name(&basis)));
    let method = drawn.summary.attribution.as_ref();
    let method = method.map_or(String::new(), |one| format!(", method {}", one.title()));
    let text = format!("{reading} Power {}{method}{basis}.", drawn.provenance());
    paragraph("basis", &text)
}

/// Returns a paragraph that explains missing ledger energies.
fn no_energy(drawn: &DrawnRun, otherwise: &str) -> String {
    let summary = &drawn.summary;
    let text = if drawn.ledger.nodes.is_empty() {
        "No span was recorded in this run."
    } else if summary.balance.is_empty() {
        "No sensor measured energy during this run: list available sensors with `energy doctor`."
    } else if summary.attribution.is_none() {
        "The run is not attributed: run `energy attribute`."
    } else {
        otherwise
    };
    paragraph("empty", text)
}

fn balance(recording: &Recording, drawn: &DrawnRun, no: usize) -> Result<String> {
    let how = "Each bar is the total energy of one rail over the whole recording, divided into its \
               accounts; accounts left of zero are negative.";
    let accounts = &drawn.data.accounts;
    let answer = views::balance(recording, &drawn.summary.run, &BalanceOptions::default())?;
    let table = details("Accounts as a table", accounts.len() * 10, &answer.html());
    let content = if accounts.iter().any(|rail| rail.measured_j.is_some()) {
        let sums = accounts.iter().map(|rail| match rail.fault_j {
            None => format!(
                "{}: accounts sum to the {} energy.",
                rail.rail, rail.provenance
            ),
            Some(_) => format!("{}: ACCOUNTS DO NOT SUM.", rail.rail),
        });
        let unknown = accounts.iter().filter_map(|rail| {
            let accounts = rail
                .accounts
                .iter()
                .filter(|one| one.energy_j.is_none() && one.name != "unknown");
            let names: Vec<&str> = accounts.map(|one| one.name).collect();
            (!names.is_empty()).then(|| format!("Unknown for {}: {}.", rail.rail, names.join(", ")))
        });
        let notes: Vec<String> = sums.chain(unknown).collect();
        basis(drawn, "Energies of whole rails.", None)
            + &chart("balance", no, "Accounts of each rail")
            + &paragraph("note", &notes.join(" "))
            + &table
    } else {
        let text = match accounts.is_empty() {
            true => "No rail was read: no sensor measured energy during this run.",
            false => "The run is not attributed: run `energy attribute`.",
        };
        paragraph("empty", text)
    };
    Ok(section(
        &id(no, "balance"),
        "Where each rail's energy went",
        how,
        &content,
    ))
}

fn conditions(drawn: &DrawnRun, no: usize) -> String {
    let how = "Conditions that make runs comparable, at the start and at the end of the run.";
    let content = match drawn.summary.conditions.is_empty() {
        true => paragraph(
            "empty",
            "No conditions are known: the run was imported, or recorded by a version without \
             conditions.",
        ),
        false => tables::conditions(&drawn.summary.conditions),
    };
    section(
        &id(no, "conditions"),
        "Conditions of the run",
        how,
        &content,
    )
}

fn phases(drawn: &DrawnRun, no: usize) -> String {
    if drawn.data.phases.is_empty() {
        return roots(drawn, no);
    }
    let how = "Each bar is the total energy of the rails while a phase ran: idle energy hatched, \
               the whisker \
               its 90 % interval; phases and the time between them sum to the total.";
    let phases = &drawn.data.phases;
    let content = match phases.iter().any(|phase| phase.energy_j.is_some()) {
        true => {
            basis(drawn, INTERVAL, drawn.summary.totals.basis.clone())
                + &chart("phases", no, "Energy of phases")
                + &tables::phases(drawn)
        }
        false => no_energy(drawn, "The energy of phases is unknown."),
    };
    section(&id(no, "phases"), "Phases", how, &content)
}

/// Returns the section that replaces phases if no span has that role.
fn roots(drawn: &DrawnRun, no: usize) -> String {
    let how = "Inclusive energy of root spans; they may overlap in time.";
    let content = match drawn.summary.roots.is_empty() {
        true => no_energy(drawn, "The energy of spans is unknown."),
        false => {
            basis(
                drawn,
                LEDGER,
                drawn.ledger.basis().map(|set| set.to_string()),
            ) + &tables::roots(drawn)
        }
    };
    section(&id(no, "phases"), "Root spans", how, &content)
}

fn power(drawn: &DrawnRun, no: usize) -> String {
    let how = "Lines are mean power; the shade behind them spans the lowest to the highest \
               sample of a step. Bands are phases, dashed lines idle power, triangles peaks.";
    let content = match &drawn.data.timeline {
        None => no_energy(drawn, "There are no power samples of the run."),
        Some(timeline) => {
            let mut notes = Vec::new();
            if timeline.rails_left_out > 0 {
                notes.push(format!(
                    "{} more rails are not drawn.",
                    timeline.rails_left_out
                ));
            }
            if timeline.bands_cut {
                notes.push("Only the first phases are marked.".to_owned());
            }
            let thinned = timeline
                .rails
                .iter()
                .any(|rail| rail.windows > rail.steps.len());
            if thinned {
                notes.push("Each step merges several samples.".to_owned());
            }
            if timeline.rails.iter().any(|rail| rail.clock_offset_ns != 0) {
                notes.push(
                    "Samples are shown by the program's clock: the estimated offset of \
                     the sensor's clock is subtracted."
                        .to_owned(),
                );
            }
            basis(drawn, "Mean power of samples.", None)
                + &chart("timeline", no, "Power over time")
                + &paragraph("note", &notes.join(" "))
                + &tables::power(timeline)
        }
    };
    section(&id(no, "power"), "Power over time", how, &content)
}

fn layers(drawn: &DrawnRun, no: usize) -> String {
    let how = "Rows are layers, columns are components; a stronger shade is more energy. Arrow \
               keys \
               move from cell to cell. (remainder) is outside of all layers or components.";
    let content = match &drawn.data.matrix {
        None => no_energy(drawn, "No span has the role layer or component."),
        Some(_) if drawn.data.tree.is_none() => no_energy(drawn, "Its spans have no energy."),
        Some(matrix) => {
            basis(
                drawn,
                LEDGER,
                drawn.ledger.basis().map(|set| set.to_string()),
            ) + &chart("heatmap", no, "Energy of layers by component")
                + &tables::matrix(matrix)
        }
    };
    section(&id(no, "layers"), "Layers and components", how, &content)
}

fn tokens(drawn: &DrawnRun, no: usize) -> String {
    let how = "Each bar is the total energy of the rails while a token was generated, its \
               whisker the 90 % \
               interval. The line is the cumulative energy; triangles mark outliers.";
    let content = match &drawn.data.tokens {
        None => no_energy(drawn, "No span with the role token has an energy."),
        Some(series) if series.bars.iter().all(|bar| bar.energy_j.is_none()) => {
            no_energy(drawn, "The energy of tokens is unknown.")
        }
        Some(series) => {
            let bins = match series.per_bar {
                1 => String::new(),
                many => format!(
                    "{} tokens are too many to draw separately: {many} consecutive ones are \
                     merged; \
                     a bar shows their mean, its whisker spans the lowest to the \
                     highest. ",
                    series.tokens
                ),
            };
            let words = series.words.clone().unwrap_or_default();
            let outliers = format!(
                " {} are outliers (modified z-score above 3.5).",
                series.outliers
            );
            basis(drawn, INTERVAL, series.basis.map(|set| set.to_string()))
                + &chart("tokens", no, "Energy of tokens")
                + &paragraph("note", &(bins + &words + &outliers))
                + &tables::tokens(series)
        }
    };
    section(&id(no, "tokens"), "Token by token", how, &content)
}

/// Returns the basis of the tree's charts, with notes on merged nodes.
fn tree_notes(drawn: &DrawnRun) -> Option<String> {
    let tree = drawn.data.tree.as_ref()?;
    let merged: usize = tree.merged.iter().sum();
    let mut note = format!("{} call paths", tree.nodes);
    if merged > 0 {
        note += &format!(", of which {merged} small ones are merged as (other)");
    }
    if tree.below_j < 0.0 {
        note += &format!(
            "; {} of negative energy (baseline above power) has no area",
            crate::format::energy(Some(-tree.below_j))
        );
    }
    Some(
        basis(
            drawn,
            LEDGER,
            drawn.ledger.basis().map(|set| set.to_string()),
        ) + &paragraph("note", &(note + ".")),
    )
}

fn tree_chart(drawn: &DrawnRun, no: usize, kind: &str, label: &str, table: &str) -> String {
    match tree_notes(drawn) {
        None => no_energy(drawn, "Its spans have no energy."),
        Some(notes) => notes + &chart(kind, no, label) + table,
    }
}

fn treemap(drawn: &DrawnRun, no: usize) -> String {
    let how = "Areas of neighbours are proportional to energy; areas inside a \
               frame are its children in the tree of spans. Click, or press Enter, to zoom in, and \
               Escape to zoom out.";
    let content = tree_chart(drawn, no, "treemap", "Energy of spans as areas", "");
    section(&id(no, "treemap"), "Treemap of spans", how, &content)
}

fn flows(drawn: &DrawnRun, no: usize) -> String {
    let how = "Heights are energy, from rails on the left by phases or root spans and parts to \
               operations; energy \
               into a node flows out of it, or ends there.";
    let content = match &drawn.data.flows {
        None => no_energy(drawn, "Its spans have no energy."),
        Some(flows) => {
            basis(
                drawn,
                LEDGER,
                drawn.ledger.basis().map(|set| set.to_string()),
            ) + &chart("sankey", no, "Energy from rails to operations")
                + &tables::flows(flows)
        }
    };
    section(&id(no, "flows"), "From rails to operations", how, &content)
}

fn flame(drawn: &DrawnRun, no: usize) -> String {
    let how = "Widths are inclusive energy; click, or press Enter, to zoom in, Escape to \
               zoom out, and type a name to find it.";
    let table = drawn
        .data
        .tree
        .as_ref()
        .map(tables::tree)
        .unwrap_or_default();
    let content = tree_chart(drawn, no, "flame", "Flamegraph of spans", &table);
    section(&id(no, "flame"), "Flamegraph of spans", how, &content)
}
