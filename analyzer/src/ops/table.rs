//! The list for people.

use std::io::{self, Write};

use super::Ops;
use crate::format::screen::Look;
use crate::format::{basis, energy, escape, percent, power, time_span};
use crate::query::Share;

pub(super) fn write(ops: &Ops, out: &mut dyn Write, look: &Look) -> io::Result<()> {
    let rails: Vec<String> = ops.rails.iter().map(|rail| escape(rail)).collect();
    let title = format!(
        "{}: active self energy on {}, {}",
        escape(&ops.run.title()),
        rails.join(" + "),
        ops.method
    );
    writeln!(out, "{}", look.heading(&title))?;
    if let Some(caveat) = ops.run.caveat() {
        let note = format!("All figures below are {caveat}.");
        writeln!(out, "{}", look.notice(&note))?;
    }
    if ops.accounts.idle_j.is_none() {
        let note = "Idle power is not known on every rail: spans hold it where it is not.";
        writeln!(out, "{}", look.notice(note))?;
    }
    let bases = || ops.shares.iter().map(|share| share.basis.as_deref());
    let differ = has_interval(ops) && basis::differ(bases());
    let mut header = vec![
        ops.by.name(),
        "energy",
        "from",
        "to",
        "share",
        "time",
        "power",
    ];
    header.extend(differ.then_some("by"));
    writeln!(out, "{}", look.table(&header, &rows(ops, differ)))?;
    if has_interval(ops) {
        let legend = basis::legend(bases(), differ).unwrap_or_default();
        writeln!(out, "From .. to is a 90 % interval; {legend}.")?;
    }
    Ok(())
}

fn has_interval(ops: &Ops) -> bool {
    let known = |share: &Share| share.lo_j.or(share.hi_j).is_some();
    ops.shares.iter().any(known)
}

fn rows(ops: &Ops, with_basis: bool) -> Vec<Vec<String>> {
    let whole: f64 = ops.shares.iter().map(|share| share.energy_j).sum();
    let shares = ops.shares.iter().map(|share| {
        let watts = share.energy_j * 1e9 / share.self_ns as f64;
        let mut row = vec![
            escape(&share.name),
            energy(Some(share.energy_j)),
            energy(share.lo_j),
            energy(share.hi_j),
            percent((whole > 0.0).then(|| share.energy_j / whole)),
            time_span(Some(share.self_ns)),
            power((share.self_ns > 0).then_some(watts)),
        ];
        row.extend(with_basis.then(|| basis::letters(share.basis.as_deref())));
        row
    });
    let accounts = ops.accounts.rows().into_iter().map(|(name, joules)| {
        let mut row = vec![String::new(); 7 + usize::from(with_basis)];
        (row[0], row[1]) = (name.to_owned(), energy(joules));
        row
    });
    shares.chain(accounts).collect()
}
