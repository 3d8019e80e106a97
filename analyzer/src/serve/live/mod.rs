//! Messages about runs that are being recorded.
//!
//! ```text
//! recording file --> follow (a thread) --> message --> feed --> ring --> clients (WebSocket, events)
//!                                                                \--> spool (older messages)
//! ```
//!
//! - [`message`] - what clients receive, and its levels of detail.
//! - [`follow`] - the thread that turns updates of the file into messages; [`live_run`] - one run:
//!   [`power`], [`intervals`] (sections, tokens), [`cells`] (layers, components, operations),
//!   [`complete`] (its totals at the end).
//! - [`feed`] - numbers messages and keeps them: the newest in [`ring`], older ones in [`spool`].
//! - [`client`] - WebSocket connections. [`filter`] - what they have subscribed to.
//! - [`events`] - pages and event streams over HTTP.

mod cells;
mod client;
mod complete;
mod event_stream;
mod events;
pub(super) mod feed;
mod filter;
mod follow;
#[cfg(test)]
mod follow_tests;
mod frame;
mod intervals;
mod live_run;
mod message;
mod outlet;
mod page;
mod pending;
mod places;
mod power;
mod ring;
mod segment;
mod selected_run;
mod spool;
#[cfg(test)]
mod tests;
mod texts;

pub(in crate::serve) use feed::Feed;
pub(in crate::serve) use follow::FollowThread;
pub(in crate::serve) use message::{Detail, Message, MessageKind, Publish};

/// Returns the routes of live messages.
pub(in crate::serve) fn routes() -> utoipa_axum::router::OpenApiRouter<super::state::App> {
    client::routes().merge(events::routes())
}
