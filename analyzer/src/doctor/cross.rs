//! What two sources meter must be the same.

use serde_json::{Value, json};
use tracing_energy::power::characterise::Seen;
use tracing_energy::power::{Description, Provenance, RailKind};

use crate::format::Column;

/// Further apart than this, at least one of them is wrong.
const APART: f64 = 0.2;

pub(super) fn columns() -> Vec<Column> {
    vec![
        Column::text("kind", "meters"),
        Column::text("one", "one"),
        Column::power("one_w", "it says"),
        Column::text("other", "the other"),
        Column::power("other_w", "it says"),
        Column::number("ratio", "ratio"),
        Column::text("verdict", "verdict"),
    ]
}

/// Kinds that are metered by two measured sources, as roots or parts.
pub(super) fn check<'a>(usable: impl Iterator<Item = (&'a Description, &'a Seen)>) -> Vec<Value> {
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
            let agree = ratio.map(|ratio| (ratio - 1.0).abs() <= APART);
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
    use tracing_energy::power::characterise::Character;
    use tracing_energy::power::{Kernel, Rail};
    use tracing_energy::units::{Nanos, Power};

    fn source(name: &str, kind: RailKind, watts: f64) -> (Description, Seen) {
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
        let seen = Seen {
            rails: vec![Character {
                samples: 5,
                power: Some(Power::from_watts(watts)),
                ..Character::default()
            }],
            ..Seen::default()
        };
        (description, seen)
    }

    #[test]
    fn what_is_metered_twice_is_compared() {
        let all = [
            source("a", RailKind::Cpu, 10.0),
            source("b", RailKind::Cpu, 11.0),
            source("c", RailKind::Gpu, 3.0),
            source("d", RailKind::Gpu, 9.0),
            source("e", RailKind::Package, 9.0),
        ];
        let rows = check(all.iter().map(|(description, seen)| (description, seen)));
        let told: Vec<_> = rows
            .iter()
            .map(|row| (&row["kind"], &row["verdict"]))
            .collect();
        assert_eq!(told.len(), 2);
        assert_eq!((told[0].0, told[0].1), (&json!("cpu"), &json!("agree")));
        assert_eq!(
            (told[1].0, told[1].1),
            (&json!("gpu"), &json!("DIFFER: trust neither"))
        );
    }
}
