//! The server as its clients see it: a real process, real requests.

#[allow(dead_code, unreachable_pub)]
#[path = "../fixture/mod.rs"]
mod fixture;
#[allow(dead_code, unreachable_pub)]
mod served;

mod lists_of_runs_are_paged;
mod live_messages_reach_clients;
