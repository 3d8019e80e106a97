//! What a traced thread writes: flat records of 64-bit words.
//!
//! The first word of every record holds its kind in the low byte. Timed records
//! carry the clock's raw count since the recorder began in the other 56 bits.
//!
//! Fewer words are fewer cache lines that two processors pass to and fro, so ids
//! that the log itself implies are left out.
//!
//! ```text
//! NEW          time  id  callsite             inside what the thread is in
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
pub(crate) enum Kind {
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

impl Kind {
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
/// `parent` of a span whose parent is whatever this thread is in.
pub(crate) const CONTEXTUAL: u64 = u64::MAX;

const TIME_SHIFT: u32 = 8;

/// First word of a timed record.
#[inline]
pub(crate) fn timed(kind: Kind, time: u64) -> u64 {
    time << TIME_SHIFT | kind as u64
}

/// First word of a field.
#[inline]
pub(crate) fn field(kind: FieldType, index: usize, len: usize) -> u64 {
    (len as u64) << 32 | (index as u64 & 0xffff) << 16 | (kind as u64) << 8 | Kind::Field as u64
}

/// A number of 32 bits as a whole field.
#[inline]
pub(crate) fn small_field(kind: FieldType, index: usize, value: u32) -> u64 {
    u64::from(value) << 32
        | (index as u64 & 0xffff) << 16
        | (kind as u64) << 8
        | Kind::SmallField as u64
}

/// A callsite as a word.
#[inline]
pub(crate) fn callsite(metadata: &'static Metadata<'static>) -> u64 {
    std::ptr::from_ref(metadata).addr() as u64
}

/// The callsite that [`callsite`] made `word` of.
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
    Field { index: usize, value: Value<'a> },
    ThreadEnd,
    CpuTime { used_ns: u64 },
}

/// A field's value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value<'a> {
    U64(u64),
    I64(i64),
    F64(f64),
    Bool(bool),
    Text { bytes: &'a [u8], cut: bool },
}

/// The ids that a log implies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Latest {
    pub(crate) new: u64,
    pub(crate) entered: u64,
    pub(crate) exited: u64,
}

impl Latest {
    /// Follows `record`.
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

/// Raw time of the record that starts with `word`; none for a field.
#[inline]
pub(crate) fn time_of(word: u64) -> Option<u64> {
    let is_field = matches!(Kind::of(word), Kind::Field | Kind::SmallField);
    (!is_field).then_some(word >> TIME_SHIFT)
}

/// Words of the record that starts with `word`.
#[inline]
pub(crate) fn words_of(word: u64) -> usize {
    match Kind::of(word) {
        Kind::NewUnder => 4,
        Kind::New | Kind::Event | Kind::Follows => 3,
        Kind::Enter | Kind::Exit | Kind::Close | Kind::Record | Kind::CpuTime => 2,
        Kind::EnterNew | Kind::ExitLast | Kind::CloseLast => 1,
        Kind::ThreadEnd | Kind::SmallField => 1,
        Kind::Field => 1 + ((word >> 32) as usize).div_ceil(8),
    }
}

/// Decodes the record at the start of `words`, which hold it whole, in a log that
/// implies the ids `latest`.
pub(crate) fn decode(words: &[u64], latest: Latest) -> Record<'_> {
    match Kind::of(words[0]) {
        Kind::New => Record::New {
            id: words[1],
            callsite: words[2],
            parent: CONTEXTUAL,
        },
        Kind::NewUnder => Record::New {
            id: words[1],
            callsite: words[2],
            parent: words[3],
        },
        Kind::Enter => Record::Enter { id: words[1] },
        Kind::EnterNew => Record::Enter { id: latest.new },
        Kind::Exit => Record::Exit { id: words[1] },
        Kind::ExitLast => Record::Exit { id: latest.entered },
        Kind::Close => Record::Close { id: words[1] },
        Kind::CloseLast => Record::Close { id: latest.exited },
        Kind::Record => Record::Record { id: words[1] },
        Kind::Event => Record::Event {
            callsite: words[1],
            parent: words[2],
        },
        Kind::Follows => Record::Follows {
            id: words[1],
            follows: words[2],
        },
        Kind::ThreadEnd => Record::ThreadEnd,
        Kind::CpuTime => Record::CpuTime { used_ns: words[1] },
        Kind::Field => decode_field(words),
        Kind::SmallField => decode_small_field(words[0]),
    }
}

fn field_index(word: u64) -> usize {
    (word >> 16 & 0xffff) as usize
}

fn decode_small_field(word: u64) -> Record<'static> {
    let bits = (word >> 32) as u32;
    let value = match (word >> 8) as u8 {
        2 => Value::I64(i64::from(bits as i32)),
        4 => Value::Bool(bits != 0),
        _ => Value::U64(u64::from(bits)),
    };
    Record::Field {
        index: field_index(word),
        value,
    }
}

fn decode_field(words: &[u64]) -> Record<'_> {
    let word = words[0];
    let value = match (word >> 8) as u8 {
        1 => Value::U64(words[1]),
        2 => Value::I64(words[1] as i64),
        3 => Value::F64(f64::from_bits(words[1])),
        kind => Value::Text {
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
