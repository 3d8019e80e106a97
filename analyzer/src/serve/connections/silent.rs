//! Connections that still wait for their first request. When no place is free, the oldest is closed,
//! so that clients that send nothing do not exclude others.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The connections, by their order of arrival.
#[derive(Debug, Clone, Default)]
pub(super) struct SilentConnections(Arc<Mutex<SilentState>>);

#[derive(Debug, Default)]
struct SilentState {
    waiting: BTreeMap<u64, Arc<Notify>>,
    next: u64,
}

impl SilentConnections {
    /// Adds a connection.
    pub(super) fn enter(&self) -> SilentPlace {
        let closed = Arc::new(Notify::new());
        let mut state = self.lock();
        let number = state.next;
        state.next += 1;
        state.waiting.insert(number, Arc::clone(&closed));
        drop(state);
        SilentPlace {
            all: self.clone(),
            number,
            closed,
        }
    }

    /// Closes the connection that arrived first, if there is one.
    pub(super) fn close_oldest(&self) {
        if let Some((_, oldest)) = self.lock().waiting.pop_first() {
            oldest.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, SilentState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection among them.
#[derive(Debug)]
pub(super) struct SilentPlace {
    all: SilentConnections,
    number: u64,
    closed: Arc<Notify>,
}

impl SilentPlace {
    /// Removes the connection, because a request has arrived.
    pub(super) fn leave(&self) {
        self.all.lock().waiting.remove(&self.number);
    }

    /// Returns the signal to close the connection.
    pub(super) fn closed(&self) -> Arc<Notify> {
        Arc::clone(&self.closed)
    }
}

impl Drop for SilentPlace {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_oldest_connection_without_a_request_is_closed() {
        let all = SilentConnections::default();
        let places: Vec<SilentPlace> = (0..4).map(|_| all.enter()).collect();
        places[0].leave();
        let mut places = places.into_iter();
        let (answered, gone) = (places.next().unwrap(), places.next());
        drop(gone);
        let (oldest, newest) = (places.next().unwrap(), places.next().unwrap());
        all.close_oldest();
        oldest.closed().notified().await;
        assert_eq!(all.lock().waiting.len(), 1);
        all.close_oldest();
        newest.closed().notified().await;
        // Nobody is left.
        all.close_oldest();
        drop(answered);
    }
}
