//! Places processor rails: cores in clusters, clusters in the whole, the whole in its package.

use super::{PartsFit, Place, Placement, PlacementModel, names};
use energy_data::RailKind;

impl PlacementModel<'_> {
    /// Nests the processor rails of each source by level, and puts the topmost into their
    /// packages.
    pub(super) fn nest_processors(&mut self) {
        let mut sources: Vec<&str> = self.members.iter().map(|one| &*one.source).collect();
        sources.dedup();
        for source in sources {
            let of = self.of_kind(RailKind::Cpu).into_iter();
            let own = of.filter(|&at| self.members[at].source == source && self.is_root(at));
            self.nest_levels(own.collect());
        }
        for at in 0..self.members.len() {
            if !self.is_root(at) {
                continue;
            }
            let member = &self.members[at];
            let is_part = matches!(member.placement, Placement::InPackage(_))
                || matches!(member.kind, RailKind::Cpu | RailKind::Ane);
            if let Some(package) = self.package_of(at).filter(|_| is_part) {
                self.places[at] = Place::Inside(package);
            }
        }
        for package in self.packages() {
            self.check_processor(package);
        }
    }

    /// Puts each level of `rails` into the one above it.
    fn nest_levels(&mut self, rails: Vec<usize>) {
        let level = |at: &usize| names::cpu_level(&self.members[*at].rail);
        let mut levels: Vec<(u8, Vec<usize>)> = Vec::new();
        let mut sorted: Vec<(u8, usize)> = rails.iter().map(|at| (level(at), *at)).collect();
        sorted.sort_unstable();
        for (level, at) in sorted {
            match levels.last_mut() {
                Some((last, rails)) if *last == level => rails.push(at),
                _ => levels.push((level, vec![at])),
            }
        }
        for pair in levels.windows(2) {
            let (wholes, parts) = (&pair[0].1, &pair[1].1);
            self.nest(parts, wholes);
        }
    }

    /// Puts `parts` into the first of `wholes`. If they draw more than the sum of `wholes`,
    /// the wholes are not counted instead.
    fn nest(&mut self, parts: &[usize], wholes: &[usize]) {
        match self.fit(parts, wholes) {
            PartsFit::Exceeds(compared) => {
                for &whole in wholes {
                    self.not_the_whole(whole, parts, compared);
                }
            }
            PartsFit::Fits | PartsFit::Unknown => {
                for &part in parts {
                    self.places[part] = Place::Inside(wholes[0]);
                }
            }
        }
    }

    /// Returns the package of a rail that is part of one: by its number, else the only
    /// one, else the first.
    pub(super) fn package_of(&self, at: usize) -> Option<usize> {
        let packages = self.packages();
        let number = match self.members[at].placement {
            Placement::InPackage(number) => number,
            _ => names::first_number(&self.members[at].rail),
        };
        let is_its = |&package: &usize| names::package(&self.members[package].rail) == number;
        let others = packages.iter().copied().filter(|&package| package != at);
        let others: Vec<usize> = others.collect();
        let by_number = others
            .iter()
            .copied()
            .find(|package| number.is_some() && is_its(package));
        by_number.or(others.first().copied())
    }

    /// Puts the packages into a processor rail that draws more than they do, so that only
    /// the larger one counts.
    fn check_processor(&mut self, package: usize) {
        let is_cpu = |at: &usize| self.members[*at].kind == RailKind::Cpu;
        let of_table = |at: &usize| self.members[*at].declared.is_none();
        let parts = self.children(package).into_iter();
        let parts: Vec<usize> = parts.filter(is_cpu).filter(of_table).collect();
        let PartsFit::Exceeds(_) = self.fit(&parts, &[package]) else {
            return;
        };
        let packages = self.packages();
        match (self.fit(&parts, &packages), parts.as_slice()) {
            (PartsFit::Exceeds(compared), [whole]) if packages.len() > 1 => {
                for &package in &packages {
                    self.places[package] = Place::Inside(*whole);
                }
                self.places[*whole] = Place::Root;
                let message = format!(
                    "{} draws {:.1} W and its packages {:.1} W: assumed to contain them",
                    self.name(*whole),
                    compared.parts_w,
                    compared.whole_w
                );
                self.note(*whole, message);
            }
            (PartsFit::Exceeds(compared), _) => self.not_the_whole(package, &parts, compared),
            // It meters the cores of all packages.
            _ => {}
        }
    }
}
