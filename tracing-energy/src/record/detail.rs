//! The level of detail of a recording.

/// Level of detail of the stored rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Detail {
    /// Every activation is a row.
    #[default]
    Spans,
    /// Totals per node, thread and window only: bounded memory and disk.
    ///
    /// While recording, energies are as exact as with rows. Attribution from the file is
    /// less exact: a total states how long a node ran in a window of a flush interval, not
    /// when. Its time is assumed to be uniform within the window, and a thread's CPU time
    /// to be used at the same rate in and between its spans. Measured energy, idle energy
    /// and self times stay the same. A node's energy changes by as much as its power
    /// changed within windows. Idle shares, phases and instance counts cannot be
    /// recomputed.
    Nodes,
    /// Like `Nodes`, with rows for all spans below one in that many root activations.
    /// Attribution from the file uses the totals, as for `Nodes`.
    Sampled(u32),
}
