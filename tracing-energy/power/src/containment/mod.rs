//! Decides which rail contains which: one model for live sources, replays and imports.
//!
//! ```text
//! machine (wall, battery, VDD_IN)       contains all of the following
//! +- psys                               the processor's platform
//! |  +- package-0                       a processor
//! |  |  +- cpu > core > cluster > core3
//! |  |  +- gpu of the processor, ane
//! |  +- dram                            outside the package
//! +- gpu-0                              a card: in no package and not in psys
//! ```
//!
//! Energies of rails that lie in no other rail are added up. The rules, in this order:
//!
//! 1. Containment reported by the platform is used: zones of a tree, a card's own supply.
//! 2. A domain that is metered twice counts once: one counter reported by two dies, one
//!    package by two drivers, an APU's graphics driver that meters the processor too.
//! 3. A part cannot draw more than its whole. If it does, a sensor that claims to be the
//!    whole is not counted, and a graphics rail is assumed to be a card of its own.
//! 4. In remaining cases the rail is counted once, as part of the larger rail, with a note.
//!
//! [`decide`] is pure. It is evaluated without observations when a run starts, repeatedly
//! during the run, and with all observations when it ends or when a file is read.

mod cpu;
mod duplicates;
mod gpu;
pub(crate) mod names;
mod observed;
mod topology;
mod wholes;

use observed::ComparedPower;
pub use observed::Observed;
pub use topology::{RailPlace, Topology};

pub use crate::placement::{PlacedRail, Placement};

use crate::rail::{Notice, Rail, Sample};
use energy_data::RailKind;
use energy_data::units::Nanos;

/// Parts may seem to draw this factor more than their whole: readings are not simultaneous.
const MARGIN: f64 = 1.02;

/// Power below which nothing is compared, W.
const NOTHING_W: f64 = 0.02;

/// A share of the parts' energy above their whole that timing differences cannot explain, where
/// it occurs several times and where it occurs once.
const EXCESS: f64 = 0.1;
const LARGE_EXCESS: f64 = 0.3;

/// A whole without a known energy in this number of buckets is not counted. The number allows
/// for a counter that is frozen for a while.
const SILENT_BUCKETS: usize = 20;

/// The same number once all samples are known.
const SILENT_AT_END: usize = 2;

/// A rail among all rails of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// The name of its source.
    pub source: String,
    /// Its name within the source.
    pub rail: String,
    /// The domain it meters.
    pub kind: RailKind,
    /// The member that contains it by the structure of its source.
    pub declared: Option<usize>,
    /// The platform's information.
    pub placement: Placement,
}

/// Where a rail's energy counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the total.
    Root,
    /// In the rail at this index, which contains it.
    Inside(usize),
    /// Nowhere, because its sensor cannot meter what it claims to.
    NotCounted,
}

/// The reason for a rail's place, if the platform did not report it.
#[derive(Debug, Clone, PartialEq)]
pub struct Note {
    /// The rail's index.
    pub member: usize,
    /// The reason, with the rail's name.
    pub message: String,
}

/// The places of all rails.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Containment {
    /// By index of the member.
    pub places: Vec<Place>,
    /// Findings and assumptions.
    pub notes: Vec<Note>,
}

/// Decides where each rail counts, from the platform's information and the observed power.
pub fn decide(members: &[Member], observed: &Observed) -> Containment {
    let mut model = PlacementModel {
        members,
        observed,
        places: members.iter().map(declared).collect(),
        notes: Vec::new(),
    };
    model.find_repeated();
    model.nest_processors();
    model.place_graphics();
    model.check_wholes();
    model.note_unknown();
    Containment {
        places: model.places,
        notes: model.notes,
    }
}

fn declared(member: &Member) -> Place {
    member.declared.map_or(Place::Root, Place::Inside)
}

/// Finds the places of the rails of one recording and reports what was assumed.
#[cfg_attr(
    not(feature = "replay"),
    allow(dead_code, reason = "used by replay only")
)]
pub(crate) fn settle(source: &str, rails: &mut [Rail], samples: &[Sample]) -> Vec<Notice> {
    let member = |rail: &Rail| Member {
        source: source.to_owned(),
        rail: rail.name.clone(),
        kind: rail.kind,
        declared: rail.parent,
        placement: Placement::Unknown,
    };
    let members: Vec<Member> = rails.iter().map(member).collect();
    let mut observed = Observed::default();
    for sample in samples {
        observed.add(sample.rail, sample.start, sample.end, sample.energy);
    }
    observed.is_complete = true;
    let Containment { places, notes } = decide(&members, &observed);
    for (at, (rail, place)) in rails.iter_mut().zip(&places).enumerate() {
        rail.parent = place.parent(at);
    }
    let notice = |note: Note| Notice {
        time: Nanos::ZERO,
        kind: NOTICE,
        message: note.message,
    };
    notes.into_iter().map(notice).collect()
}

