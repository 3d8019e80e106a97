//! Items that wait for a request.

use std::marker::PhantomData;

use super::request::{EncodedRequest, OtlpItem, add_item, message};
use super::resource::RunResource;

/// Maximum number of items of a request. Collectors drop parts of larger ones, and answer with 200.
pub const MAX_ITEMS: usize = 8_192;
/// Size of the items in bytes from which no further one is added.
const MAX_BYTES: usize = 4 << 20;

/// Encoded items of one run for the next request.
#[derive(Debug)]
pub struct RequestItems<T> {
    run: RunResource,
    items: Vec<u8>,
    count: u64,
    of: PhantomData<T>,
}

impl<T: OtlpItem> RequestItems<T> {
    /// Creates it for the signals of a run.
    pub fn new(run: &RunResource) -> Self {
        Self {
            run: run.clone(),
            items: Vec::new(),
            count: 0,
            of: PhantomData,
        }
    }

    /// Adds an item. Returns a request with those before it if there are enough for one.
    pub fn push(&mut self, item: &T) -> Option<EncodedRequest> {
        let count = item.count();
        let is_full = self.count + count > MAX_ITEMS as u64 || self.items.len() >= MAX_BYTES;
        let full = is_full.then(|| self.take()).flatten();
        add_item(item, &mut self.items);
        self.count += count;
        full
    }

    /// Sets what describes the run. Returns a request with the items before it, if that has changed.
    pub fn set_run(&mut self, run: &RunResource) -> Option<EncodedRequest> {
        if self.run == *run {
            return None;
        }
        let before = self.take();
        self.run = run.clone();
        before
    }

    /// Returns a request with all items; `None` without any.
    pub fn take(&mut self) -> Option<EncodedRequest> {
        if self.items.is_empty() {
            return None;
        }
        let body = message(&self.items, &self.run);
        self.items.clear();
        Some(EncodedRequest {
            signal: T::SIGNAL,
            body,
            items: std::mem::take(&mut self.count),
        })
    }
}
