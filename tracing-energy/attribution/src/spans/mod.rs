//! What ran: open activations, segments of threads, and phases, until their windows closed.
//!
//! ```text
//! open, close --> record --> segments (stacks) --> track (retained)
//!                    |            `-> idle (shares)
//!                    `-----> phases (sets that were open together)
//! ```

pub(crate) mod activation;
pub(crate) mod idle;
pub(crate) mod node_kinds;
pub(crate) mod phases;
pub(crate) mod record;
pub(crate) mod segments;
pub(crate) mod track;
