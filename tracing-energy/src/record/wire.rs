//! Encoding of a traced thread's log: flat records of 64-bit words.
//!
//! The first word of every record holds its kind in the low byte. Timed records
//! carry the clock's raw count since the recorder began in the other 56 bits.
//!
//! Ids that the log implies are omitted: fewer words mean fewer cache lines shared between
//! two processors.
//!
//! ```text
//! NEW          time  id  callsite             inside the thread's current span
//! NEW_UNDER    time  id  callsite  parent
//! ENTER        time  id
//! ENTER_NEW    time                           the latest NEW of this log
//! EXIT         time  id
//! EXIT_LAST    time                           the latest ENTER of this log
//! CLOSE        time  id
//! CLOSE_LAST   time                           the latest EXIT of this log
//! RECORD       time  id
//! EVENT        time  callsite  parent
//! FOLLOWS      time  id  followed id
//! THREAD_END   time                           the last one of a log
//! CPU_TIME     time  ns                       CPU time of the thread until now
//! FIELD        len|index|type  value...       belongs to the record before it
//! SMALL_FIELD  value|index|type               a number of 32 bits
//! ```

use tracing::Metadata;

/// Kind of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum RecordKind {
    New = 1,
    NewUnder,
    Enter,
    EnterNew,
    Exit,
    ExitLast,
    Close,
    CloseLast,
    Record,
    Event,
    Follows,
    Field,
    ThreadEnd,
    SmallField,
    CpuTime,
}

impl RecordKind {
    fn of(word: u64) -> Self {
        match word as u8 {
            1 => Self::New,
            2 => Self::NewUnder,
            3 => Self::Enter,
            4 => Self::EnterNew,
            5 => Self::Exit,
            6 => Self::ExitLast,
            7 => Self::Close,
            8 => Self::CloseLast,
            9 => Self::Record,
            10 => Self::Event,
            11 => Self::Follows,
            12 => Self::Field,
            13 => Self::ThreadEnd,
            15 => Self::CpuTime,
            _ => Self::SmallField,
        }
    }
}

/// Type of a field's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum FieldType {
    U64 = 1,
    I64 = 2,
    F64 = 3,
    Bool = 4,
    Text = 5,
    /// Text that was cut to [`MAX_TEXT`].
    CutText = 6,
}

/// Longest text kept of one field, in bytes.
pub(crate) const MAX_TEXT: usize = 256;
/// `parent` of a span that has none.
pub(crate) const ROOT: u64 = 0;
/// `parent` of a span whose parent is the thread's current span.
pub(crate) const CONTEXTUAL: u64 = u64::MAX;

const TIME_SHIFT: u32 = 8;

/// Returns the first word of a timed record.
#[inline]
pub(crate) fn timed(kind: RecordKind, time: u64) -> u64 {
    time << TIME_SHIFT | kind as u64
}

/// Returns the first word of a field.
#[inline]
pub(crate) fn field(kind: FieldType, index: usize, len: usize) -> u64 {
    (len as u64) << 32
        | (index as u64 & 0xffff) << 16
        | (kind as u64) << 8
        | RecordKind::Field as u64
}

/// Encodes a 32-bit number as a complete field.
#[inline]
pub(crate) fn small_field(kind: FieldType, index: usize, value: u32) -> u64 {
    u64::from(value) << 32
        | (index as u64 & 0xffff) << 16
        | (kind as u64) << 8
        | RecordKind::SmallField as u64
}

/// Encodes a callsite as a word.
#[inline]
pub(crate) fn callsite(metadata: &'static Metadata<'static>) -> u64 {
    std::ptr::from_ref(metadata).addr() as u64
}

/// Decodes a callsite encoded by [`callsite`].
///
/// # Safety
/// `word` must come from [`callsite`] in this process.
pub(crate) unsafe fn metadata(word: u64) -> &'static Metadata<'static> {
    let address = std::ptr::with_exposed_provenance::<Metadata<'static>>(word as usize);
    // SAFETY: by the contract, the address of a `&'static Metadata`.
    unsafe { &*address }
}

/// One record, decoded in place.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(
    clippy::enum_variant_names,
    reason = "`Record` is what `tracing` calls it"
)]
pub(crate) enum Record<'a> {
    New { id: u64, callsite: u64, parent: u64 },
    Enter { id: u64 },
    Exit { id: u64 },
    Close { id: u64 },
    Record { id: u64 },
    Event { callsite: u64, parent: u64 },
    Follows { id: u64, follows: u64 },
    Field { index: usize, value: FieldValue<'a> },
    ThreadEnd,
    CpuTime { used_ns: u64 },
}

