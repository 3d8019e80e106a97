//! Other clients of the server: their requests use energy that the recorded one is not the cause of.
//!
//! ```text
//! this thread              counters, slots |-- request, tokens ------------| counters, slots
//! thread `energy-clients`                  |-- connections every 500 ms ---|
//! ```
//!
//! Connections are those of the system's tables. Counters are those of llama.cpp (`/metrics`, if the
//! server was started with `--metrics`): they also contain short requests that no search finds.
//! `/slots` has the requests that are being processed at that moment.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::client::HttpClient;
use super::connections;
use super::server_facts::busy_slots;
use super::token_counts::TokenCounts;
use crate::format::counted;

/// Time between searches for connections.
const EVERY: Duration = Duration::from_millis(500);
/// Time limit of the request for counters.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Counters of processed tokens: those of prompts, and generated ones.
const COUNTERS: [&str; 2] = [
    "llamacpp:prompt_tokens_total",
    "llamacpp:tokens_predicted_total",
];

/// What was found of other clients; `None` is unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct OtherClients {
    /// Most connections of theirs at a time.
    pub(super) connections: Option<usize>,
    /// Tokens of their requests that the server processed during the recorded one.
    pub(super) tokens: Option<u64>,
    /// Their requests that were being processed when the recorded one began.
    pub(super) at_begin: Option<usize>,
    /// The same when it had ended.
    pub(super) at_end: Option<usize>,
}

/// A search for other clients during a request.
#[derive(Debug)]
pub(super) struct ClientWatch {
    found: OtherClients,
    /// Sum of the counters before the request.
    counted: Option<u64>,
    search: ConnectionSearch,
}

impl ClientWatch {
    /// Begins a search. `is_llama_cpp` is whether the server is that of llama.cpp.
    pub(super) fn begin(client: &HttpClient, port: u16, is_llama_cpp: bool) -> Self {
        let found = OtherClients {
            at_begin: is_llama_cpp.then(|| busy_slots(client)).flatten(),
            ..OtherClients::default()
        };
        let counted = is_llama_cpp.then(|| counters(client)).flatten();
        Self {
            found,
            counted,
            search: ConnectionSearch::start(port),
        }
    }

    /// Ends the search after the request. `counts` are the numbers of its tokens.
    pub(super) fn end(self, client: &HttpClient, counts: &TokenCounts) -> OtherClients {
        let mut found = self.found;
        found.connections = self.search.end();
        if found.at_begin.is_some() {
            found.at_end = busy_slots(client);
        }
        found.tokens = self.counted.and_then(|before| {
            let all = counters(client)?.checked_sub(before)?;
            let input = counts.input?.saturating_sub(counts.cached.unwrap_or(0));
            let own = u64::try_from(input.saturating_add(counts.output?)).ok()?;
            Some(all.saturating_sub(own))
        });
        found
    }
}

impl OtherClients {
    /// Returns a warning for each sign of other clients.
    pub(super) fn warnings(&self) -> Vec<String> {
        let some = |count: Option<usize>| count.filter(|count| *count > 0);
        let begin = some(self.at_begin).map(|busy| {
            format!(
                "the server was processing {} when the recorded one began: its energy includes theirs",
                counted(busy, "other request")
            )
        });
        let end = some(self.at_end).map(|busy| {
            format!(
                "the server was processing {} when the recorded one had ended: its energy may include \
                 theirs",
                counted(busy, "other request")
            )
        });
        let tokens = self.tokens.filter(|tokens| *tokens > 0).map(|tokens| {
            format!(
                "the server processed {} of other requests during the recorded one: its energy includes \
                 theirs",
                counted(usize::try_from(tokens).unwrap_or(usize::MAX), "token")
            )
        });
        let connections = some(self.connections).map(|count| {
            format!(
                "connections of other clients to the server during the request: {count}; its energy may \
                 include their requests"
            )
        });
        let all = [begin, end, tokens, connections];
        all.into_iter().flatten().collect()
    }
}

/// Requests the sum of the counters.
fn counters(client: &HttpClient) -> Option<u64> {
    let answer = client.get("/metrics", TIMEOUT).ok()?;
    (answer.status == 200).then_some(())?;
    sum_of_counters(&String::from_utf8_lossy(&answer.body))
}

/// Returns the sum of the counters in the text form of Prometheus; `None` if one is missing.
fn sum_of_counters(text: &str) -> Option<u64> {
    let value = |name: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once(' '));
        let (_, value) = lines.find(|(found, _)| *found == name)?;
        let value: f64 = value.split_whitespace().next()?.parse().ok()?;
        (0.0..9e15).contains(&value).then_some(value as u64)
    };
    COUNTERS.iter().map(|name| value(name)).sum()
}

/// A thread that searches for connections.
#[derive(Debug)]
struct ConnectionSearch {
    /// Closed to end the thread.
    stop: Sender<()>,
    /// `None` if it could not be started.
    thread: Option<JoinHandle<Option<usize>>>,
}

impl ConnectionSearch {
    fn start(port: u16) -> Self {
        let (stop, stopped) = channel();
        let search = move || {
            let mut most = None;
            loop {
                most = most.max(connections::of_others(port));
                if stopped.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout) {
                    return most;
                }
            }
        };
        let thread = std::thread::Builder::new().name("energy-clients".to_owned());
        Self {
            stop,
            thread: thread.spawn(search).ok(),
        }
    }

    /// Ends the thread and returns the most connections at a time.
    fn end(self) -> Option<usize> {
        drop(self.stop);
        self.thread?.join().ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_read_from_the_text_form_of_prometheus() {
        let text = "# HELP llamacpp:prompt_tokens_total Number of prompt tokens processed.\n\
                    # TYPE llamacpp:prompt_tokens_total counter\n\
                    llamacpp:prompt_tokens_total 12\n\
                    llamacpp:prompt_tokens_seconds 99.5\n\
                    llamacpp:tokens_predicted_total 3.4e+01\n";
        assert_eq!(sum_of_counters(text), Some(46));
        for other in [
            "",
            "llamacpp:prompt_tokens_total 12",
            "llamacpp:prompt_tokens_total -1\nllamacpp:tokens_predicted_total 2",
            "llamacpp:prompt_tokens_total NaN\nllamacpp:tokens_predicted_total 2",
            "llamacpp:prompt_tokens_total x\nllamacpp:tokens_predicted_total 2",
        ] {
            assert_eq!(sum_of_counters(other), None, "{other}");
        }
    }

    #[test]
    fn a_search_ends_when_it_is_requested() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let search = ConnectionSearch::start(listener.local_addr().unwrap().port());
        let expected = cfg!(target_os = "linux").then_some(0);
        assert_eq!(search.end(), expected);
    }

    #[test]
    fn unknown_and_zero_are_no_warning() {
        assert_eq!(OtherClients::default().warnings(), Vec::<String>::new());
        let none = OtherClients {
            connections: Some(0),
            tokens: Some(0),
            at_begin: Some(0),
            at_end: Some(0),
        };
        assert_eq!(none.warnings(), Vec::<String>::new());
        let some = OtherClients {
            tokens: Some(7),
            ..none
        };
        assert!(some.warnings()[0].contains("7 tokens of other requests"));
    }
}
