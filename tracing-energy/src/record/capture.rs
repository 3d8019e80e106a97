//! Writes field values of spans and events as records.

use std::fmt::{self, Write};

use tracing::Metadata;
use tracing::field::{Field, Visit};

use super::device_fields;
use super::shared::{Capture, FieldCapture};
use super::thread_log::Writer;
use super::wire::{self, FieldType, MAX_TEXT};

/// Writes the fields that are kept. `keys` are the fields kept even if capture is
/// restricted or texts are excluded.
#[inline(always)]
pub(crate) fn write_fields(
    writer: &Writer,
    kept: FieldCapture,
    keys: &[String],
    visit: impl FnOnce(&mut dyn Visit),
) {
    let mut all = FieldWriter { writer };
    let has_data = kept.capture == Capture::All;
    match kept.texts && has_data {
        true => visit(&mut all),
        false => visit(&mut NarrowWriter {
            all,
            keys,
            has_data,
        }),
    }
}

/// Writes the fields it visits.
struct FieldWriter<'a> {
    writer: &'a Writer,
}

impl FieldWriter<'_> {
    #[inline(always)]
    fn number(&self, field: &Field, kind: FieldType, word: u64) {
        self.writer
            .append([wire::field(kind, field.index(), 8), word]);
    }

    #[inline(always)]
    fn small(&self, field: &Field, kind: FieldType, value: u32) {
        self.writer
            .append([wire::small_field(kind, field.index(), value)]);
    }

    fn text(&self, field: &Field, text: &[u8], cut: bool) {
        if !self.writer.reserve(1 + text.len().div_ceil(8)) {
            return;
        }
        let kind = if cut {
            FieldType::CutText
        } else {
            FieldType::Text
        };
        self.writer
            .append([wire::field(kind, field.index(), text.len())]);
        for bytes in text.chunks(8) {
            let mut word = [0; 8];
            word[..bytes.len()].copy_from_slice(bytes);
            self.writer.append([u64::from_ne_bytes(word)]);
        }
    }
}

impl Visit for FieldWriter<'_> {
    fn record_u64(&mut self, field: &Field, value: u64) {
        match u32::try_from(value) {
            Ok(small) => self.small(field, FieldType::U64, small),
            Err(_) => self.number(field, FieldType::U64, value),
        }
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        match i32::try_from(value) {
            Ok(small) => self.small(field, FieldType::I64, small as u32),
            Err(_) => self.number(field, FieldType::I64, value as u64),
        }
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.number(field, FieldType::F64, value.to_bits());
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.small(field, FieldType::Bool, u32::from(value));
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        let kept = &value.as_bytes()[..floor_char_boundary(value, MAX_TEXT)];
        self.text(field, kept, kept.len() < value.len());
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = ShortText::default();
        // An error means that the value's own formatting failed or was cut.
        let cut = write!(text, "{value:?}").is_err();
        self.text(field, text.bytes(), cut);
    }
}

/// Fields that encode a text as numbers.
const TEXT_BY_NUMBERS: [&str; 2] = ["token_id", "token_ids"];

/// Writes key fields, the token number and, if data is kept, other numeric fields.
struct NarrowWriter<'a> {
    all: FieldWriter<'a>,
    keys: &'a [String],
    has_data: bool,
}

impl NarrowWriter<'_> {
    fn is_key(&self, field: &Field) -> bool {
        self.keys.iter().any(|key| key == field.name())
    }

    fn wants_number(&self, field: &Field) -> bool {
        let is_data = self.has_data && !TEXT_BY_NUMBERS.contains(&field.name());
        let is_own = field.name() == "token" || device_fields::is_time(field.name());
        is_data || is_own || self.is_key(field)
    }
}

impl Visit for NarrowWriter<'_> {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if self.wants_number(field) {
            self.all.record_u64(field, value);
        }
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        if self.wants_number(field) {
            self.all.record_i64(field, value);
        }
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        if self.wants_number(field) {
            self.all.record_f64(field, value);
        }
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        if self.wants_number(field) {
            self.all.record_bool(field, value);
        }
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        if self.is_key(field) {
            self.all.record_str(field, value);
        }
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if self.is_key(field) {
            self.all.record_debug(field, value);
        }
    }
}

/// Text on the stack, cut at [`MAX_TEXT`] bytes.
struct ShortText {
    bytes: [u8; MAX_TEXT],
    len: usize,
}

impl Default for ShortText {
    fn default() -> Self {
        Self {
            bytes: [0; MAX_TEXT],
            len: 0,
        }
    }
}

impl ShortText {
    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl fmt::Write for ShortText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let kept = floor_char_boundary(text, MAX_TEXT - self.len);
        self.bytes[self.len..self.len + kept].copy_from_slice(&text.as_bytes()[..kept]);
        self.len += kept;
        if kept < text.len() {
            Err(fmt::Error)
        } else {
            Ok(())
        }
    }
}

/// Returns the last boundary of a character at or before `at`: `str::floor_char_boundary`, which
/// is newer than `rust-version`.
fn floor_char_boundary(text: &str, at: usize) -> usize {
    if at >= text.len() {
        return text.len();
    }
    let is_boundary = |&index: &usize| text.is_char_boundary(index);
    (0..=at).rev().find(is_boundary).unwrap_or(0)
}

/// Returns whether a callsite has fields.
#[inline]
pub(crate) fn has_fields(metadata: &Metadata<'_>) -> bool {
    !metadata.fields().is_empty()
}
