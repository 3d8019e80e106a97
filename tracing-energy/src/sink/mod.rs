//! Sinks of a recording, and the sink in memory.

mod memory;
mod tree;

pub use memory::MemorySink;