/// The kind of notices about containment.
pub const NOTICE: &str = "containment";

impl Place {
    /// Returns the parent of the rail at index `own` as it is stored: a rail that is not
    /// counted is its own parent, so that sums over rails without one leave it out.
    pub const fn parent(self, own: usize) -> Option<usize> {
        match self {
            Self::Root => None,
            Self::Inside(whole) => Some(whole),
            Self::NotCounted => Some(own),
        }
    }
}

/// A decision in progress.
struct PlacementModel<'m> {
    members: &'m [Member],
    observed: &'m Observed,
    places: Vec<Place>,
    notes: Vec<Note>,
}

/// The result of comparing parts with their whole.
#[derive(Debug, Clone, Copy, PartialEq)]
enum PartsFit {
    Unknown,
    Fits,
    /// The parts draw more.
    Exceeds(ComparedPower),
}

impl PlacementModel<'_> {
    /// Returns the indices of rails of a kind, in order.
    fn of_kind(&self, kind: RailKind) -> Vec<usize> {
        let indices = 0..self.members.len();
        indices
            .filter(|&at| self.members[at].kind == kind)
            .collect()
    }

    fn is_root(&self, at: usize) -> bool {
        self.places[at] == Place::Root
    }

    /// Returns the packages that count in the total or in a system rail.
    fn packages(&self) -> Vec<usize> {
        let packages = self.of_kind(RailKind::Package).into_iter();
        let is_package = |&at: &usize| match self.places[at] {
            Place::Root => true,
            Place::Inside(whole) => self.members[whole].kind == RailKind::System,
            Place::NotCounted => false,
        };
        packages.filter(is_package).collect()
    }

    /// Returns the rails that lie directly in `whole`.
    fn children(&self, whole: usize) -> Vec<usize> {
        let indices = 0..self.members.len();
        indices
            .filter(|&at| self.places[at] == Place::Inside(whole))
            .collect()
    }

    fn name(&self, at: usize) -> String {
        let Member { source, rail, .. } = &self.members[at];
        format!("{source} {rail}")
    }

    fn names(&self, of: &[usize]) -> String {
        let names: Vec<String> = of.iter().map(|&at| self.name(at)).collect();
        names.join(", ")
    }

    fn note(&mut self, member: usize, message: String) {
        self.notes.push(Note { member, message });
    }

    /// Notes rails that are added to the total although their name does not show whether
    /// another rail contains them.
    fn note_unknown(&mut self) {
        let roots = (0..self.members.len()).filter(|&at| self.is_root(at));
        let roots: Vec<usize> = roots.collect();
        let is_unknown = |&at: &usize| {
            let Member {
                kind,
                placement,
                declared,
                ..
            } = &self.members[at];
            *kind == RailKind::Other && *placement == Placement::Unknown && declared.is_none()
        };
        let unknown: Vec<usize> = roots.iter().copied().filter(is_unknown).collect();
        if unknown.len() == roots.len() {
            return;
        }
        for at in unknown {
            let name = self.name(at);
            let message = format!(
                "{name}: the name does not show what it meters; assumed to be in no other rail, \
                 its energy is added to the total"
            );
            self.note(at, message);
        }
    }

    /// Compares parts with the sum of their wholes, over the total time in which both are
    /// known and in intervals of several windows.
    fn fit(&self, parts: &[usize], wholes: &[usize]) -> PartsFit {
        let compared = self.observed.compare(parts, wholes);
        if compared.buckets == 0 {
            let silent = wholes
                .iter()
                .all(|&whole| self.observed.mean_w(whole).is_none());
            let alone = self.observed.compare(parts, &[]);
            let least = match self.observed.is_complete {
                true => SILENT_AT_END,
                false => SILENT_BUCKETS,
            };
            let is_silent = silent && !wholes.is_empty() && alone.buckets >= least;
            return match is_silent && alone.parts_w > NOTHING_W {
                true => PartsFit::Exceeds(alone),
                false => PartsFit::Unknown,
            };
        }
        let is_more = compared.parts_w > MARGIN * compared.whole_w + NOTHING_W;
        let is_above = compared.above >= 3 && compared.excess > EXCESS
            || compared.above >= 1 && compared.excess > LARGE_EXCESS;
        match compared.buckets {
            1 => PartsFit::Unknown,
            _ if is_more || is_above => PartsFit::Exceeds(compared),
            _ => PartsFit::Fits,
        }
    }
}

#[cfg(test)]
mod tests;
