//! Rails and samples from documents, for the live source and for replay.

use super::document::RailEnergy;
use crate::power::{Rail, RailKind, Sample};
use crate::units::Nanos;

/// The rails of a document: all others lie inside the package, if there is one.
pub(in crate::power) fn describe(rails: &[RailEnergy]) -> Vec<Rail> {
    let package = rails.iter().position(|rail| rail.kind == RailKind::Package);
    let describe = |(index, rail): (usize, &RailEnergy)| Rail {
        name: rail.name.to_owned(),
        kind: rail.kind,
        parent: package.filter(|&package| package != index),
        unit: rail.unit,
    };
    rails.iter().enumerate().map(describe).collect()
}

/// Where a rail stands among those of all documents: a containing one first.
pub(in crate::power) fn order(name: &str) -> Option<usize> {
    let order = ["package", "cpu", "gpu", "ane", "dram"];
    order.iter().position(|known| *known == name)
}

/// One sample for each rail; without energy where this document has none.
pub(in crate::power) fn samples(
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
