//! A message with its number, encoded once for all clients.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::extract::ws::Utf8Bytes;
use serde::Serialize;
use serde_json::Value;

use super::message::{Detail, Message, MessageKind};
use crate::format::rfc3339;

/// What decides whether a client receives a message.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Label {
    /// Uuid of the run; `None` for messages about the server.
    pub(super) run: Option<Arc<str>>,
    /// What the message reports.
    pub(super) kind: MessageKind,
    /// Lowest level of detail that includes it.
    pub(super) detail: Detail,
}

/// A message as clients receive it.
#[derive(Debug)]
pub(super) struct Frame {
    /// Number of the message, from 1.
    pub(super) seq: u64,
    /// What it is about.
    pub(super) label: Label,
    /// The run that had started last when the message was published.
    pub(super) newest_run: Option<Arc<str>>,
    /// The message as JSON, without line breaks.
    pub(super) text: Utf8Bytes,
    /// Whether its run was deleted: nobody receives it any more.
    pub(super) is_forgotten: AtomicBool,
}

impl Frame {
    /// Encodes a message.
    pub(super) fn new(seq: u64, message: Message, newest_run: Option<Arc<str>>) -> Self {
        let envelope = Envelope {
            kind: message.kind.name(),
            timestamp: rfc3339(message.timestamp_unix_ns),
            seq,
            run: message.run.as_deref(),
            data: &message.data,
        };
        let text = encode(&envelope);
        Self {
            seq,
            label: Label {
                run: message.run,
                kind: message.kind,
                detail: message.detail,
            },
            newest_run,
            text,
            is_forgotten: AtomicBool::new(false),
        }
    }
}

/// Encodes a message that belongs to one connection (`hello`, `gap`): `seq` is the number that the
/// connection has reached.
pub(super) fn connection_message(kind: MessageKind, seq: u64, data: &Value) -> Utf8Bytes {
    encode(&Envelope {
        kind: kind.name(),
        timestamp: rfc3339(energy_host::unix_ns()),
        seq,
        run: None,
        data,
    })
}

#[derive(Serialize)]
struct Envelope<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: String,
    seq: u64,
    run: Option<&'a str>,
    data: &'a Value,
}

fn encode(envelope: &Envelope<'_>) -> Utf8Bytes {
    // Text keys and finite numbers: serialization cannot fail.
    serde_json::to_string(envelope).unwrap_or_default().into()
}
