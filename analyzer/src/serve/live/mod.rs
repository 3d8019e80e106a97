//! Messages about runs that are being recorded.
//!
//! ```text
//! recording file --> follow (a thread) --> message --> feed --> ring --> clients (WebSocket, events)
//!                                                                \--> spool (older messages)
//! ```
//!
//! - [`message`] - what clients receive, and its levels of detail.
//! - [`feed`] - numbers messages and keeps them: the newest in [`ring`], older ones in [`spool`].
//! - [`client`] - WebSocket connections. [`filter`] - what they have subscribed to.
//! - [`events`] - pages and event streams over HTTP.

mod client;
mod event_stream;
mod events;
mod feed;
mod filter;
mod frame;
mod message;
mod page;
mod ring;
mod segment;
mod spool;
#[cfg(test)]
mod tests;

pub(in crate::serve) use message::{Detail, Message, MessageKind, Publish};

pub(in crate::serve) use feed::Feed;

/// Returns the routes of live messages.
pub(in crate::serve) fn routes() -> utoipa_axum::router::OpenApiRouter<super::state::App> {
    client::routes().merge(events::routes())
}
