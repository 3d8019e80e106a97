//! Folded stacks, which other tools read: `decode;token;layer_3 1250`, or with two
//! counts, before and after, where two sides are compared.

use std::io::Write;

use super::{Graph, label};
use crate::error::Result;

impl Graph {
    /// Writes folded stacks, one in a line.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn fold(&self, out: &mut dyn Write) -> Result<()> {
        for line in self.lines('_') {
            writeln!(out, "{line}")?;
        }
        Ok(())
    }

    /// Folded stacks in the order of the graph, with `space` for spaces.
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