/// A field's value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum FieldValue<'a> {
    U64(u64),
    I64(i64),
    F64(f64),
    Bool(bool),
    Text { bytes: &'a [u8], cut: bool },
}

/// The ids implied by a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Latest {
    pub(crate) new: u64,
    pub(crate) entered: u64,
    pub(crate) exited: u64,
}

impl Latest {
    /// Updates the ids by `record`.
    #[inline]
    pub(crate) fn follow(&mut self, record: &Record<'_>) {
        match *record {
            Record::New { id, .. } => self.new = id,
            Record::Enter { id } => self.entered = id,
            Record::Exit { id } => self.exited = id,
            _ => {}
        }
    }
}

/// Returns the raw time of the record that starts with `word`; `None` for a field.
#[inline]
pub(crate) fn time_of(word: u64) -> Option<u64> {
    let is_field = matches!(
        RecordKind::of(word),
        RecordKind::Field | RecordKind::SmallField
    );
    (!is_field).then_some(word >> TIME_SHIFT)
}

/// Returns the number of words of the record that starts with `word`.
#[inline]
pub(crate) fn words_of(word: u64) -> usize {
    match RecordKind::of(word) {
        RecordKind::NewUnder => 4,
        RecordKind::New | RecordKind::Event | RecordKind::Follows => 3,
        RecordKind::Enter
        | RecordKind::Exit
        | RecordKind::Close
        | RecordKind::Record
        | RecordKind::CpuTime => 2,
        RecordKind::EnterNew | RecordKind::ExitLast | RecordKind::CloseLast => 1,
        RecordKind::ThreadEnd | RecordKind::SmallField => 1,
        RecordKind::Field => 1 + ((word >> 32) as usize).div_ceil(8),
    }
}

/// Decodes the complete record at the start of `words`, in a log that implies the ids
/// `latest`.
pub(crate) fn decode(words: &[u64], latest: Latest) -> Record<'_> {
    match RecordKind::of(words[0]) {
        RecordKind::New => Record::New {
            id: words[1],
            callsite: words[2],
            parent: CONTEXTUAL,
        },
        RecordKind::NewUnder => Record::New {
            id: words[1],
            callsite: words[2],
            parent: words[3],
        },
        RecordKind::Enter => Record::Enter { id: words[1] },
        RecordKind::EnterNew => Record::Enter { id: latest.new },
        RecordKind::Exit => Record::Exit { id: words[1] },
        RecordKind::ExitLast => Record::Exit { id: latest.entered },
        RecordKind::Close => Record::Close { id: words[1] },
        RecordKind::CloseLast => Record::Close { id: latest.exited },
        RecordKind::Record => Record::Record { id: words[1] },
        RecordKind::Event => Record::Event {
            callsite: words[1],
            parent: words[2],
        },
        RecordKind::Follows => Record::Follows {
            id: words[1],
            follows: words[2],
        },
        RecordKind::ThreadEnd => Record::ThreadEnd,
        RecordKind::CpuTime => Record::CpuTime { used_ns: words[1] },
        RecordKind::Field => decode_field(words),
        RecordKind::SmallField => decode_small_field(words[0]),
    }
}

fn field_index(word: u64) -> usize {
    (word >> 16 & 0xffff) as usize
}

fn decode_small_field(word: u64) -> Record<'static> {
    let bits = (word >> 32) as u32;
    let value = match (word >> 8) as u8 {
        2 => FieldValue::I64(i64::from(bits as i32)),
        4 => FieldValue::Bool(bits != 0),
        _ => FieldValue::U64(u64::from(bits)),
    };
    Record::Field {
        index: field_index(word),
        value,
    }
}

fn decode_field(words: &[u64]) -> Record<'_> {
    let word = words[0];
    let value = match (word >> 8) as u8 {
        1 => FieldValue::U64(words[1]),
        2 => FieldValue::I64(words[1] as i64),
        3 => FieldValue::F64(f64::from_bits(words[1])),
        kind => FieldValue::Text {
            bytes: text_bytes(&words[1..], (word >> 32) as usize),
            cut: kind == FieldType::CutText as u8,
        },
    };
    Record::Field {
        index: field_index(word),
        value,
    }
}

fn text_bytes(words: &[u64], len: usize) -> &[u8] {
    debug_assert!(len <= words.len() * 8);
    let bytes = words.as_ptr().cast::<u8>();
    // SAFETY: `len` bytes lie inside `words`; u64 has no padding and u8 no alignment.
    unsafe { std::slice::from_raw_parts(bytes, len.min(words.len() * 8)) }
}
