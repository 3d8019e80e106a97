//! Operations that are kept while a capture runs.
//!
//! [`crate::capture`] starts and ends a recording. The macros of spans and the key-value
//! cache keep their work in it.

pub(crate) mod op_case;
pub(crate) mod recording;
pub(crate) mod repeatable;
