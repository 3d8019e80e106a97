//! Rails and phases in the summary table.

use std::io::{self, Write};

use super::data::Summary;
use super::efficiency::joule_seconds;
use super::page::SummaryPage;
use crate::format::{UNKNOWN, energy, escape, percent, power, shorten, time_span};
use crate::query::{Balance, Phase, RailPower, average_w, is_reported, sampled_name, sum_known};

/// Number of rails side by side; further rails go into another table.
const RAILS: usize = 4;
/// Minimum width at which phases show their energy-delay product.
const WIDE: usize = 100;

impl SummaryPage<'_> {
    pub(super) fn balance(&self, out: &mut dyn Write) -> io::Result<()> {
        let (rails, style) = (&self.summary.balance, self.style);
        if rails.is_empty() {
            self.section(out, "Energy by rail")?;
            return writeln!(
                out,
                "No rail was read: no energy was measured during this run."
            );
        }
        self.section(out, "Energy by rail, whole run")?;
        let powers = self.summary.efficiency.rails.chunks(RAILS);
        for (rails, powers) in rails.chunks(RAILS).zip(powers) {
            let names = rails.iter().map(|rail| shorten(&escape(&rail.rail), 14));
            let header: Vec<String> = std::iter::once("account".to_owned()).chain(names).collect();
            let mut rows = accounts(rails);
            rows.extend(power_rows(powers));
            writeln!(out, "{}", style.table(&header, &rows))?;
        }
        let faults = self.summary.faults();
        for (rail, fault) in &faults {
            let text = format!(
                "ACCOUNTS DO NOT BALANCE: {} is off by {}. Run `energy attribute` again.",
                escape(&rail.rail),
                energy(Some(*fault))
            );
            writeln!(out, "{}", style.alarm(&text))?;
        }
        if faults.is_empty() && rails.iter().any(|rail| rail.measured_j.is_some()) {
            let note = format!("Accounts sum to the {} energy: yes.", sampled_name(rails));
            writeln!(out, "{}", style.note(&note))?;
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
        let mut total = vec![
            "total".to_owned(),
            time_span(totals.duration_ns),
            energy(totals.energy_j),
            energy(totals.active_j),
            percent(sum_known(summary.phases.iter().map(|phase| phase.share))),
            power(average_w(totals.energy_j, totals.duration_ns)),
        ];
        // Peaks of rails are at different times, so their sum is not a peak.
        let peak = peak(summary);
        total.extend(peak.map(|_| power(peak)));
        total.extend(has_gaps.then(|| percent(totals.coverage)));
        total.extend(is_wide.then(|| joule_seconds(totals.energy_delay_js)));
        rows.push(total);
        let mut header = vec!["phase", "time", "energy", "active", "share", "average"];
        header.extend(peak.map(|_| "peak"));
        header.extend(has_gaps.then_some("coverage"));
        header.extend(is_wide.then_some("energy-delay product"));
        writeln!(out, "{}", self.style.table(&header, &rows))
    }
}

fn accounts(rails: &[Balance]) -> Vec<Vec<String>> {
    let text = |name: &str, of: &dyn Fn(&Balance) -> String| {
        std::iter::once(name.to_owned())
            .chain(rails.iter().map(of))
            .collect::<Vec<_>>()
    };
    let source = |rail: &Balance| shorten(&rail.provenance, 14);
    let parent = |rail: &Balance| match &rail.parent {
        Some(parent) => shorten(&escape(parent), 14),
        None => "(total)".to_owned(),
    };
    let mut rows = vec![
        text("parent rail", &parent),
        text("source", &source),
        text(sampled_name(rails), &|rail| energy(rail.measured_j)),
    ];
    let names = rails
        .first()
        .map(|rail| rail.accounts().map(|(name, _)| name));
    for (at, name) in names.into_iter().flatten().enumerate() {
        rows.push(text(&format!("  {name}"), &|rail| {
            energy(rail.displayed_accounts()[at].1)
        }));
    }
    rows.push(text("extrapolated", &|rail| energy(rail.extrapolated_j)));
    rows.push(text("total", &|rail| energy(rail.total_j())));
    if rails.iter().any(|rail| is_reported(rail.coverage)) {
        rows.push(text("coverage", &|rail| percent(rail.coverage)));
    }
    rows
}

/// Returns the rows of mean and peak power.
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
