//! The platform's information on where a rail lies.

use crate::rail::Rail;

/// The platform's information on where a rail lies, beyond its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Placement {
    /// No information: the name and the observed power decide.
    #[default]
    Unknown,
    /// A device with its own supply: in no package.
    Discrete,
    /// A graphics driver of a processor whose reading includes the CPU cores.
    WholeProcessor,
    /// A graphics driver whose reading may include the CPU cores.
    MaybeWholeProcessor,
    /// A part of a processor package, by the socket's number where it is known.
    InPackage(Option<u32>),
    /// The same counter as the rail of its source with this index.
    Repeats(usize),
}

/// A rail with the platform's information on its placement.
pub type PlacedRail = (Rail, Placement);
