//! Finds rails that meter the same domain.

use super::{Place, Placement, PlacementModel, names};
use energy_data::RailKind;

impl PlacementModel<'_> {
    /// Places each rail that meters the same domain as another one inside that one.
    pub(super) fn find_repeated(&mut self) {
        for at in 0..self.members.len() {
            if let Placement::Repeats(of) = self.members[at].placement {
                self.repeats(at, of);
            }
        }
        for at in 0..self.members.len() {
            let mut before = 0..at;
            let of = before.find(|&of| self.is_same_unit(at, of));
            if let Some(of) = of.filter(|_| self.is_root(at)) {
                self.repeats(at, of);
            }
        }
        let packages = self.of_kind(RailKind::Package);
        for (later, &at) in packages.iter().enumerate() {
            let before = &packages[..later];
            let of = before
                .iter()
                .copied()
                .find(|&of| self.is_same_package(at, of));
            match of {
                Some(of) if self.places[at] != Place::Inside(of) => self.repeats(at, of),
                _ => {}
            }
        }
    }

    fn repeats(&mut self, at: usize, of: usize) {
        self.places[at] = Place::Inside(of);
        let message = format!(
            "{} meters the same domain as {}: it is counted once",
            self.name(at),
            self.name(of)
        );
        self.note(at, message);
    }

    /// Returns whether two rails of different sources have the same kind and name, without
    /// information of the platform.
    fn is_same_unit(&self, at: usize, of: usize) -> bool {
        let [one, other] = [at, of].map(|at| &self.members[at]);
        let is_unit = matches!(
            one.kind,
            RailKind::Cpu | RailKind::Gpu | RailKind::Ane | RailKind::Dram
        );
        let are_plain = [one, other]
            .iter()
            .all(|member| member.placement == Placement::Unknown);
        let are_alike = one.kind == other.kind && one.rail == other.rail;
        is_unit && are_plain && are_alike && one.source != other.source
    }

    /// Returns whether two package rails are one package: two dies with one counter, or one
    /// package by two sources. Readings of graphics drivers are handled in `gpu.rs`.
    fn is_same_package(&self, at: usize, of: usize) -> bool {
        let [one, other] = [at, of].map(|at| &self.members[at]);
        if [one, other]
            .iter()
            .any(|member| is_graphics(member.placement))
        {
            return false;
        }
        if one.source != other.source {
            let numbers = [one, other].map(|member| names::package(&member.rail));
            return numbers[0] == numbers[1]
                || numbers.contains(&None) && self.has_one_package(&other.source);
        }
        let dies = [one, other].map(|member| names::die(&member.rail));
        match dies {
            [Some(one), Some(other)] => {
                one.0 == other.0 && one.1 != other.1 && self.observed.are_identical(at, of)
            }
            _ => false,
        }
    }

    fn has_one_package(&self, source: &str) -> bool {
        let packages = self.of_kind(RailKind::Package).into_iter();
        packages
            .filter(|&at| self.members[at].source == source)
            .count()
            == 1
    }
}

fn is_graphics(placement: Placement) -> bool {
    matches!(
        placement,
        Placement::WholeProcessor | Placement::MaybeWholeProcessor
    )
}
