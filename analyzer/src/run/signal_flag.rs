//! A signal during a generation: it ends after the present token, so that text and token counts
//! are stored.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use tracing_energy::EnergyGuard;

/// Receiver of the first signal. A second one ends the recording at once.
#[derive(Debug, Default)]
pub(super) struct SignalFlag {
    cancel: Arc<AtomicBool>,
    number: Arc<AtomicI32>,
}

impl SignalFlag {
    /// Returns a receiver of the recording's next signal.
    pub(super) fn of(guard: &EnergyGuard) -> Self {
        let flag = Self::default();
        let (cancel, number) = (Arc::clone(&flag.cancel), Arc::clone(&flag.number));
        guard.take_signal(move |signal| {
            number.store(signal, Ordering::Release);
            cancel.store(true, Ordering::Release);
        });
        flag
    }

    /// Returns the flag that is set by the signal.
    pub(super) fn cancel(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.cancel)
    }

    /// Returns the number of the received signal.
    pub(super) fn signal(&self) -> Option<i32> {
        Some(self.number.load(Ordering::Acquire)).filter(|number| *number != 0)
    }
}
