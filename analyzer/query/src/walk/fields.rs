//! Joins data fields to spans.

use energy_data::rows::FieldsRow;

use crate::error::Result;

/// Rows of fields, read in step with rows of spans; both are ordered by number.
pub(super) struct FieldRows<F: Iterator>(std::iter::Peekable<F>);

impl<F: Iterator<Item = Result<FieldsRow>>> FieldRows<F> {
    pub(super) fn new(rows: F) -> Self {
        Self(rows.peekable())
    }
}

impl<F: Iterator<Item = Result<FieldsRow>>> FieldRows<F> {
    pub(super) fn of_span(&mut self, seq: u64) -> Result<Option<String>> {
        let until = |row: &Result<FieldsRow>| row.as_ref().map_or(true, |row| row.span <= seq);
        while let Some(row) = self.0.next_if(until) {
            let row = row?;
            if row.span == seq {
                return Ok(Some(row.json));
            }
        }
        Ok(None)
    }
}
