//! Entity tags: which version of a content a client has.

use axum::http::HeaderValue;

use crate::checksum::sha256_of;

/// Returns the entity tag of a content. It is weak, because the bytes depend on the compression.
pub(super) fn entity_tag(content: &[u8]) -> String {
    format!("W/\"{}\"", &sha256_of(content)[..32])
}

/// Returns whether the values of `If-None-Match` contain the entity tag.
pub(super) fn is_known<'v>(values: impl IntoIterator<Item = &'v HeaderValue>, tag: &[u8]) -> bool {
    let mut known = values
        .into_iter()
        .flat_map(|list| list.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii);
    known.any(|one| one == b"*" || opaque(one) == opaque(tag))
}

/// Returns an entity tag without the mark of weak ones.
fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}
