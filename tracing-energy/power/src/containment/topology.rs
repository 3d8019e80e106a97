//! Tracks the rails of all sources of a run and where each counts.

use std::collections::BTreeSet;

use super::{Containment, Member, Observed, Place, decide};
use crate::placement::{PlacedRail, Placement};
use crate::rail::{Description, Sample};
use crate::source::PowerSource;
use energy_data::Provenance;
use energy_data::units::Nanos;

/// Observation time after which assumptions about a rail are reported.
const OBSERVED: Nanos = Nanos::from_millis(1_000);

/// The rails of the running sources. Rails of recordings are placed when these are read.
#[derive(Debug, Clone, Default)]
pub struct Topology {
    sources: Vec<TopologySource>,
    observed: Observed,
    /// Members by the order in which their rails appeared.
    members: Vec<(usize, usize)>,
    reported: BTreeSet<(usize, usize, Option<usize>)>,
}

#[derive(Debug, Clone)]
struct TopologySource {
    name: String,
    provenance: Provenance,
    rails: Vec<PlacedRail>,
}

/// Where a rail counts: its source, its index there, and the rail that contains it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RailPlace {
    /// The source's index.
    pub source: usize,
    /// The rail's index in its source.
    pub rail: usize,
    /// Source and index of the rail that contains it; its own if it is not counted.
    pub parent: Option<(usize, usize)>,
}

impl Topology {
    /// Returns the rails of these sources.
    pub fn of(sources: &[Box<dyn PowerSource>]) -> Self {
        let mut topology = Self::default();
        for source in sources {
            let placements = |rail| source.placement(rail);
            topology.add_source(&source.describe(), placements);
        }
        topology
    }

    /// Adds a source; its index is the number of those before.
    pub fn add_source(
        &mut self,
        description: &Description,
        placement: impl Fn(usize) -> Placement,
    ) {
        let rails = description.rails.iter().cloned().enumerate();
        let rails: Vec<PlacedRail> = rails.map(|(at, rail)| (rail, placement(at))).collect();
        self.sources.push(TopologySource {
            name: description.name.clone(),
            provenance: description.provenance,
            rails: Vec::new(),
        });
        self.set_rails(self.sources.len() - 1, rails);
    }

    /// Replaces the rails of a source. Known rails come first.
    pub fn set_rails(&mut self, source: usize, rails: Vec<PlacedRail>) {
        let known = self.sources[source].rails.len();
        self.members
            .extend((known..rails.len()).map(|rail| (source, rail)));
        self.sources[source].rails = rails;
    }

    /// Adds a sample of a source.
    pub fn sample(&mut self, source: usize, sample: &Sample) {
        if let Some(at) = self.member(source, sample.rail) {
            self.observed
                .add(at, sample.start, sample.end, sample.energy);
        }
    }

    fn member(&self, source: usize, rail: usize) -> Option<usize> {
        let mut members = self.members.iter();
        members.position(|member| *member == (source, rail))
    }

    /// Returns where each rail counts, by the samples so far.
    pub fn places(&self) -> Vec<RailPlace> {
        self.placed(&self.decide())
    }

    /// Returns where each rail counts, and the messages that were not returned before.
    /// Unless `is_final`, a source's messages are held until one of its rails was observed
    /// for a second.
    pub fn report(&mut self, is_final: bool) -> (Vec<RailPlace>, Vec<String>) {
        self.observed.is_complete |= is_final;
        let decided = self.decide();
        let places = self.placed(&decided);
        let mut messages = Vec::new();
        for note in decided.notes {
            let (source, rail) = self.members[note.member];
            let place = decided.places[note.member].parent(note.member);
            let is_ready = is_final || self.is_observed(source);
            if is_ready && self.reported.insert((source, rail, place)) {
                messages.push(note.message);
            }
        }
        (places, messages)
    }

    /// Returns whether a rail of a source was observed for at least [`OBSERVED`].
    fn is_observed(&self, source: usize) -> bool {
        let mut members = (0..).zip(&self.members);
        members.any(|(at, member)| member.0 == source && self.observed.covered(at) >= OBSERVED)
    }

    fn placed(&self, decided: &Containment) -> Vec<RailPlace> {
        let places = self.members.iter().zip(&decided.places).enumerate();
        places
            .map(|(at, (&(source, rail), place))| RailPlace {
                source,
                rail,
                parent: match self.sources[source].provenance {
                    Provenance::Replayed => {
                        let parent = self.sources[source].rails[rail].0.parent;
                        parent.map(|parent| (source, parent))
                    }
                    _ => place.parent(at).map(|parent| self.members[parent]),
                },
            })
            .collect()
    }

    /// Decides for measured and modelled rails. Rails of a recording do not belong to this
    /// machine.
    fn decide(&self) -> Containment {
        let mut order: Vec<usize> = (0..self.members.len())
            .filter(|&at| self.provenance(at) != Provenance::Replayed)
            .collect();
        // Measured rails come first, so that they count rather than modelled ones.
        order.sort_by_key(|&at| self.provenance(at) == Provenance::Modelled);
        let mut to_member = vec![None; self.members.len()];
        for (at, &member) in order.iter().enumerate() {
            to_member[member] = Some(at);
        }
        let members: Vec<Member> = order
            .iter()
            .map(|&at| self.describe(at, &to_member))
            .collect();
        let observed = self.observed.of_rails(&order);
        let decided = decide(&members, &observed);
        let mut places = vec![Place::Root; self.members.len()];
        for (&member, place) in order.iter().zip(decided.places) {
            places[member] = match place {
                Place::Inside(whole) => Place::Inside(order[whole]),
                other => other,
            };
        }
        let notes = decided.notes.into_iter();
        let notes = notes.map(|note| super::Note {
            member: order[note.member],
            ..note
        });
        Containment {
            places,
            notes: notes.collect(),
        }
    }

    fn provenance(&self, member: usize) -> Provenance {
        self.sources[self.members[member].0].provenance
    }

    fn describe(&self, member: usize, to_member: &[Option<usize>]) -> Member {
        let (source, rail) = self.members[member];
        let own = &self.sources[source];
        let (described, placement) = &own.rails[rail];
        let member_of = |rail| self.member(source, rail).and_then(|at| to_member[at]);
        Member {
            source: own.name.clone(),
            rail: described.name.clone(),
            kind: described.kind,
            declared: described.parent.and_then(member_of),
            placement: match *placement {
                Placement::Repeats(of) => {
                    member_of(of).map_or(Placement::Unknown, Placement::Repeats)
                }
                other => other,
            },
        }
    }
}
