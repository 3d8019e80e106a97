//! Comparison of rails that two sources meter.

use energy_power::characterise::SourceObservation;
use energy_power::{Description, Provenance, RailKind};
use serde_json::{Value, json};

use crate::format::Column;

/// Largest relative difference between two sources that agree.
const TOLERANCE: f64 = 0.2;

pub(super) fn columns() -> Vec<Column> {
    vec![
        Column::text("kind", "meters"),
        Column::text("one", "source A"),
        Column::power("one_w", "power A"),
        Column::text("other", "source B"),
        Column::power("other_w", "power B"),
        Column::number("ratio", "ratio"),
        Column::text("verdict", "verdict"),
    ]
}

/// Compares the rail kinds that two measured sources meter, as roots or parts.
pub(super) fn check<'a>(
    usable: impl Iterator<Item = (&'a Description, &'a SourceObservation)>,
) -> Vec<Value> {
    let mut metered: Vec<(RailKind, String, f64)> = Vec::new();
    for (description, seen) in usable {
        if description.provenance != Provenance::Measured {
            continue;
        }
        for kind in [
            RailKind::Cpu,
            RailKind::Gpu,
            RailKind::Ane,
            RailKind::Package,
        ] {
            let rails = description.rails.iter().zip(&seen.rails);
            let own = rails.filter(|(rail, _)| rail.kind == kind);
            let watts: Vec<f64> = own
                .filter_map(|(_, seen)| Some(seen.power?.watts()))
                .collect();
            if !watts.is_empty() {
                metered.push((kind, description.name.clone(), watts.iter().sum()));
            }
        }
    }
    let mut rows = Vec::new();
    for (at, (kind, one, one_w)) in metered.iter().enumerate() {
        for (_, other, other_w) in metered[at + 1..].iter().filter(|other| other.0 == *kind) {
            let ratio = (*one_w > 0.0).then(|| other_w / one_w);
            let agree = ratio.map(|ratio| (ratio - 1.0).abs() <= TOLERANCE);
            let verdict = match agree {
                Some(true) => "agree",
                Some(false) => "DIFFER: trust neither",
                None => "-",
            };
            rows.push(json!({
                "kind": kind.name(), "one": one, "one_w": one_w,
                "other": other, "other_w": other_w, "ratio": ratio, "verdict": verdict,
            }));
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use energy_data::units::{Nanos, Power};
    use energy_power::characterise::RailCharacteristics;
    use energy_power::{Kernel, Rail};

    fn source(name: &str, kind: RailKind, watts: f64) -> (Description, SourceObservation) {
        let description = Description {
            name: name.into(),
            rails: vec![Rail {
                name: kind.name().into(),
                kind,
                parent: None,
                unit: "mJ",
            }],
            interval: Nanos::from_millis(100),
            kernel: Kernel::Box,
            provenance: Provenance::Measured,
            limits: Vec::new(),
        };
        let seen = SourceObservation {
            rails: vec![RailCharacteristics {
                samples: 5,
                power: Some(Power::from_watts(watts)),
                ..RailCharacteristics::default()
            }],
            ..SourceObservation::default()
        };
        (description, seen)
    }

    #[test]
    fn rails_metered_by_two_sources_are_compared() {
        let all = [
            source("a", RailKind::Cpu, 10.0),
            source("b", RailKind::Cpu, 11.0),
            source("c", RailKind::Gpu, 3.0),
            source("d", RailKind::Gpu, 9.0),
            source("e", RailKind::Package, 9.0),
        ];
        let rows = check(all.iter().map(|(description, seen)| (description, seen)));
        let compared: Vec<_> = rows
            .iter()
            .map(|row| (&row["kind"], &row["verdict"]))
            .collect();
        assert_eq!(compared.len(), 2);
        assert_eq!(
            (compared[0].0, compared[0].1),
            (&json!("cpu"), &json!("agree"))
        );
        assert_eq!(
            (compared[1].0, compared[1].1),
            (&json!("gpu"), &json!("DIFFER: trust neither"))
        );
    }
}
