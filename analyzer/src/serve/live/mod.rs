//! Messages about runs that are being recorded.
//!
//! ```text
//! recording file --> follow (a thread) --> message --> ring --> clients (WebSocket, events)
//! ```
//!
//! - [`message`] - what clients receive, and its levels of detail.

mod message;

pub(in crate::serve) use message::{Detail, Message, MessageKind, Publish};
