//! Sinks of a recording, and the sink in memory.

mod memory;
mod tree;

pub use energy_data::sink::{Batch, Sink, SinkError};
pub use memory::MemorySink;
pub use tree::tree;
