//! The queue of updates that all subscribers share.
//!
//! ```text
//! number   ...  7    8    9    10   11        at most `capacity` updates are kept
//!               |         ^              ^
//!               oldest    subscriber A   subscriber B
//! ```

use std::collections::VecDeque;
use std::sync::Arc;

use energy_data::live::Update;
use energy_data::rows::RunStatus;
use energy_data::sink::Batch;

/// The latest updates, by ascending number.
#[derive(Debug)]
pub(super) struct Ring {
    updates: VecDeque<Update>,
    capacity: usize,
    /// Number of the oldest update.
    oldest: u64,
    /// Rows that later rows refer to.
    context: Arc<Batch>,
    run: Option<Arc<str>>,
    is_closed: bool,
}

/// What a subscriber receives next.
#[derive(Debug)]
pub(super) enum Next {
    /// An update.
    Update(Update),
    /// This number of updates is lost.
    Lost(u64),
    /// Nothing yet.
    Nothing,
    /// Nothing any more.
    Closed,
}

impl Ring {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            updates: VecDeque::new(),
            capacity: capacity.max(1),
            oldest: 0,
            context: Arc::default(),
            run: None,
            is_closed: false,
        }
    }

    /// Returns the number of the next update that arrives.
    pub(super) fn end(&self) -> u64 {
        self.oldest + self.updates.len() as u64
    }

    /// Returns the rows that later rows refer to, if any arrived.
    pub(super) fn context(&self) -> Option<Update> {
        let run = Arc::clone(self.run.as_ref()?);
        let batch = Arc::clone(&self.context);
        Some(Update::Rows { run, batch })
    }

    /// Remembers the rows of `batch` that later rows refer to. Returns the uuid of the run.
    pub(super) fn remember(&mut self, batch: &Batch) -> Option<Arc<str>> {
        if let Some(run) = &batch.run {
            self.run.get_or_insert_with(|| run.uuid.as_str().into());
        }
        let is_context = batch.run.is_some()
            || !(batch.rails.is_empty()
                && batch.processes.is_empty()
                && batch.threads.is_empty()
                && batch.callsites.is_empty()
                && batch.nodes.is_empty()
                && batch.baselines.is_empty());
        if is_context {
            // Copies the rows only if a subscriber still reads them.
            let context = Arc::make_mut(&mut self.context);
            if batch.run.is_some() {
                context.run.clone_from(&batch.run);
            }
            replace(&mut context.rails, &batch.rails, |row| row.id);
            replace(&mut context.processes, &batch.processes, |row| row.id);
            replace(&mut context.threads, &batch.threads, |row| row.id);
            replace(&mut context.baselines, &batch.baselines, |row| row.rail);
            context.callsites.extend_from_slice(&batch.callsites);
            context.nodes.extend_from_slice(&batch.nodes);
        }
        self.run.clone()
    }

    /// Adds an update; the oldest one gives way.
    pub(super) fn push(&mut self, update: Update) {
        if self.updates.len() == self.capacity {
            self.updates.pop_front();
            self.oldest += 1;
        }
        self.updates.push_back(update);
    }

    /// Forgets all updates, because nobody receives them.
    pub(super) fn clear(&mut self) {
        self.oldest = self.end();
        self.updates.clear();
    }

    /// Adds the end of the run and ends the updates. The end is not added earlier, because the
    /// recorder may send several batches with it.
    pub(super) fn close(&mut self) {
        let status = self.context.run.as_ref().map(|row| row.status);
        let status = status.filter(|status| *status != RunStatus::Running);
        if let (Some(run), Some(status)) = (self.run.clone(), status) {
            self.push(Update::Ended { run, status });
        }
        self.is_closed = true;
    }

    /// Returns what follows update number `next`, and moves it on.
    pub(super) fn next(&self, next: &mut u64) -> Next {
        if *next < self.oldest {
            let lost = self.oldest - *next;
            *next = self.oldest;
            return Next::Lost(lost);
        }
        let place = usize::try_from(*next - self.oldest).unwrap_or(usize::MAX);
        match self.updates.get(place) {
            Some(update) => {
                *next += 1;
                Next::Update(update.clone())
            }
            None if self.is_closed => Next::Closed,
            None => Next::Nothing,
        }
    }
}

/// Appends `new` rows, or replaces those with a known key. These tables are short.
fn replace<T: Clone>(rows: &mut Vec<T>, new: &[T], key: impl Fn(&T) -> u32) {
    for row in new {
        match rows.iter_mut().rev().find(|known| key(known) == key(row)) {
            Some(known) => *known = row.clone(),
            None => rows.push(row.clone()),
        }
    }
}
