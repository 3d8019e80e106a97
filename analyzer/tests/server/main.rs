//! The server as its clients see it: a real process, real requests.

#[allow(dead_code, unreachable_pub)]
#[path = "../fixture/mod.rs"]
mod fixture;
#[allow(dead_code, unreachable_pub)]
mod nested;
#[allow(dead_code, unreachable_pub)]
mod served;

mod answers_equal_the_commands;
mod answers_have_the_golden_keys;
mod details_nest_tokens;
mod downloads_have_safe_names;
mod files_change_while_served;

mod lists_of_runs_are_paged;
mod malformed_requests_are_problems;
mod runs_are_deleted_with_confirmation;
mod slow_downloads_block_nobody;
mod unusual_runs_are_answered;
