//! The sections of one run, in their order. Each says how it is read; where there is
//! nothing to draw it says why.

use super::drawn::Drawn;
use super::head::head;
use super::markup::{chart, details, paragraph, section};
use super::name::name;
use super::tables;
use crate::ask::{self, Scope};
use crate::error::Result;
use crate::query::Recording;

/// Names of sections, in their order: id, title in the table of contents.
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

const LEDGER: &str = "Ledger figures: the active share of spans with their share of idle power.";
const INTERVAL: &str =
    "Interval figures: all that the root rails drew in that time, idle power included.";

/// All sections of run number `no`.
pub(super) fn sections(recording: &Recording, drawn: &Drawn, no: usize) -> Result<String> {
    let title = format!("{} · {}", drawn.data.title, drawn.provenance());
    let how = "Key figures of the work, with 90 % intervals where they are known; \
               – is not known.";
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
            "The same figures as numbers; click a heading, or press Enter on it, to sort.",
            &tables::all(drawn),
        ),
    ];
    Ok(parts.concat())
}

/// The id of a section of run number `no`.
pub(super) fn id(no: usize, section: &str) -> String {
    format!("run{no}-{section}")
}

/// How figures of a reading were found, below a section's sentence.
fn basis(drawn: &Drawn, reading: &str, basis: Option<&str>) -> String {
    let basis = basis.map_or(String::new(), |basis| format!(", basis {}", name(basis)));
    let method = drawn.summary.attribution.as_ref();
    let method = method.map_or(String::new(), |one| format!(", method {}", one.title()));
    let text = format!("{reading} Power {}{method}{basis}.", drawn.provenance());
    paragraph("basis", &text)
}

/// Why a run has nothing of a ledger.
fn why(drawn: &Drawn, otherwise: &str) -> String {
    let summary = &drawn.summary;
    let text = if drawn.ledger.nodes.is_empty() {
        "No span was recorded in this run."
    } else if summary.balance.is_empty() {
        "Nothing measured energy during this run: `energy doctor` tells what could."
    } else if summary.attribution.is_none() {
        "The run was not attributed: do it with `energy attribute`."
    } else {
        otherwise
    };
    paragraph("empty", text)
}

