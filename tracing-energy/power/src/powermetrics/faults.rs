//! Counts faults of documents, which may occur in each one, and reports them at increasing
//! intervals.
//!
//! ```text
//! fault     x x x x x x x x x x x x x x        ten a second
//! reported  1   after 1 s   after 2 s more   after 4 s more .. every minute, and at the end
//! ```

use std::collections::BTreeMap;

use crate::rail::Notice;
use energy_data::units::Nanos;

/// Time from the first report to the second. It doubles up to the longest.
const FIRST_WAIT: Nanos = Nanos::from_millis(1_000);
const LONGEST_WAIT: Nanos = Nanos::from_millis(60_000);

/// One kind of fault.
#[derive(Debug, Clone)]
struct DocumentFault {
    /// Unreported faults: number, time of the first, message of the first.
    waiting: Option<(u64, Nanos, String)>,
    due: Nanos,
    wait: Nanos,
}

/// All kinds of faults of one source.
#[derive(Debug, Clone, Default)]
pub(super) struct Faults(BTreeMap<Cause, DocumentFault>);

/// The kind of an event and, where it has several causes, which one.
type Cause = (&'static str, &'static str);

impl Faults {
    /// Counts a fault.
    pub(super) fn add(&mut self, time: Nanos, cause: Cause, message: impl Into<String>) {
        let fault = self.0.entry(cause).or_insert(DocumentFault {
            waiting: None,
            due: time,
            wait: FIRST_WAIT,
        });
        let new = || (0, time, message.into());
        fault.waiting.get_or_insert_with(new).0 += 1;
    }

    /// Returns the notices that are due at `now`, or all of them `at_end`.
    pub(super) fn due_notices(&mut self, now: Nanos, at_end: bool) -> Vec<Notice> {
        let due = self
            .0
            .iter_mut()
            .filter(|(_, one)| at_end || one.due <= now);
        due.filter_map(|(&(kind, _), one)| {
            let (count, time, first) = one.waiting.take()?;
            one.due = now + one.wait;
            one.wait = (one.wait + one.wait).min(LONGEST_WAIT);
            let message = match count {
                1 => format!("powermetrics: {first}"),
                count => format!("powermetrics: {count} times; first: {first}"),
            };
            Some(Notice {
                time,
                kind,
                message,
            })
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: i64) -> Nanos {
        Nanos::from_millis(millis)
    }

    #[test]
    fn a_fault_of_every_document_is_reported_rarely_with_the_full_count() {
        let mut faults = Faults::default();
        let mut messages = Vec::new();
        for at in 0..600 {
            faults.add(ms(100 * at), ("odd_document", ""), format!("document {at}"));
            let due = faults.due_notices(ms(100 * at), at == 599);
            messages.extend(due.into_iter().map(|notice| notice.message));
        }
        assert_eq!(messages[0], "powermetrics: document 0");
        assert_eq!(messages[1], "powermetrics: 10 times; first: document 1");
        let count = |text: &String| {
            let count = text.split(' ').nth(1)?.parse::<u64>().ok();
            Some(count.unwrap_or(1))
        };
        assert_eq!(messages.iter().filter_map(count).sum::<u64>(), 600);
        assert_eq!(messages.len(), 7);
    }

    #[test]
    fn kinds_are_reported_separately() {
        let mut faults = Faults::default();
        faults.add(ms(0), ("overlap", ""), "a");
        faults.add(ms(0), ("stray_text", ""), "b");
        let kinds: Vec<_> = faults.due_notices(ms(0), false);
        assert_eq!(kinds.len(), 2);
        assert_eq!(faults.due_notices(ms(5_000), true), []);
    }
}
