//! Rails and phases for people.

use std::io::{self, Write};

use super::Summary;
use super::efficiency::joule_seconds;
use super::table::Page;
use crate::format::{UNKNOWN, energy, escape, percent, power, shorten, time_span};
use crate::query::{Balance, Phase, RailPower, is_reported, sum_known};

/// Rails side by side; more go into another table.
const RAILS: usize = 4;
/// Width from which phases show their energy x time.
const WIDE: usize = 100;

impl Page<'_> {
    pub(super) fn balance(&self, out: &mut dyn Write) -> io::Result<()> {
        let (rails, look) = (&self.summary.balance, self.look);
        if rails.is_empty() {
            self.section(out, "Energy by rail")?;
            return writeln!(
                out,
                "No rail was read: nothing measured energy during this run."
            );
        }
        self.section(out, "Energy by rail, whole run")?;
        let powers = self.summary.efficiency.rails.chunks(RAILS);
        for (rails, powers) in rails.chunks(RAILS).zip(powers) {
            let names = rails.iter().map(|rail| shorten(&escape(&rail.rail), 14));
            let header: Vec<String> = std::iter::once("account".to_owned()).chain(names).collect();
            let mut rows = accounts(rails);
            rows.extend(power_rows(powers));
            writeln!(out, "{}", look.table(&header, &rows))?;
        }
        let faults = self.summary.faults();
        for (rail, fault) in &faults {
            let text = format!(
                "ACCOUNTS DO NOT BALANCE: {} is off by {}. Do not use these figures; attribute again.",
                escape(&rail.rail),
                energy(Some(*fault))
            );
            writeln!(out, "{}", look.alarm(&text))?;
        }
        if faults.is_empty() && rails.iter().any(|rail| rail.measured_j.is_some()) {
            let note = format!("Accounts sum to what was {}: yes.", self.verb());
            writeln!(out, "{}", look.note(&note))?;
        }
        Ok(())
    }

    pub(super) fn phases(&self, out: &mut dyn Write) -> io::Result<()> {
        let summary = self.summary;
        if summary.phases.is_empty() {
            return Ok(());
        }
        self.section(out, "Phases")?;
        let is_wide = self.width() >= WIDE;
        let coverages = summary.phases.iter().map(|phase| phase.coverage);
        let has_gaps = coverages.chain([summary.totals.coverage]).any(is_reported);
        let row = |phase: &Phase| {
            let mut row = vec![
                shorten(&escape(&phase.phase), 24),
                time_span(phase.duration_ns),
                energy(phase.energy_j),
                energy(phase.active_j),
                percent(phase.share),
                power(phase.avg_w),
            ];
            row.extend(peak(summary).map(|_| power(phase.peak_w)));
            row.extend(has_gaps.then(|| percent(phase.coverage)));
            row.extend(is_wide.then(|| joule_seconds(phase.energy_delay_js)));
            row
        };
        let mut rows: Vec<_> = summary.phases.iter().map(row).collect();
        let totals = &summary.totals;
        let average = totals
            .energy_j
            .zip(totals.duration_ns)
            .filter(|(_, ns)| *ns > 0);
        let mut total = vec![
            "total".to_owned(),
            time_span(totals.duration_ns),
            energy(totals.energy_j),
            energy(totals.active_j),
            percent(sum_known(summary.phases.iter().map(|phase| phase.share))),
            power(average.map(|(e, ns)| e * 1e9 / ns as f64)),
        ];
        // Rails have their peaks at different times: no sum of them is known.
        let peak = peak(summary);
        total.extend(peak.map(|_| power(peak)));
        total.extend(has_gaps.then(|| percent(totals.coverage)));
        total.extend(is_wide.then(|| joule_seconds(totals.energy_delay_js)));
        rows.push(total);
        let mut header = vec!["phase", "time", "energy", "active", "share", "average"];
        header.extend(peak.map(|_| "peak"));
        header.extend(has_gaps.then_some("sampled"));
        header.extend(is_wide.then_some("energy x time"));
        writeln!(out, "{}", self.look.table(&header, &rows))
    }
}

fn accounts(rails: &[Balance]) -> Vec<Vec<String>> {
    let text = |name: &str, of: &dyn Fn(&Balance) -> String| {
        std::iter::once(name.to_owned())
            .chain(rails.iter().map(of))
            .collect::<Vec<_>>()
    };
    let figures = |rail: &Balance| shorten(&rail.provenance, 14);
    let part_of = |rail: &Balance| match &rail.parent {
        Some(parent) => shorten(&escape(parent), 14),
        None => "(total)".to_owned(),
    };
    let mut rows = vec![
        text("part of", &part_of),
        text("figures", &figures),
        text("in all", &|rail| energy(rail.measured_j)),
    ];
    let names = rails
        .first()
        .map(|rail| rail.accounts().map(|(name, _)| name));
    for (at, name) in names.into_iter().flatten().enumerate() {
        rows.push(text(&format!("  {name}"), &|rail| {
            energy(rail.accounts()[at].1)
        }));
    }
    let unmeasured = |rail: &Balance| energy(rail.extrapolated_j);
    rows.push(text("extrapolated (not in total)", &unmeasured));
    if rails.iter().any(|rail| is_reported(rail.coverage)) {
        rows.push(text("sampled", &|rail| percent(rail.coverage)));
    }
    rows
}

/// What rails drew on average, and when they drew most.
fn power_rows(rails: &[RailPower]) -> [Vec<String>; 4] {
    let text = |name: &str, of: &dyn Fn(&RailPower) -> String| {
        let name = std::iter::once(name.to_owned());
        name.chain(rails.iter().map(of)).collect::<Vec<_>>()
    };
    let phase = |rail: &RailPower| match (&rail.peak_phase, rail.peak_w) {
        (Some(phase), _) => shorten(&escape(phase), 14),
        (None, Some(_)) => "(no phase)".to_owned(),
        (None, None) => UNKNOWN.to_owned(),
    };
    [
        text("average power", &|rail| power(rail.avg_w)),
        text("peak power", &|rail| power(rail.peak_w)),
        text("  at", &|rail| time_span(rail.peak_ns)),
        text("  in phase", &phase),
    ]
}

fn peak(summary: &Summary) -> Option<f64> {
    summary
        .phases
        .iter()
        .filter_map(|phase| phase.peak_w)
        .reduce(f64::max)
}
