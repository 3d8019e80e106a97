//! Result of compacting.

use crate::format::counted;

/// What was compacted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CompactReport {
    /// Days with new packs.
    pub days: usize,
    /// New packs.
    pub packs: usize,
    /// Bytes of the objects that were written.
    pub bytes: u64,
    /// Objects that were removed.
    pub removed: usize,
    /// Packs that are left out, with the reason.
    pub warnings: Vec<String>,
}

impl CompactReport {
    /// Returns the result as a sentence.
    pub fn text(&self) -> String {
        let compacted = match self.packs {
            0 => "no new pack to compact".to_owned(),
            packs => format!(
                "{} of {} compacted into {}",
                counted(packs, "pack"),
                counted(self.days, "day"),
                crate::format::bytes(Some(self.bytes))
            ),
        };
        match self.removed {
            0 => compacted,
            removed => format!("{compacted}; {} removed", counted(removed, "source object")),
        }
    }
}
