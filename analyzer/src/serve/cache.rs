//! Keeps answers about ended runs, because they change only with the run's state.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use axum::body::Bytes;

/// Largest sum of all kept answers in bytes.
const MOST_BYTES: usize = 64 << 20;

/// A kept answer: bytes of a body, and where its rows end if it is a list that is read in pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeptAnswer {
    /// The body, or all rows of a list.
    pub(super) bytes: Bytes,
    /// Ends of the rows.
    pub(super) row_ends: Arc<[usize]>,
    /// Members of a list's object other than the rows, without braces.
    pub(super) head: Bytes,
}

impl KeptAnswer {
    /// Creates an answer that is sent as it is.
    pub(super) fn body(bytes: Vec<u8>) -> Self {
        Self {
            bytes: bytes.into(),
            row_ends: Arc::default(),
            head: Bytes::new(),
        }
    }

    /// Returns its size in bytes.
    pub(super) fn size(&self) -> usize {
        self.bytes.len() + self.head.len() + size_of_val(&*self.row_ends)
    }
}

/// Answers by the key of their request; those that were not requested for the longest time are
/// dropped first.
#[derive(Debug, Default)]
pub(super) struct AnswerCache {
    kept: Mutex<KeptAnswers>,
    /// Locks of the answers that are being computed.
    computing: Mutex<HashMap<String, Weak<Mutex<()>>>>,
}

#[derive(Debug, Default)]
struct KeptAnswers {
    by_key: HashMap<String, (KeptAnswer, u64)>,
    bytes: usize,
    uses: u64,
}

impl AnswerCache {
    /// Returns the answer with this key.
    fn get(&self, key: &str) -> Option<KeptAnswer> {
        let mut kept = self.lock();
        kept.uses += 1;
        let now = kept.uses;
        let (answer, used) = kept.by_key.get_mut(key)?;
        *used = now;
        Some(answer.clone())
    }

    /// Keeps an answer, unless it would displace most others.
    fn put(&self, key: String, answer: KeptAnswer) {
        let size = answer.size() + key.len();
        if size > MOST_BYTES / 2 {
            return;
        }
        let mut kept = self.lock();
        kept.uses += 1;
        let now = kept.uses;
        kept.bytes += size;
        if let Some((replaced, _)) = kept.by_key.insert(key.clone(), (answer, now)) {
            kept.bytes -= replaced.size() + key.len();
        }
        while kept.bytes > MOST_BYTES {
            let oldest = kept.by_key.iter().min_by_key(|(_, (_, used))| *used);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else {
                return;
            };
            if let Some((dropped, _)) = kept.by_key.remove(&oldest) {
                kept.bytes -= dropped.size() + oldest.len();
            }
        }
    }

    /// Returns the answer with this key, or computes and keeps it. Requests for an answer that is
    /// being computed wait for it.
    ///
    /// # Errors
    /// If it cannot be computed.
    pub(super) fn get_or_compute<E>(
        &self,
        key: String,
        compute: impl FnOnce() -> Result<KeptAnswer, E>,
    ) -> Result<KeptAnswer, E> {
        let flight = self.flight(&key);
        let _computing = flight.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = self.get(&key) {
            return Ok(answer);
        }
        let answer = compute()?;
        self.put(key, answer.clone());
        Ok(answer)
    }

    fn flight(&self, key: &str) -> Arc<Mutex<()>> {
        let mut computing = self
            .computing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        computing.retain(|_, lock| lock.strong_count() > 0);
        if let Some(lock) = computing.get(key).and_then(Weak::upgrade) {
            return lock;
        }
        let lock = Arc::new(Mutex::new(()));
        computing.insert(key.to_owned(), Arc::downgrade(&lock));
        lock
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, KeptAnswers> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answers_requested_last_are_kept_within_the_limit() {
        let cache = AnswerCache::default();
        let large = || KeptAnswer::body(vec![0; MOST_BYTES / 4]);
        for at in 0..8 {
            cache.put(at.to_string(), large());
            assert!(cache.get("0").is_some(), "used each time");
        }
        assert!(cache.get("1").is_none());
        assert!(cache.get("7").is_some());
        assert!(cache.lock().bytes <= MOST_BYTES);
        cache.put("0".to_owned(), KeptAnswer::body(Vec::new()));
        assert_eq!(cache.get("0"), Some(KeptAnswer::body(Vec::new())));
        cache.put("all".to_owned(), KeptAnswer::body(vec![0; MOST_BYTES]));
        assert!(cache.get("all").is_none());
    }
}
