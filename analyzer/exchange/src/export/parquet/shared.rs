//! Buffer between the Parquet writer and the file.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use super::super::output::ExportWriter;
use crate::error::Result;

/// Bytes produced by the Parquet writer but not yet written to the file. Shared, because the
/// writer owns its sink.
#[derive(Clone, Default)]
pub(super) struct SharedBuffer(Arc<Mutex<Vec<u8>>>);

impl SharedBuffer {
    /// Writes the bytes to `out`.
    pub(super) fn move_to(&self, out: &mut ExportWriter<'_>) -> Result<()> {
        let mut bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        out.write_all(&bytes)?;
        bytes.clear();
        Ok(())
    }
}

impl Write for SharedBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