fn balance(recording: &Recording, drawn: &Drawn, no: usize) -> Result<String> {
    let how = "Each bar is all energy of one rail over the whole recording, cut into its \
               accounts; what lies left of zero is negative.";
    let accounts = &drawn.data.accounts;
    let answer = ask::balance(recording, &drawn.summary.run, &Scope::default())?;
    let table = details("Accounts as a table", accounts.len() * 10, &answer.html());
    let content = if accounts.iter().any(|rail| rail.measured_j.is_some()) {
        let sums = accounts.iter().map(|rail| match rail.fault_j {
            None => format!(
                "{}: accounts sum to what was {}.",
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
            (!names.is_empty())
                .then(|| format!("Not known of {}: {}.", rail.rail, names.join(", ")))
        });
        let told: Vec<String> = sums.chain(unknown).collect();
        basis(drawn, "Energies of whole rails.", None)
            + &chart("balance", no, "Accounts of each rail")
            + &paragraph("note", &told.join(" "))
            + &table
    } else {
        let text = match accounts.is_empty() {
            true => "No rail was read: nothing measured energy during this run.",
            false => "Nothing was attributed: do it with `energy attribute`.",
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

fn conditions(drawn: &Drawn, no: usize) -> String {
    let how = "What makes two runs alike: each condition when the run started and when it ended.";
    let content = match drawn.summary.conditions.is_empty() {
        true => paragraph(
            "empty",
            "None is known: the run was imported, or recorded before conditions were.",
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

fn phases(drawn: &Drawn, no: usize) -> String {
    if drawn.data.phases.is_empty() {
        return roots(drawn, no);
    }
    let how = "Each bar is all that the rails drew while a phase ran: idle part hatched, whisker \
               its 90 % interval; phases and the time between them sum to the total.";
    let phases = &drawn.data.phases;
    let content = match phases.iter().any(|phase| phase.energy_j.is_some()) {
        true => {
            basis(drawn, INTERVAL, drawn.summary.totals.basis.as_deref())
                + &chart("phases", no, "Energy of phases")
                + &tables::phases(drawn)
        }
        false => why(drawn, "No energy of phases is known."),
    };
    section(&id(no, "phases"), "Phases", how, &content)
}

/// In place of phases, where no span has that role.
fn roots(drawn: &Drawn, no: usize) -> String {
    let how = "Energy of root spans with all below them; they may overlap in time.";
    let content = match drawn.summary.roots.is_empty() {
        true => why(drawn, "No energy of spans is known."),
        false => basis(drawn, LEDGER, drawn.ledger.basis().as_deref()) + &tables::roots(drawn),
    };
    section(&id(no, "phases"), "Root spans", how, &content)
}

fn power(drawn: &Drawn, no: usize) -> String {
    let how = "Lines are mean power, the shade behind them reaches from the lowest to the highest \
               sample of a step; bands are phases, dashes idle power, triangles peaks.";
    let content = match &drawn.data.timeline {
        None => why(drawn, "Nothing was sampled while it ran."),
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
                notes.push("Steps hold several samples each; none is left out.".to_owned());
            }
            if timeline.rails.iter().any(|rail| rail.offset_ns != 0) {
                notes.push(
                    "Samples stand where the program's clock has them: the estimated offset of \
                     the sensor's clock is taken off."
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

fn layers(drawn: &Drawn, no: usize) -> String {
    let how = "Rows are layers, columns components; the stronger the shade, the more. Arrow keys \
               move from cell to cell. (rest) is what is in no layer or no component.";
    let content = match &drawn.data.matrix {
        None => why(drawn, "No span has the role layer or component."),
        Some(_) if drawn.data.tree.is_none() => why(drawn, "Its spans hold no energy."),
        Some(matrix) => {
            basis(drawn, LEDGER, drawn.ledger.basis().as_deref())
                + &chart("heatmap", no, "Energy of layers by component")
                + &tables::matrix(matrix)
        }
    };
    section(&id(no, "layers"), "Layers and components", how, &content)
}

fn tokens(drawn: &Drawn, no: usize) -> String {
    let how = "Each bar is all that the rails drew while a token was made, its whisker the 90 % \
               interval; the line adds them up; triangles mark tokens that stand out.";
    let content = match &drawn.data.tokens {
        None => why(
            drawn,
            "No span has the role token and an energy of its own.",
        ),
        Some(series) if series.bars.iter().all(|bar| bar.energy_j.is_none()) => {
            why(drawn, "No energy of tokens is known.")
        }
        Some(series) => {
            let bins = match series.per_bar {
                1 => String::new(),
                many => format!(
                    "{} tokens are too many to be told apart: {many} in a row are taken together; \
                     a bar is as high as their mean, its whisker reaches from the lowest to the \
                     highest. ",
                    series.tokens
                ),
            };
            let words = series.words.clone().unwrap_or_default();
            let standing = format!(
                " {} stand out (modified z-score above 3.5).",
                series.outliers
            );
            basis(drawn, INTERVAL, series.basis.as_deref())
                + &chart("tokens", no, "Energy of tokens")
                + &paragraph("note", &(bins + &words + &standing))
                + &tables::tokens(series)
        }
    };
    section(&id(no, "tokens"), "Token by token", how, &content)
}

/// The basis of charts of the tree, and what is folded in them.
fn tree_notes(drawn: &Drawn) -> Option<String> {
    let tree = drawn.data.tree.as_ref()?;
    let folded: usize = tree.folded.iter().sum();
    let mut note = format!("{} nodes", tree.nodes);
    if folded > 0 {
        note += &format!(", of which {folded} small ones are drawn together as (other)");
    }
    if tree.below_j < 0.0 {
        note += &format!(
            "; {} below zero (baseline above power) has no area",
            crate::format::energy(Some(-tree.below_j))
        );
    }
    Some(basis(drawn, LEDGER, drawn.ledger.basis().as_deref()) + &paragraph("note", &(note + ".")))
}

fn of_tree(drawn: &Drawn, no: usize, kind: &str, label: &str, table: &str) -> String {
    match tree_notes(drawn) {
        None => why(drawn, "Its spans hold no energy."),
        Some(notes) => notes + &chart(kind, no, label) + table,
    }
}

fn treemap(drawn: &Drawn, no: usize) -> String {
    let how = "Beside each other areas are in proportion to joules, and what lies inside of a \
               frame is below it in the tree of spans; click, or press Enter, to go in, and \
               Escape to go out.";
    let content = of_tree(drawn, no, "treemap", "Energy of spans as areas", "");
    section(&id(no, "treemap"), "Treemap of spans", how, &content)
}

fn flows(drawn: &Drawn, no: usize) -> String {
    let how = "Heights are joules: from rails on the left by phases or root spans and parts to operations; what \
               flows into a node flows out of it, or ends there.";
    let content = match &drawn.data.flows {
        None => why(drawn, "Its spans hold no energy."),
        Some(flows) => {
            basis(drawn, LEDGER, drawn.ledger.basis().as_deref())
                + &chart("sankey", no, "Energy from rails to operations")
                + &tables::flows(flows)
        }
    };
    section(&id(no, "flows"), "From rails to operations", how, &content)
}

fn flame(drawn: &Drawn, no: usize) -> String {
    let how = "Widths are joules with all that is below; click, or press Enter, to zoom, Escape to \
               go out, and type a name to find it.";
    let table = drawn
        .data
        .tree
        .as_ref()
        .map(tables::tree)
        .unwrap_or_default();
    let content = of_tree(drawn, no, "flame", "Flamegraph of spans", &table);
    section(&id(no, "flame"), "Flamegraph of spans", how, &content)
}
