//! Energy of requests: of each instance of a span with everything below it, on all threads.
//!
//! ```text
//! thread 1   |-GET /a----|      |-GET /a-|     one request: its polls, and what they started
//! thread 2         |-query-------|
//! thread 3   |-GET /b---------------|          another one
//! ```
//!
//! The spans of a run are read twice or more: once to find the request of each, and once for each
//! rail and for CPU time, to add up what they cost.

mod answer;
mod costs;
mod group;
mod map;
mod options;
mod reading;
mod totals;

pub use answer::requests;
pub use options::RequestOptions;
