//! Creates rails and samples from documents, for the live source and for replay.

use super::document::RailEnergy;
use crate::rail::{Rail, Sample};
use energy_data::RailKind;
use energy_data::units::Nanos;

/// Returns the rails of a document. A package contains all others.
pub(crate) fn describe(rails: &[RailEnergy]) -> Vec<Rail> {
    let mut described = Vec::new();
    extend(&mut described, rails);
    described
}

/// Appends the rails of a later document.
pub(crate) fn extend(rails: &mut Vec<Rail>, new: &[RailEnergy]) {
    rails.extend(new.iter().map(|rail| Rail {
        name: rail.name.to_owned(),
        kind: rail.kind,
        parent: None,
        unit: rail.unit,
    }));
    let package = rails.iter().position(|rail| rail.kind == RailKind::Package);
    for (index, rail) in rails.iter_mut().enumerate() {
        rail.parent = package.filter(|&package| package != index);
    }
}

/// Returns the position of a rail among those of all documents, parents first.
#[cfg(any(test, feature = "replay"))]
pub(crate) fn order(name: &str) -> Option<usize> {
    let order = ["package", "cpu", "gpu", "ane", "dram"];
    order.iter().position(|known| *known == name)
}

/// Returns one sample for each rail, without energy if this document lacks the rail.
pub(crate) fn samples(
    rails: &[Rail],
    energies: &[RailEnergy],
    start: Nanos,
    end: Nanos,
) -> impl Iterator<Item = Sample> {
    rails.iter().enumerate().map(move |(index, rail)| Sample {
        rail: index,
        start,
        end,
        energy: energies
            .iter()
            .find(|energy| energy.name == rail.name)
            .and_then(|energy| energy.energy),
    })
}
