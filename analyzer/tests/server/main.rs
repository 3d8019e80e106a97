//! The server as its clients see it: a real process, real requests.
#![cfg(feature = "serve")]

#[allow(dead_code, unreachable_pub)]
#[path = "../fixture/mod.rs"]
mod fixture;
#[allow(dead_code, unreachable_pub)]
mod nested;
#[allow(dead_code, unreachable_pub)]
mod raw;
#[allow(dead_code, unreachable_pub)]
mod served;

mod answers_equal_the_commands;
mod answers_have_the_golden_keys;
mod bad_values_cost_one_run;
mod bodies_are_small_json;
mod details_nest_tokens;
mod downloads_have_safe_names;
mod files_change_while_served;
#[cfg(feature = "inference")]
#[allow(dead_code, unreachable_pub)]
mod generated;
mod idle_clients_exclude_nobody;
mod lists_of_runs_are_paged;
mod live_messages_reach_clients;
mod malformed_requests_are_problems;
#[cfg(feature = "inference")]
mod one_run_is_generated_at_a_time;
#[cfg(feature = "inference")]
mod only_listed_models_are_run;
mod only_the_names_of_the_server_are_served;
mod responses_restrict_browsers;
mod runs_are_deleted_with_confirmation;
#[cfg(feature = "inference")]
mod runs_are_generated_in_both_forms;
mod servers_start_and_end_in_order;
mod slow_downloads_block_nobody;
mod tokens_are_required_where_other_machines_connect;
mod unusual_runs_are_answered;
