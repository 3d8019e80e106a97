//! What is said above a graph: whose figures, how much, in which unit, how they came
//! to be and how sure they are.

use super::gather::Facts;
use super::label;
use super::options::{Idle, Measure, Per, Value, What};
use super::unit::Unit;
use crate::format::{energy, percent, time_span};

/// An interval of 90 %, in joules.
pub(super) type Interval = Option<(f64, f64)>;

/// Words around one graph.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Words {
    /// The runs.
    pub(super) name: String,
    /// The total with its unit and provenance.
    pub(super) figure: String,
    /// What widths and colours are.
    pub(super) detail: String,
}

/// An amount of a measure: joules or seconds.
pub(super) fn amount(measure: Measure, amount: f64) -> String {
    match measure {
        Measure::Energy => energy(Some(amount)),
        Measure::Time => time_span(Some((amount * 1e9).round() as i64)),
    }
}

/// A change with its sign: `+3.4 %`; nothing where there was nothing before.
pub(super) fn change(before: f64, after: f64) -> Option<String> {
    let change = (before > 0.0).then(|| after / before - 1.0)?;
    let sign = if change > 0.0 { "+" } else { "" };
    Some(format!("{sign}{}", percent(Some(change))))
}

/// Words of a graph of one side.
pub(super) fn of_one(
    facts: &Facts,
    what: &What,
    per: Per,
    unit: Unit,
    total: f64,
    interval: Interval,
) -> Words {
    let amount = format!("{}{}", amount(what.measure, total), per.suffix());
    let figure = match what.measure {
        Measure::Energy => format!(
            "{amount}{} on {}, in {}, {}",
            of_phase(what),
            rail(what),
            unit.name,
            facts.provenance
        ),
        Measure::Time => format!("{amount} of self time{}, in {}", of_phase(what), unit.name),
    };
    Words {
        name: facts.name.clone(),
        figure,
        detail: joined([
            certainty(facts, what, interval),
            reading(facts.has_idle, what),
        ]),
    }
}

/// Words of a comparison.
pub(super) fn of_two(
    sides: &[Facts; 2],
    what: &What,
    per: Per,
    unit: Unit,
    totals: [f64; 2],
) -> Words {
    let [before, after] = sides;
    let change = change(totals[0], totals[1]).unwrap_or_default();
    let [was, is] = totals.map(|total| format!("{}{}", amount(what.measure, total), per.suffix()));
    let mut figure = format!("{is}{}, {change}, in {}", of_phase(what), unit.name);
    let mut how = vec![format!("was {was}")];
    match what.measure {
        Measure::Energy => {
            figure = format!("{figure}, {}", before.provenance);
            how.push(rail(what));
            how.push(certainty(before, what, None));
            if before.basis != after.basis {
                how.push(certainty(after, what, None));
            }
        }
        Measure::Time => figure.push_str(", self time"),
    }
    how.push(reading(before.has_idle && after.has_idle, what));
    Words {
        name: format!("{} against {}", after.name, before.name),
        figure,
        detail: joined(how),
    }
}

fn joined(parts: impl IntoIterator<Item = String>) -> String {
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("; ")
}

fn of_phase(what: &What) -> String {
    let of = |phase: &String| format!(" of {}", label::text(phase, 28));
    what.phase.as_ref().map(of).unwrap_or_default()
}

fn rail(what: &What) -> String {
    let one = |rail: &String| format!("rail {}", label::text(rail, 28));
    what.rail.as_ref().map_or("all root rails".to_owned(), one)
}

/// How energies were divided and how sure the total is: `fitted, no interval of the total`.
fn certainty(facts: &Facts, what: &What, interval: Interval) -> String {
    if what.measure == Measure::Time {
        return String::new();
    }
    let bases = facts.basis.as_deref().unwrap_or_default();
    let methods: Vec<&str> = bases
        .split('+')
        .filter(|basis| !["", "measured", "modelled", "replayed"].contains(basis))
        .collect();
    let sure = match interval.map(|(lo, hi)| (energy(Some(lo)), energy(Some(hi)))) {
        Some((lo, hi)) => format!("90 % interval of the total {lo} .. {hi}"),
        None if facts.has_intervals => "no interval of the total".to_owned(),
        // That a model cannot be sure needs no words.
        None if bases == "modelled" => return String::new(),
        None => "no interval".to_owned(),
    };
    match methods.as_slice() {
        [] => sure,
        methods => format!("{}, {sure}", methods.join("+")),
    }
}

/// What a stack holds and which way it is read.
fn reading(has_idle: bool, what: &What) -> String {
    let holds = match (what.measure, has_idle, what.idle) {
        (Measure::Time, ..) => "self time of spans, all threads added",
        (_, false, _) => "self energy of spans, idle power not taken off (no baseline)",
        (_, true, Idle::Exclude) => "active self energy of spans, without idle energy",
        (_, true, Idle::Include) => "self energy of spans with their share of idle energy",
    };
    match what.value {
        Value::Inclusive => holds.to_owned(),
        Value::Own => format!("{holds}, by span; callers stand on it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_have_a_sign_or_are_not_known() {
        assert_eq!(change(2.0, 3.0).as_deref(), Some("+50.0 %"));
        assert_eq!(change(2.0, 1.0).as_deref(), Some("-50.0 %"));
        assert_eq!(change(2.0, 2.0).as_deref(), Some("0.0 %"));
        assert_eq!(change(0.0, 1.0), None);
    }
}
