//! The list for people.

use std::io::{self, Write};

use super::Ops;
use crate::format::screen::Look;
use crate::format::{energy, escape, percent, power, time_span};

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
    let header = [
        ops.by.name(),
        "energy",
        "from",
        "to",
        "share",
        "time",
        "power",
    ];
    writeln!(out, "{}", look.table(&header, &rows(ops)))?;
    let has_interval = ops.shares.iter().any(|share| share.lo_j.is_some());
    if has_interval {
        writeln!(out, "From .. to is a 90 % interval.")?;
    }
    Ok(())
}

fn rows(ops: &Ops) -> Vec<Vec<String>> {
    let whole: f64 = ops.shares.iter().map(|share| share.energy_j).sum();
    let shares = ops.shares.iter().map(|share| {
        let watts = share.energy_j * 1e9 / share.self_ns as f64;
        vec![
            escape(&share.name),
            energy(Some(share.energy_j)),
            energy(share.lo_j),
            energy(share.hi_j),
            percent((whole > 0.0).then(|| share.energy_j / whole)),
            time_span(Some(share.self_ns)),
            power((share.self_ns > 0).then_some(watts)),
        ]
    });
    let accounts = ops.accounts.rows().into_iter().map(|(name, joules)| {
        let mut row = vec![String::new(); 7];
        (row[0], row[1]) = (name.to_owned(), energy(joules));
        row
    });
    shares.chain(accounts).collect()
}
