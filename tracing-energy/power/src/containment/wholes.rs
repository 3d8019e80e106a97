//! Places rails inside those of the whole platform or machine.

use super::observed::ComparedPower;
use super::{PartsFit, Place, Placement, PlacementModel, names};
use energy_data::RailKind;

impl PlacementModel<'_> {
    /// Puts root rails into the system rails, smallest rank first. A system rail that draws
    /// less than its parts is not counted.
    pub(super) fn check_wholes(&mut self) {
        let mut wholes: Vec<usize> = self.of_kind(RailKind::System);
        wholes.retain(|&at| self.is_root(at));
        let rank = |at: usize| names::whole_rank(&self.members[at].rail);
        // Order: psys, system, total, wall.
        wholes.sort_by_key(|&at| std::cmp::Reverse(rank(at).map_or(u8::MAX, |rank| rank)));
        let ranks: Vec<Option<u8>> = wholes.iter().map(|&at| rank(at)).collect();
        let mut done = 0;
        while done < wholes.len() {
            let equal = ranks[done..]
                .iter()
                .take_while(|rank| **rank == ranks[done]);
            let next = done + equal.count();
            self.check_whole(&wholes[done..next], ranks[done].is_none());
            done = next;
        }
    }

    /// Checks system rails of one rank, such as psys or several batteries.
    fn check_whole(&mut self, wholes: &[usize], is_platform: bool) {
        let first = wholes[0];
        let declared: Vec<usize> = wholes.iter().flat_map(|&at| self.children(at)).collect();
        let indices = (0..self.members.len()).filter(|at| !wholes.contains(at));
        let others: Vec<usize> = indices
            .filter(|&at| self.is_root(at) && self.may_lie_in(at, first, is_platform))
            .collect();
        let all: Vec<usize> = declared.iter().chain(&others).copied().collect();
        if all.is_empty() {
            return;
        }
        if !matches!(self.fit(&all, wholes), PartsFit::Exceeds(_)) {
            return self.put(&others, first);
        }
        let is_gpu = |at: &usize| self.members[*at].kind == RailKind::Gpu;
        let (cards, without_cards): (Vec<usize>, Vec<usize>) = all
            .iter()
            .copied()
            .partition(|at| is_gpu(at) && others.contains(at));
        match self.fit(&without_cards, wholes) {
            PartsFit::Exceeds(compared) => {
                for &whole in wholes {
                    self.not_the_whole(whole, &without_cards, compared);
                }
            }
            _ if without_cards.is_empty() => self.note_cards(&cards, first),
            _ => {
                let inside: Vec<usize> = others
                    .iter()
                    .copied()
                    .filter(|at| !cards.contains(at))
                    .collect();
                self.put(&inside, first);
                self.note_cards(&cards, first);
            }
        }
    }

    fn put(&mut self, parts: &[usize], whole: usize) {
        for &part in parts {
            self.places[part] = Place::Inside(whole);
        }
    }

    fn note_cards(&mut self, cards: &[usize], whole: usize) {
        for &card in cards {
            let message = format!(
                "{} does not fit into {}: assumed to be a card outside it",
                self.name(card),
                self.name(whole)
            );
            self.note(card, message);
        }
    }

    /// Returns whether a rail may be part of a whole. Cards and unknown rails of other
    /// sources are not part of psys.
    fn may_lie_in(&self, at: usize, whole: usize, is_platform: bool) -> bool {
        let [member, whole] = [at, whole].map(|at| &self.members[at]);
        if !is_platform {
            return true;
        }
        let is_card = member.placement == Placement::Discrete || names::is_discrete(&member.rail);
        match member.kind {
            RailKind::Gpu => !is_card && member.source == whole.source,
            RailKind::Package | RailKind::Cpu | RailKind::Dram | RailKind::Ane => true,
            _ => member.source == whole.source,
        }
    }

    /// Excludes a whole that draws less than its parts. The parts take its place.
    pub(super) fn not_the_whole(&mut self, whole: usize, parts: &[usize], compared: ComparedPower) {
        let above = std::mem::replace(&mut self.places[whole], Place::NotCounted);
        for part in self.children(whole) {
            self.places[part] = above;
        }
        let reading = match self.observed.mean_w(whole) {
            Some(watts) => format!("reads {watts:.1} W"),
            None => "has no reading".to_owned(),
        };
        let parts = match compared.parts_w > compared.whole_w {
            true => format!(
                "its parts ({}) {:.1} W",
                self.names(parts),
                compared.parts_w
            ),
            // The averages are possible.
            false => format!(
                "its parts ({}) draw more for some time, {:.0} % of their energy",
                self.names(parts),
                100.0 * compared.excess
            ),
        };
        let name = self.name(whole);
        let message =
            format!("{name} {reading} but {parts}: it cannot be the whole and is not counted");
        self.note(whole, message);
    }
}
