//! Captions of a graph: runs, total, unit, provenance and confidence.

use energy_data::BasisSet;
use energy_data::rows::Basis;

use super::options::{Divisor, GraphOptions, IdleEnergy, Measure, Value};
use super::side::SideSummary;
use super::unit::WidthUnit;
use crate::format::label;
use crate::format::{energy, percent, time_span};

/// A 90 % interval in joules.
pub(super) type EnergyInterval = Option<(f64, f64)>;

/// Captions of one graph.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Captions {
    /// Name of the runs.
    pub(super) name: String,
    /// The total with its unit and provenance.
    pub(super) summary: String,
    /// Description of widths and colours.
    pub(super) detail: String,
}

/// Formats an amount in joules or seconds.
pub(super) fn amount(measure: Measure, amount: f64) -> String {
    match measure {
        Measure::Energy => energy(Some(amount)),
        Measure::Time => time_span(Some((amount * 1e9).round() as i64)),
    }
}

/// Formats a relative change with its sign: `+3.4 %`; `None` if it was zero before.
pub(super) fn change(before: f64, after: f64) -> Option<String> {
    let change = (before > 0.0).then(|| after / before - 1.0)?;
    let sign = if change > 0.0 { "+" } else { "" };
    Some(format!("{sign}{}", percent(Some(change))))
}

/// Returns the captions of a graph with one side.
pub(super) fn captions(
    side: &SideSummary,
    options: &GraphOptions,
    per: Divisor,
    unit: WidthUnit,
    total: f64,
    interval: EnergyInterval,
) -> Captions {
    let amount = format!("{}{}", amount(options.measure, total), per.suffix());
    let summary = match options.measure {
        Measure::Energy => format!(
            "{amount}{} on {}, in {}, {}",
            of_phase(options),
            rail(options),
            unit.name,
            side.provenance
        ),
        Measure::Time => format!(
            "{amount} of self time{}, in {}",
            of_phase(options),
            unit.name
        ),
    };
    Captions {
        name: side.name.clone(),
        summary,
        detail: joined([
            confidence(side, options, interval),
            content(side.has_idle, options),
        ]),
    }
}

/// Returns the captions of a comparison.
pub(super) fn comparison_captions(
    sides: &[SideSummary; 2],
    options: &GraphOptions,
    per: Divisor,
    unit: WidthUnit,
    totals: [f64; 2],
) -> Captions {
    let [before, after] = sides;
    let change = change(totals[0], totals[1]).unwrap_or_default();
    let [was, is] =
        totals.map(|total| format!("{}{}", amount(options.measure, total), per.suffix()));
    let mut summary = format!("{is}{}, {change}, in {}", of_phase(options), unit.name);
    let mut how = vec![format!("was {was}")];
    match options.measure {
        Measure::Energy => {
            summary = format!("{summary}, {}", before.provenance);
            how.push(rail(options));
            how.push(confidence(before, options, None));
            if before.basis != after.basis {
                how.push(confidence(after, options, None));
            }
        }
        Measure::Time => summary.push_str(", self time"),
    }
    how.push(content(before.has_idle && after.has_idle, options));
    Captions {
        name: format!("{} against {}", after.name, before.name),
        summary,
        detail: joined(how),
    }
}

fn joined(parts: impl IntoIterator<Item = String>) -> String {
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("; ")
}

fn of_phase(options: &GraphOptions) -> String {
    let of = |phase: &String| format!(" of {}", label::text(phase, 28));
    options.phase.as_ref().map(of).unwrap_or_default()
}

fn rail(options: &GraphOptions) -> String {
    let one = |rail: &String| format!("rail {}", label::text(rail, 28));
    options
        .rail
        .as_ref()
        .map_or("all root rails".to_owned(), one)
}

/// Describes the attribution methods and the confidence of the total: `fitted, no interval of
/// the total`.
fn confidence(side: &SideSummary, options: &GraphOptions, interval: EnergyInterval) -> String {
    if options.measure == Measure::Time {
        return String::new();
    }
    let is_method =
        |one: &Basis| !matches!(one, Basis::Measured | Basis::Modelled | Basis::Replayed);
    let bases = side.basis.into_iter().flat_map(BasisSet::iter);
    let methods: Vec<&str> = bases.filter(is_method).map(Basis::name).collect();
    let interval_text = match interval.map(|(lo, hi)| (energy(Some(lo)), energy(Some(hi)))) {
        Some((lo, hi)) => format!("90 % interval of the total {lo} .. {hi}"),
        None if side.has_intervals => "no interval of the total".to_owned(),
        // Modelled energies never have an interval, so its absence needs no mention.
        None if side.basis == Some(Basis::Modelled.into()) => return String::new(),
        None => "no interval".to_owned(),
    };
    match methods.as_slice() {
        [] => interval_text,
        methods => format!("{}, {interval_text}", methods.join("+")),
    }
}

/// Describes the content of a stack and its direction.
fn content(has_idle: bool, options: &GraphOptions) -> String {
    let text = match (options.measure, has_idle, options.idle) {
        (Measure::Time, ..) => "self time of spans, all threads added",
        (_, false, _) => "self energy of spans, idle power not subtracted (no baseline)",
        (_, true, IdleEnergy::Exclude) => "active self energy of spans, without idle energy",
        (_, true, IdleEnergy::Include) => "self energy of spans with their share of idle energy",
    };
    match options.value {
        Value::Inclusive => text.to_owned(),
        Value::Own => format!("{text}, by span; callers on top"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_have_a_sign_or_are_unknown() {
        assert_eq!(change(2.0, 3.0).as_deref(), Some("+50.0 %"));
        assert_eq!(change(2.0, 1.0).as_deref(), Some("-50.0 %"));
        assert_eq!(change(2.0, 2.0).as_deref(), Some("0.0 %"));
        assert_eq!(change(0.0, 1.0), None);
    }
}
