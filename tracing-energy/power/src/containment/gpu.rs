//! Places graphics rails: in the processor's package, or as a separate card.

use super::{PartsFit, Place, Placement, PlacementModel, names};
use energy_data::RailKind;

/// A graphics driver whose reading has this ratio to the package's meters the package.
const SAME: std::ops::RangeInclusive<f64> = 0.85..=1.15;

impl PlacementModel<'_> {
    pub(super) fn place_graphics(&mut self) {
        for at in 0..self.members.len() {
            match self.members[at].placement {
                Placement::WholeProcessor => self.place_processor(at),
                Placement::MaybeWholeProcessor => self.place_maybe_processor(at),
                _ => {}
            }
        }
        self.nest_graphics();
        let graphics = self.of_kind(RailKind::Gpu).into_iter();
        let unsure: Vec<usize> = graphics
            .filter(|&at| self.is_root(at) && self.members[at].placement == Placement::Unknown)
            .collect();
        let are_cards = unsure.len() > 1 || self.packages().len() > 1;
        for at in unsure {
            let name = &self.members[at].rail;
            if names::is_discrete(name) || are_cards && !names::is_integrated(name) {
                continue;
            }
            self.place_unsure(at);
        }
    }

    /// Places a rail that includes the CPU cores: of it and the package, the larger counts.
    fn place_processor(&mut self, at: usize) {
        let Some(package) = self.package_of(at) else {
            return;
        };
        let watts = [at, package].map(|at| self.observed.mean_w(at));
        let is_larger = match watts {
            [Some(own), Some(package)] => own > *SAME.end() * package,
            _ => false,
        };
        let (part, whole) = if is_larger {
            (package, at)
        } else {
            (at, package)
        };
        if is_larger {
            self.places[at] = self.places[package];
        }
        self.places[part] = Place::Inside(whole);
        let message = format!(
            "{} includes the processor's cores, as {} does: they are counted once",
            self.name(at),
            self.name(package)
        );
        self.note(at, message);
    }

    fn place_maybe_processor(&mut self, at: usize) {
        let Some(package) = self.package_of(at) else {
            return;
        };
        let [Some(own_w), Some(package_w)] = [at, package].map(|at| self.observed.mean_w(at))
        else {
            self.places[at] = Place::Inside(package);
            return;
        };
        let ratio = own_w / package_w.max(f64::MIN_POSITIVE);
        if SAME.contains(&ratio) {
            return self.place_processor(at);
        }
        let (name, package_name) = (self.name(at), self.name(package));
        let message = if ratio > 1.0 {
            format!(
                "{name} draws {own_w:.1} W, more than {package_name} with {package_w:.1} W: \
                 assumed to be a card of its own"
            )
        } else {
            self.places[at] = Place::Inside(package);
            format!(
                "{name} ({own_w:.1} W) may be part of {package_name} ({package_w:.1} W): assumed \
                 to be part of it and counted once"
            )
        };
        self.note(at, message);
    }

    /// Puts numbered rails into an unnumbered one that draws at least as much.
    fn nest_graphics(&mut self) {
        let graphics = self.of_kind(RailKind::Gpu).into_iter();
        let roots: Vec<usize> = graphics
            .filter(|&at| self.is_root(at) && self.members[at].placement == Placement::Unknown)
            .collect();
        for &whole in &roots {
            let Self { members, .. } = self;
            if names::is_numbered(&members[whole].rail) {
                continue;
            }
            let is_part = |at: &usize| {
                members[*at].source == members[whole].source
                    && names::is_numbered(&members[*at].rail)
            };
            let parts: Vec<usize> = roots.iter().copied().filter(is_part).collect();
            if !parts.is_empty() && self.fit(&parts, &[whole]) == PartsFit::Fits {
                for part in parts {
                    self.places[part] = Place::Inside(whole);
                }
            }
        }
    }

    /// Places the only graphics rail inside the package of its own source, unless it draws
    /// more. Rails of different sources are assumed to meter different devices.
    fn place_unsure(&mut self, at: usize) {
        let of_source = |&package: &usize| self.members[package].source == self.members[at].source;
        let Some(package) = self.package_of(at).filter(of_source) else {
            return;
        };
        let (name, package_name) = (self.name(at), self.name(package));
        match self.fit(&[at], &[package]) {
            PartsFit::Exceeds(compared) => {
                let how = match compared.parts_w > compared.whole_w {
                    true => String::new(),
                    false => format!(
                        " and {:.0} % of its energy does not fit",
                        100.0 * compared.excess
                    ),
                };
                let message = format!(
                    "{name} draws {:.1} W and {package_name} {:.1} W{how}: assumed to be a card of \
                     its own",
                    compared.parts_w, compared.whole_w
                );
                self.note(at, message);
            }
            PartsFit::Fits | PartsFit::Unknown => {
                self.places[at] = Place::Inside(package);
                if !names::is_integrated(&self.members[at].rail) {
                    let message = format!(
                        "{name} is assumed to be part of {package_name} and counted once: no \
                         evidence that it is a card of its own"
                    );
                    self.note(at, message);
                }
            }
        }
    }
}
