//! Finds repeated documents in a file to which an overlapping recording was appended.
//!
//! Equal documents are no proof, because a steady machine may be recorded in round numbers. A
//! document is a repeat if an earlier one has the same content, and
//!
//! ```text
//! its length is not round (1021540375 ns)   no two intervals are equal to the nanosecond
//! it lasts a second or more                 two of them cannot end in one second
//! its time is before that of an earlier one the file repeats an earlier part; as many are
//!                                           repeats as occurred before
//! ```

use std::collections::HashMap;

use super::placement::IntervalStamp;
use energy_data::units::Nanos;

const SECOND: Nanos = Nanos::from_millis(1_000);
const MILLISECOND_NS: i64 = 1_000_000;

/// Counts the documents of a file.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    /// Largest number of occurrences of each content in one earlier pass through time.
    before: HashMap<u64, u32>,
    /// Number of occurrences in the current pass.
    now: HashMap<u64, u32>,
    latest_s: Option<i64>,
}

impl Repeats {
    /// Accepts the next document, by a hash of its content. Returns whether it is a repeat.
    pub(super) fn is_repeat(&mut self, content: u64, stamp: &IntervalStamp) -> bool {
        self.note_time(stamp.unix_s);
        let before = self.before.get(&content).copied().unwrap_or(0);
        let now = self.now.entry(content).or_default();
        *now += 1;
        let is_unique = stamp.elapsed.nanos() % MILLISECOND_NS != 0
            || stamp.unix_s.is_some() && stamp.elapsed >= SECOND;
        *now <= before || is_unique && (*now > 1 || before > 0)
    }

    /// Starts a new pass if the time goes back.
    fn note_time(&mut self, unix_s: Option<i64>) {
        let Some(unix_s) = unix_s else { return };
        let latest = *self.latest_s.get_or_insert(unix_s);
        if unix_s < latest {
            for (content, count) in self.now.drain() {
                let known = self.before.entry(content).or_default();
                *known = count.max(*known);
            }
            self.latest_s = Some(unix_s);
        } else {
            self.latest_s = Some(latest.max(unix_s));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns how many documents (content, second, length in us) are kept.
    fn kept(documents: &[(u64, i64, i64)]) -> usize {
        let mut repeats = Repeats::default();
        let is_new = |&&(content, second, micros): &&(u64, i64, i64)| {
            let stamp = IntervalStamp {
                elapsed: Nanos::from_nanos(micros * 1_000),
                unix_s: (second >= 0).then_some(second),
            };
            !repeats.is_repeat(content, &stamp)
        };
        documents.iter().filter(is_new).count()
    }

    #[test]
    fn equal_documents_of_a_steady_machine_are_kept() {
        let steady: Vec<_> = (0..40).map(|at| (7, 100 + at / 10, 100_000)).collect();
        assert_eq!(kept(&steady), 40);
        assert_eq!(
            kept(&[(7, -1, 1_000_000); 5]),
            5,
            "without a time there is no proof"
        );
    }

    #[test]
    fn documents_of_a_second_pass_are_repeats() {
        let steady: Vec<_> = (0..40)
            .map(|at| (7 + at / 10, 100 + at as i64 / 10, 100_000))
            .collect();
        let twice = [steady.clone(), steady.clone()].concat();
        assert_eq!(kept(&twice), 40);
        let thrice = [twice, steady[20..].to_vec()].concat();
        assert_eq!(kept(&thrice), 40);
    }

    #[test]
    fn equal_lengths_in_nanoseconds_or_whole_seconds_are_repeats() {
        let odd = [
            (1, -1, 100_004),
            (2, -1, 100_007),
            (1, -1, 100_004),
            (2, -1, 100_007),
        ];
        assert_eq!(kept(&odd), 2);
        let seconds = [
            (1, 5, 1_000_000),
            (1, 5, 1_000_000),
            (2, 6, 1_000_000),
            (2, 6, 1_000_000),
        ];
        assert_eq!(kept(&seconds), 2);
    }
}
