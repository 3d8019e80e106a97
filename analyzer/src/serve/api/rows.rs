//! Lists that are computed as a whole and sent in pages.

use axum::body::Bytes;
use serde_json::{Map, Value};

use super::answer::to_bytes;
use crate::error::Result;
use crate::serve::cache::KeptAnswer;
use crate::serve::problem::Problem;

/// A page of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PageRange {
    /// Number of rows to skip.
    pub(super) offset: usize,
    /// Largest number of rows.
    pub(super) limit: usize,
}

impl PageRange {
    /// Returns the page with these parameters.
    ///
    /// # Errors
    /// If the limit is not 1 to `most`.
    pub(super) fn new(
        offset: Option<usize>,
        limit: Option<usize>,
        (default, most): (usize, usize),
    ) -> std::result::Result<Self, Problem> {
        let limit = limit.unwrap_or(default);
        if !(1..=most).contains(&limit) {
            return Err(Problem::invalid(format!(
                "limit {limit} is not 1 to {most}"
            )));
        }
        Ok(Self {
            offset: offset.unwrap_or(0),
            limit,
        })
    }
}

/// Serializes an object. Its member `rows` is the list.
///
/// # Errors
/// If it cannot be serialized.
pub(super) fn keep_rows(mut object: Value, rows: &str) -> Result<KeptAnswer> {
    let list = object
        .as_object_mut()
        .and_then(|members| members.remove(rows));
    let list = match list {
        Some(Value::Array(list)) => list,
        _ => Vec::new(),
    };
    let mut bytes = Vec::new();
    let mut ends = Vec::with_capacity(list.len());
    for row in list {
        bytes.extend(to_bytes(&row)?);
        ends.push(bytes.len());
    }
    let members = object.as_object().cloned().unwrap_or_else(Map::new);
    let mut head = to_bytes(&members)?;
    head.pop();
    Ok(KeptAnswer {
        bytes: bytes.into(),
        row_ends: ends.into(),
        head: head.into(),
    })
}

/// Returns the object with one page of its list as the member `rows`, and the members `total`,
/// `offset` and `limit`.
pub(super) fn page(kept: &KeptAnswer, rows: &str, page: PageRange) -> Bytes {
    let total = kept.row_ends.len();
    let first = page.offset.min(total);
    let last = page.offset.saturating_add(page.limit).min(total);
    let start = |at: usize| match at {
        0 => 0,
        at => kept.row_ends[at - 1],
    };
    let mut body = kept.head.to_vec();
    if body.len() > 1 {
        body.push(b',');
    }
    let (offset, limit) = (page.offset, page.limit);
    let counts = format!("\"total\":{total},\"offset\":{offset},\"limit\":{limit},\"{rows}\":[");
    body.extend_from_slice(counts.as_bytes());
    for at in first..last {
        if at > first {
            body.push(b',');
        }
        body.extend_from_slice(&kept.bytes[start(at)..kept.row_ends[at]]);
    }
    body.extend_from_slice(b"]}");
    body.into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pages_hold_their_rows_and_the_total() {
        let object = json!({"name": "a", "rows": [{"n": 0}, {"n": 1}, {"n": 2}]});
        let kept = keep_rows(object, "rows").unwrap();
        let read = |offset, limit| -> Value {
            let bytes = page(&kept, "rows", PageRange { offset, limit });
            serde_json::from_slice(&bytes).unwrap()
        };
        let expected = json!({
            "name": "a", "total": 3, "offset": 1, "limit": 5, "rows": [{"n": 1}, {"n": 2}]
        });
        assert_eq!(read(1, 5), expected);
        assert_eq!(read(0, 1)["rows"], json!([{"n": 0}]));
        assert_eq!(read(usize::MAX, usize::MAX)["rows"], json!([]));
        let empty = keep_rows(json!({}), "rows").unwrap();
        let all = PageRange {
            offset: 0,
            limit: 1,
        };
        let bytes = page(&empty, "rows", all);
        let read: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(read["total"], 0);
    }
}
