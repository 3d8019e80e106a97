//! Consecutive messages that are read again.

use super::filter::Filter;
use super::ring::{Next, Ring};
use super::spool::Spool;

/// Limits of a page. One message is always included.
#[derive(Debug, Clone, Copy)]
pub(super) struct PageLimits {
    /// Number of messages.
    pub(super) messages: usize,
    /// Bytes of all messages.
    pub(super) bytes: usize,
}

/// Messages from a number on that a filter selects.
#[derive(Debug)]
pub(super) struct Page {
    /// Numbers of the messages, and the messages as JSON.
    pub(super) texts: Vec<(u64, String)>,
    /// Number after the last message that was examined.
    pub(super) next: u64,
    bytes: usize,
    limits: PageLimits,
    is_full: bool,
}

impl Page {
    /// Creates an empty page from `seq` on.
    pub(super) fn new(seq: u64, limits: PageLimits) -> Self {
        Self {
            texts: Vec::new(),
            next: seq.max(1),
            bytes: 0,
            limits,
            is_full: false,
        }
    }

    /// Returns whether the page accepts no more messages.
    pub(super) fn is_full(&self) -> bool {
        self.is_full
    }

    /// Adds what the ring holds. Returns whether it reached the newest message or the page is full;
    /// otherwise the next message has left the ring.
    pub(super) fn read_ring(&mut self, ring: &Ring, filter: &Filter) -> bool {
        loop {
            match ring.next(self.next - 1) {
                Next::End => return true,
                Next::Gap(_) => return false,
                Next::Frame(frame) if !filter.accepts(&frame) => self.next = frame.seq + 1,
                Next::Frame(frame) => {
                    if !self.admits(frame.text.len()) {
                        return true;
                    }
                    self.texts.push((frame.seq, frame.text.to_string()));
                    self.next = frame.seq + 1;
                }
            }
        }
    }

    /// Adds what the spool holds, up to its end. It waits for the file system.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub(super) fn read_spool(&mut self, spool: &Spool, filter: &Filter) -> std::io::Result<()> {
        let mut places = Vec::new();
        spool.visit(self.next, filter, |seq, place| {
            if let Some(place) = place {
                if !self.admits(place.length()) {
                    return false;
                }
                places.push(place);
            }
            self.next = seq + 1;
            true
        });
        for place in places {
            let text = String::from_utf8(place.read()?).map_err(std::io::Error::other)?;
            self.texts.push((place.seq, text));
        }
        Ok(())
    }

    /// Counts a message, or marks the page as full.
    fn admits(&mut self, length: usize) -> bool {
        let is_first = self.bytes == 0;
        let fits = self.limits.messages > 0
            && (is_first || self.bytes.saturating_add(length) <= self.limits.bytes);
        match fits {
            true => {
                self.limits.messages -= 1;
                self.bytes += length;
            }
            false => self.is_full = true,
        }
        fits
    }
}
