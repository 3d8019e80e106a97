//! Output of the assembler.

use energy_data::rows::{
    CallsiteRow, Domain, InstanceRow, LinkRow, NodeRow, NodeWindowRow, Role, SpanEventRow, SpanRow,
};

/// An activation that begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Activation {
    pub(crate) seq: u64,
    pub(crate) node: u32,
    pub(crate) parent: Option<u64>,
    pub(crate) thread: u32,
    pub(crate) start_ns: i64,
}

/// A counted irregularity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Loss {
    /// An enter of a span whose creation was never recorded.
    UnknownSpan,
    /// An exit of a span that is not open.
    StrayExit,
    /// An exit on another thread than the enter.
    ForeignExit,
    /// A text cut to its first bytes.
    CutText,
    /// A `follows_from` between spans of which one was never entered.
    UnknownLink,
}

/// Receives the assembler's rows and edges, in time order.
pub(crate) trait AssemblerOutput {
    fn callsite(&mut self, row: CallsiteRow);
    fn node(&mut self, row: NodeRow, role: Option<Role>, domain: Domain);
    /// An activation begins.
    fn open(&mut self, activation: Activation);
    /// An activation ends.
    fn close(&mut self, seq: u64, end_ns: i64);
    /// The activation that begins is the first of its instance.
    fn first_activation(&mut self, node: u32);
    fn span(&mut self, row: SpanRow);
    fn instance(&mut self, row: InstanceRow);
    fn fields(&mut self, first_seq: u64, json: String);
    fn link(&mut self, row: LinkRow);
    fn span_event(&mut self, row: SpanEventRow);
    fn node_window(&mut self, row: NodeWindowRow);
    fn loss(&mut self, loss: Loss);
}
