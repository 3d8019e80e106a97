//! The list as a table.

use std::io::{self, Write};

use super::list::{AccountEnergies, OperationList};
use crate::format::screen::OutputStyle;
use crate::format::{basis, energy, escape, percent, power, time_span};
use crate::query::{ExpertChoices, Share};
use crate::views::ViewScope;

pub(super) fn write(
    ops: &OperationList,
    out: &mut dyn Write,
    style: &OutputStyle,
) -> io::Result<()> {
    let rails: Vec<String> = ops.rails.iter().map(|rail| escape(rail)).collect();
    let title = format!(
        "{}: active self energy on {}, {}{}",
        escape(&ops.run.title()),
        rails.join(" + "),
        ops.method,
        ops.scope_text()
    );
    writeln!(out, "{}", style.heading(&title))?;
    if let Some(caveat) = ops.run.caveat() {
        let note = format!("All energies below are {caveat}.");
        writeln!(out, "{}", style.notice(&note))?;
    }
    if let Some(note) = crate::query::coverage_note(ops.coverage) {
        writeln!(out, "{}", style.notice(&note))?;
    }
    if ops
        .whole()
        .is_some_and(|accounts| accounts.idle_j.is_none())
    {
        let note = "Idle power is unknown on some rails: their spans include it.";
        writeln!(out, "{}", style.notice(note))?;
    }
    let bases = || ops.shares.iter().map(|share| share.basis);
    let differ = has_interval(ops) && basis::differ(bases());
    let mut header = vec![ops.by.heading(), "energy"];
    header.extend(
        has_interval(ops)
            .then_some(["from", "to"])
            .into_iter()
            .flatten(),
    );
    header.extend(["share", "time", "power"]);
    header.extend(differ.then_some("basis"));
    writeln!(
        out,
        "{}",
        style.table(&header, &rows(ops, header.len(), differ))
    )?;
    if ops
        .whole()
        .is_some_and(|accounts| accounts.extrapolated_j != 0.0)
    {
        let note = "(extrapolated) is for time without samples and not part of other rows.";
        writeln!(out, "{}", style.note(note))?;
    }
    if let Some(note) = choices(&ops.experts) {
        writeln!(out, "{}", style.note(&note))?;
    }
    if ops.shares.len() > ops.limit {
        let note = format!("{} of {} rows: see --limit.", ops.limit, ops.shares.len());
        writeln!(out, "{}", style.note(&note))?;
    }
    if has_interval(ops) {
        let legend = basis::legend(bases(), differ).unwrap_or_default();
        let note = format!("From .. to is a 90 % interval; {legend}.");
        writeln!(out, "{}", style.note(&note))?;
    }
    Ok(())
}

/// Sums up how often experts were chosen; `None` without experts.
fn choices(experts: &[ExpertChoices]) -> Option<String> {
    let most = experts.iter().max_by_key(|choices| choices.tokens)?;
    let all: i64 = experts.iter().map(|choices| choices.tokens).sum();
    let share = percent(Some(most.tokens as f64 / all.max(1) as f64));
    Some(format!(
        "Experts were chosen {all} times (tokens x experts per token x layers), {} of them; expert \
         {} most often, {share}.",
        experts.len(),
        most.expert
    ))
}

impl OperationList {
    /// Returns the phase and the basis; the title already names the rails.
    fn scope_text(&self) -> String {
        let rail = None;
        ViewScope {
            rail,
            ..self.scope.clone()
        }
        .text()
    }
}

fn has_interval(ops: &OperationList) -> bool {
    let known = |share: &Share| share.lo_j.or(share.hi_j).is_some();
    ops.shares.iter().any(known)
}

fn rows(ops: &OperationList, columns: usize, with_basis: bool) -> Vec<Vec<String>> {
    let whole: f64 = ops.shares.iter().map(|share| share.energy_j).sum();
    let fraction = |joules: f64| percent((whole > 0.0).then(|| joules / whole));
    let shares = ops.shares.iter().take(ops.limit).map(|share| {
        let ends = [energy(share.lo_j), energy(share.hi_j)];
        let mut row = vec![escape(&share.name), energy(Some(share.energy_j))];
        row.extend(has_interval(ops).then_some(ends).into_iter().flatten());
        row.extend([
            fraction(share.energy_j),
            time_span(Some(share.self_ns)),
            power(share.avg_w()),
        ]);
        row.extend(with_basis.then(|| basis::letters(share.basis)));
        row
    });
    let mut rows: Vec<_> = shares.collect();
    let others = ops.shares.get(ops.limit..).unwrap_or_default();
    let mut add = |name: String, joules: Option<f64>| {
        let mut row = vec![String::new(); columns];
        (row[0], row[1]) = (name, energy(joules));
        rows.push(row);
    };
    if !others.is_empty() {
        let joules = others.iter().map(|share| share.energy_j).sum();
        add(
            format!("({} others: see --limit)", others.len()),
            Some(joules),
        );
    }
    for (name, joules) in ops.whole().into_iter().flat_map(AccountEnergies::rows) {
        add(name.to_owned(), joules);
    }
    rows
}
