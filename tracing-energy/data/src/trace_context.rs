//! Trace contexts of the W3C, which programs pass between services and record as fields of spans.
//!
//! ```
//! use energy_data::trace_context::TraceContext;
//!
//! let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
//! let context = TraceContext::parse_traceparent(header).unwrap();
//! assert_eq!(context.trace_id.to_string(), "0af7651916cd43dd8448eb211c80319c");
//! assert_eq!(context.parent.map(|span| span.to_string()).as_deref(), Some("b7ad6b7169203331"));
//! ```

use std::fmt;

use serde_json::{Map, Value};

/// Field of a span with the header `traceparent` of the request that it answers.
pub const TRACEPARENT: &str = "traceparent";
/// Field of a span with the id of its trace: 32 hexadecimal digits.
pub const TRACE_ID: &str = "trace_id";
/// Field of a span with the id that another exporter uses for it: 16 hexadecimal digits.
pub const SPAN_ID: &str = "span_id";

/// Id of a trace; never zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceId([u8; 16]);

/// Id of a span within its trace; never zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpanId([u8; 8]);

impl TraceId {
    /// Returns the id with these bytes, or `None` if all are zero.
    pub fn from_bytes(bytes: [u8; 16]) -> Option<Self> {
        (bytes != [0; 16]).then_some(Self(bytes))
    }

    /// Parses 32 hexadecimal digits. Hyphens are ignored, so that a UUID is an id.
    pub fn parse(text: &str) -> Option<Self> {
        let hex: String = text.trim().chars().filter(|char| *char != '-').collect();
        Self::from_bytes(from_hex(&hex)?)
    }

    /// Returns the bytes.
    pub const fn bytes(self) -> [u8; 16] {
        self.0
    }
}

impl SpanId {
    /// Returns the id with these bytes, or `None` if all are zero.
    pub fn from_bytes(bytes: [u8; 8]) -> Option<Self> {
        (bytes != [0; 8]).then_some(Self(bytes))
    }

    /// Parses 16 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        Self::from_bytes(from_hex(text.trim())?)
    }

    /// Returns the bytes.
    pub const fn bytes(self) -> [u8; 8] {
        self.0
    }
}

/// The trace that a span belongs to, as its fields state it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceContext {
    /// The trace.
    pub trace_id: TraceId,
    /// The span of another program that caused it, from `traceparent`.
    pub parent: Option<SpanId>,
    /// The id that another exporter uses for the span itself, from `span_id`.
    pub span_id: Option<SpanId>,
}

impl TraceContext {
    /// Parses a header `traceparent`, of version 00 or of a later one, which may be longer.
    pub fn parse_traceparent(header: &str) -> Option<Self> {
        let mut parts = header.trim().splitn(5, '-');
        let (version, trace) = (parts.next()?, parts.next()?);
        let (parent, flags, more) = (parts.next()?, parts.next()?, parts.next());
        let [version] = from_hex(version)?;
        let [_] = from_hex::<1>(flags)?;
        if version == 0xff || version == 0 && more.is_some() {
            return None;
        }
        Some(Self {
            trace_id: TraceId::from_bytes(from_hex(trace)?)?,
            parent: Some(SpanId::from_bytes(from_hex(parent)?)?),
            span_id: None,
        })
    }

    /// Returns the context in the fields of a span, a JSON object. The field `trace_id` has
    /// precedence over that of `traceparent`. Invalid fields are ignored.
    pub fn of_fields(json: &str) -> Option<Self> {
        // Most spans have neither field: their JSON is not parsed.
        if !json.contains(TRACE_ID) && !json.contains(TRACEPARENT) {
            return None;
        }
        Self::of_object(&serde_json::from_str(json).ok()?)
    }

    /// Returns the context in the fields of a span, as [`Self::of_fields`].
    pub fn of_object(fields: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        let header = text(TRACEPARENT).and_then(Self::parse_traceparent);
        let trace_id = text(TRACE_ID).and_then(TraceId::parse);
        let trace_id = trace_id.or(header.map(|context| context.trace_id))?;
        let of_trace = header.filter(|context| context.trace_id == trace_id);
        Some(Self {
            trace_id,
            parent: of_trace.and_then(|context| context.parent),
            span_id: text(SPAN_ID).and_then(SpanId::parse),
        })
    }
}

/// Returns the bytes of exactly `2 * N` hexadecimal digits.
fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let digit = |byte: u8| (byte as char).to_digit(16).map(|digit| digit as u8);
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

/// Writes lower-case hexadecimal digits.
fn write_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    #[test]
    fn headers_of_later_versions_may_be_longer() {
        let parsed = |text: &str| TraceContext::parse_traceparent(text).is_some();
        assert!(parsed(&format!("00-{TRACE}-{SPAN}-01")));
        assert!(parsed(&format!("01-{TRACE}-{SPAN}-01-more")));
        for invalid in [
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-1"),
            format!("00-{}-{SPAN}-01", "0".repeat(32)),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
            format!("00-{}-{SPAN}-01", "g".repeat(32)),
            String::new(),
        ] {
            assert!(!parsed(&invalid), "{invalid}");
        }
    }

    #[test]
    fn the_field_trace_id_has_precedence() {
        let other = "11111111111111111111111111111111";
        let header = format!("00-{TRACE}-{SPAN}-01");
        let of = |text: String| TraceContext::of_fields(&text);
        let found = of(format!(r#"{{"traceparent":"{header}","id":3}}"#)).unwrap();
        assert_eq!(found.trace_id.to_string(), TRACE);
        assert_eq!(found.parent.unwrap().to_string(), SPAN);
        let found = of(format!(
            r#"{{"traceparent":"{header}","trace_id":"{other}","span_id":"{SPAN}"}}"#
        ))
        .unwrap();
        assert_eq!(found.trace_id.to_string(), other);
        assert_eq!(found.parent, None, "it is a span of another trace");
        assert_eq!(found.span_id.unwrap().to_string(), SPAN);
        for without in [
            "{}",
            r#"{"route":"trace_id"}"#,
            r#"{"trace_id":7}"#,
            r#"{"trace_id":"x"}"#,
            "trace_id",
        ] {
            assert_eq!(of(without.to_owned()), None, "{without}");
        }
    }

    #[test]
    fn a_uuid_is_a_trace_id() {
        let id = TraceId::parse("67e55044-10b1-426f-9247-bb680e5fe0c8").unwrap();
        assert_eq!(id.to_string(), "67e5504410b1426f9247bb680e5fe0c8");
        assert_eq!(TraceId::parse(&id.to_string()), Some(id));
        assert_eq!(SpanId::parse(TRACE), None);
    }
}
