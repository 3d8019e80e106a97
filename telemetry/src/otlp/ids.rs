//! Ids of spans, which depend on the recording only: sending a span again makes no second span.

use energy_data::trace_context::TraceId;

/// Ids of the spans of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunIds {
    trace: TraceId,
    /// Distinguishes the spans of several runs in one trace.
    salt: u64,
}

impl RunIds {
    /// Returns the ids of a run. Its uuid is the trace of spans that have no other.
    pub fn new(uuid: &str) -> Self {
        let trace = TraceId::parse(uuid).unwrap_or_else(|| hashed(uuid));
        let bytes = trace.bytes();
        let mut low = [0; 8];
        low.copy_from_slice(&bytes[8..]);
        Self {
            trace,
            // Never a span number, which has 40 bits: the combination is never zero.
            salt: u64::from_be_bytes(low) | 1 << 63,
        }
    }

    /// Returns the trace of spans that have no other.
    pub const fn trace(&self) -> TraceId {
        self.trace
    }

    /// Returns the id of a span in a trace: its number, or in a trace that other runs may have
    /// spans in, its number combined with the run's uuid.
    pub fn span(&self, trace: TraceId, seq: u64) -> [u8; 8] {
        match trace == self.trace {
            true => seq.to_be_bytes(),
            false => (self.salt ^ seq).to_be_bytes(),
        }
    }
}

/// Returns an id for a text that is no UUID: two FNV-1a hashes.
fn hashed(text: &str) -> TraceId {
    let hash = |basis: u64| {
        let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        text.bytes().fold(basis, step)
    };
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&hash(0xcbf2_9ce4_8422_2325).to_be_bytes());
    bytes[8..].copy_from_slice(&hash(0x8422_2325_cbf2_9ce4).to_be_bytes());
    bytes[0] |= 1;
    TraceId::from_bytes(bytes).unwrap_or_else(|| hashed("run"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_two_runs_in_one_trace_have_different_ids() {
        let a = RunIds::new("67e55044-10b1-426f-9247-bb680e5fe0c8");
        let b = RunIds::new("67e55044-10b1-426f-9247-bb680e5fe0c9");
        let shared = TraceId::parse("0af7651916cd43dd8448eb211c80319c").unwrap();
        assert_eq!(a.span(a.trace(), 7), 7_u64.to_be_bytes());
        assert_ne!(a.span(shared, 7), b.span(shared, 7));
        assert_eq!(a.span(shared, 7), a.span(shared, 7));
    }

    #[test]
    fn a_text_that_is_no_uuid_has_an_id() {
        let of = |text: &str| RunIds::new(text).trace();
        assert_eq!(of("night"), of("night"));
        assert_ne!(of("night"), of("nighs"));
        assert_ne!(of(""), of("0"));
    }
}
