//! Interrupts the queries of a request if its client does not wait for the answer any more.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::InterruptHandle;

/// The queries of one request, shared by its blocking thread and its task.
#[derive(Clone, Default)]
pub(super) struct InterruptSlot(Arc<Mutex<SlotState>>);

#[derive(Default)]
enum SlotState {
    #[default]
    Idle,
    Querying(InterruptHandle),
    Cancelled,
}

impl InterruptSlot {
    /// Enables interruption of the connection with this handle. Returns false if the request was
    /// cancelled before.
    pub(super) fn begin(&self, handle: InterruptHandle) -> bool {
        let mut state = self.lock();
        if matches!(*state, SlotState::Cancelled) {
            return false;
        }
        *state = SlotState::Querying(handle);
        true
    }

    /// Disables interruption: another request may use the connection from now on.
    pub(super) fn end(&self) {
        *self.lock() = SlotState::Idle;
    }

    fn cancel(&self) {
        let mut state = self.lock();
        if let SlotState::Querying(handle) = &*state {
            handle.interrupt();
        }
        *state = SlotState::Cancelled;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, SlotState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Cancels the queries of a request when it is dropped.
#[derive(Default)]
pub(super) struct InterruptOnDrop {
    slot: InterruptSlot,
    is_kept: bool,
}

impl InterruptOnDrop {
    /// Returns the slot for the blocking thread.
    pub(super) fn slot(&self) -> InterruptSlot {
        self.slot.clone()
    }

    /// Lets the queries continue.
    pub(super) fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for InterruptOnDrop {
    fn drop(&mut self) {
        if !self.is_kept {
            self.slot.cancel();
        }
    }
}
