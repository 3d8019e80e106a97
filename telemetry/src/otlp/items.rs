//! Items that wait for a request.

use super::request::{EncodedRequest, OtlpItem};
use super::resource::RunResource;

/// Maximum number of items of a request. Collectors drop parts of larger ones, and answer with 200.
pub const MAX_ITEMS: usize = 8_192;
/// Size of the items in bytes of one request.
const MAX_BYTES: usize = 4 << 20;

/// Items of one run for the next request.
#[derive(Debug)]
pub struct RequestItems<T> {
    run: RunResource,
    items: Vec<T>,
    count: u64,
    bytes: usize,
}

impl<T: OtlpItem> RequestItems<T> {
    /// Creates it for the signals of a run.
    pub fn new(run: &RunResource) -> Self {
        Self {
            run: run.clone(),
            items: Vec::new(),
            count: 0,
            bytes: 0,
        }
    }

    /// Returns the number of items.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Adds an item. Returns a request with those before it if there are enough for one.
    pub fn push(&mut self, item: T) -> Option<EncodedRequest> {
        let (bytes, count) = (item.encoded_len(), item.count());
        let is_full = self.count + count > MAX_ITEMS as u64 || self.bytes + bytes > MAX_BYTES;
        let full = is_full.then(|| self.take()).flatten();
        self.bytes += bytes;
        self.count += count;
        self.items.push(item);
        full
    }

    /// Returns a request with all items; `None` without any.
    pub fn take(&mut self) -> Option<EncodedRequest> {
        if self.items.is_empty() {
            return None;
        }
        let items = std::mem::take(&mut self.items);
        let count = std::mem::take(&mut self.count);
        self.bytes = 0;
        Some(EncodedRequest {
            signal: T::SIGNAL,
            body: T::encode_request(items, &self.run),
            items: count,
        })
    }
}
