//! Limits how often a client may send wrong tokens.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Number of wrong tokens within [`PERIOD`] after which further ones are answered with 429.
const MOST: u32 = 10;
/// Time that a client with too many wrong tokens must wait.
const PERIOD: Duration = Duration::from_secs(60);
/// Number of clients that are remembered.
const CLIENTS: usize = 1024;

/// Wrong tokens of each address.
#[derive(Debug, Default)]
pub(super) struct Attempts(Mutex<HashMap<IpAddr, (Instant, u32)>>);

impl Attempts {
    /// Returns the time to wait if the client has sent too many wrong tokens.
    pub(super) fn wait(&self, client: IpAddr, now: Instant) -> Option<Duration> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, count) = known.get(&client)?;
        let end = *since + PERIOD;
        (*count >= MOST && now < end).then(|| end - now)
    }

    /// Counts a wrong token.
    pub(super) fn add(&self, client: IpAddr, now: Instant) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= CLIENTS {
            known.retain(|_, (since, _)| now < *since + PERIOD);
        }
        if known.len() >= CLIENTS {
            known.clear();
        }
        let (since, count) = known.entry(client).or_insert((now, 0));
        if now >= *since + PERIOD {
            (*since, *count) = (now, 0);
        }
        *count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_waits_after_ten_wrong_tokens_and_others_do_not() {
        let [one, other] = [[10, 0, 0, 1], [10, 0, 0, 2]].map(IpAddr::from);
        let (attempts, start) = (Attempts::default(), Instant::now());
        for _ in 0..MOST {
            assert_eq!(attempts.wait(one, start), None);
            attempts.add(one, start);
        }
        assert_eq!(attempts.wait(one, start), Some(PERIOD));
        assert_eq!(attempts.wait(other, start), None);
        assert_eq!(attempts.wait(one, start + PERIOD), None);
        attempts.add(one, start + PERIOD);
        assert_eq!(attempts.wait(one, start + PERIOD), None);
    }
}
