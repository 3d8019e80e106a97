//! Folded stacks for other tools: `decode;token;layer_3 1250`; a comparison has two counts,
//! before and after.

use std::io::Write;

use super::Graph;
use crate::error::Result;
use crate::format::label;

impl Graph {
    /// Writes folded stacks, one per line.
    ///
    /// # Errors
    /// Fails if `out` cannot be written.
    pub fn fold(&self, out: &mut dyn Write) -> Result<()> {
        for line in self.lines('_') {
            writeln!(out, "{line}")?;
        }
        Ok(())
    }

    /// Returns folded stacks in the order of the graph; spaces in labels are replaced by
    /// `space`.
    pub(super) fn lines(&self, space: char) -> impl Iterator<Item = String> + '_ {
        self.stacks().map(move |(labels, [before, after])| {
            let labels: Vec<String> = labels
                .into_iter()
                .map(|one| label::spaced(one, space))
                .collect();
            match self.is_comparison() {
                true => format!("{} {before} {after}", labels.join(";")),
                false => format!("{} {after}", labels.join(";")),
            }
        })
    }
}
